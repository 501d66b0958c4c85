"""What several admin classes share: lists to look at, secrets to write, pages of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from .counted_lists import CountedListMixin

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object

CONFIRMATION = "admin/esputnik_connector/confirmation.html"


class TitledListMixin(Base):
    """A list is called by what it shows. Django's “Select … to change” puts the name of one record
    into a sentence, which most languages inflect."""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class ReadOnlyAdmin(TitledListMixin, CountedListMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """View only: the connector writes these rows, support and the merchant read them."""

    list_select_related = ["connection"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """An action changes rows, although no page edits one."""
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))


class WriteOnlyFieldMixin(Base):
    """A form with a secret that can be written and never read.

    The field :attr:`write_only` is hidden from people who may only look.
    """

    write_only = ""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        may_write = (
            self.has_add_permission(request)
            if obj is None
            else self.has_change_permission(request, obj)
        )
        hidden = () if may_write else (self.write_only,)
        shown = []
        for title, options in self.fieldsets or ():
            names = [name for name in options["fields"] if name not in hidden]
            shown.append((title, {**options, "fields": names}))
        return shown


class ActionPagesMixin(Base):
    """Buttons on the page of one record, each with an address of its own."""

    def changeable(self, request: HttpRequest, pk: int) -> Any:
        """The record; ``None`` if there is none.

        :raises PermissionDenied: this person may not change it.
        """
        record = self.get_object(request, str(pk))
        if not self.has_change_permission(request, record):
            raise PermissionDenied
        return record

    def back_to(self, record: Any) -> HttpResponse:
        """To the page of the record, where the messages are shown."""
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return redirect(reverse(page, args=[record.pk], current_app=self.admin_site.name))

    def confirmation(
        self,
        request: HttpRequest,
        record: Any,
        *,
        title: str,
        consequences: Sequence[str],
        yes: str,
    ) -> HttpResponse:
        """A page that says what an action means, and asks for a POST to the same address.

        :param consequences: a paragraph each.
        :param yes: what stands on the button.
        """
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "original": record,
            "consequences": consequences,
            "yes": yes,
        }
        return TemplateResponse(request, CONFIRMATION, context)
