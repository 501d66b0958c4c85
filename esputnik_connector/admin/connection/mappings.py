"""The two tables inside a connection: contact attributes → fields, statuses → statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import (
    Choices,
    TableRowForm,
    UniqueColumnFormSet,
    offer_choice,
)
from esputnik_connector.destinations.base import AccountField, Destination
from esputnik_connector.models import FieldMapping, StatusMapping
from esputnik_connector.operations.connection.statuses import choices
from esputnik_connector.operations.connection.statuses import of_shop as statuses_of_shop
from esputnik_connector.shops.base import SupportsContactAttributes

from .backend import backend_of

DATALIST_ID = "esputnik-shop-statuses"


class MappingFormSet(UniqueColumnFormSet):
    """Tells its rows which destination the connection of the page has."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        backend = backend_of(self.instance.destination)
        return {**super().get_form_kwargs(index), "backend": backend, "known": self.known_fields()}

    def known_fields(self) -> dict[str, AccountField]:
        """The additional fields of the account, by id, as it described them last."""
        if not hasattr(self, "_known"):
            self._known = {one.id: one for one in registry.known_fields(self.instance)}
        return self._known


class FieldFormSet(MappingFormSet):
    unique_column = "field_id"
    repeated_message = gettext_lazy(
        "The field id %(value)s is in the table twice; keep one row of it."
    )


class StatusFormSet(MappingFormSet):
    unique_column = "shop_status"
    repeated_message = gettext_lazy("The status “%(value)s” is mapped twice; keep one row of it.")


class FieldMappingForm(TableRowForm):
    shop_column = "attribute"

    def __init__(
        self,
        *args: Any,
        backend: type[Destination] | None,
        known: Mapping[str, AccountField],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.backend, self.known = backend, known
        if backend and "field_id" in self.fields:
            self.fields["field_id"].help_text = str(backend.field_id_help)
            field = known.get(self.instance.field_id)
            if field is not None:
                self.fields["field_id"].help_text = f"{field.name} · {field.type}"

    def clean_field_id(self) -> str:
        written = str(self.cleaned_data["field_id"])
        if self.backend is None:
            return written
        cleaned = self.backend.clean_field_id(written)
        self.backend.check_mapped_field(cleaned, self.known)
        return cleaned

    def read_choices(self) -> Choices:
        shop = registry.shop()
        return shop.attributes().items() if isinstance(shop, SupportsContactAttributes) else ()

    def gone_label(self) -> str:
        return _("%(name)s — the shop has no such attribute")


class FieldMappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FieldMapping
    form = FieldMappingForm
    formset = FieldFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("contact attributes sent to additional fields")


class StatusMappingForm(TableRowForm):
    class Meta:
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "shop_status": forms.TextInput(attrs={"list": DATALIST_ID, "autocomplete": "off"})
        }

    def __init__(
        self,
        *args: Any,
        backend: type[Destination] | None,
        known: Mapping[str, AccountField],
        **kwargs: Any,
    ) -> None:
        del known  # of additional fields alone
        self.backend = backend
        super().__init__(*args, **kwargs)

    def clean_shop_status(self) -> str:
        """:raises ValidationError: the shop has no such status, and it was not mapped before."""
        written = str(self.cleaned_data["shop_status"])
        known = statuses_of_shop()
        if known and written not in known and written != self.initial.get("shop_status"):
            text = _("The shop has no order status “%(status)s”. It has: %(known)s.")
            raise forms.ValidationError(
                text % {"status": written, "known": ", ".join(map(str, known))}
            )
        return written

    def offer_choices(self) -> None:
        if self.backend and self.backend.statuses:
            statuses = choices(self.backend)
            offer_choice(self, "status", lambda: statuses)


class StatusMappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = StatusMapping
    form = StatusMappingForm
    formset = StatusFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("order statuses")


def kept_text(changed: Sequence[str]) -> str:
    """What a new word for some statuses means for orders that were delivered by the former one."""
    return _(
        "Orders with these statuses are not sent again for the new word alone, nor at night: "
        "%(statuses)s. To send old ones again, each with its workflow event, choose them under "
        "“What eSputnik has” and press “Send again”."
    ) % {"statuses": ", ".join(changed)}
