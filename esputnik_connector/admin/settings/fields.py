"""“Fields”: what the shop knows of a customer, and where the account has a place for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.forms import inlineformset_factory
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.connection.backend import backend_of
from esputnik_connector.admin.connection.key_check import PATIENCE, failure_text
from esputnik_connector.admin.connection.mappings import FieldFormSet, FieldMappingForm
from esputnik_connector.admin.pages import APP, Group, Page, register
from esputnik_connector.destinations.base import AccountField, Destination
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models import Connection, FieldMapping
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.connection.account import keep_fields
from esputnik_connector.operations.record.examples import Example, examples
from esputnik_connector.pipeline.wake import wake

from . import version

TEMPLATE = "admin/esputnik_connector/settings/fields.html"


class FieldRowForm(FieldMappingForm):
    """An attribute of the shop → a field of the account by name, or by an id that was typed."""

    other_id = forms.CharField(label=gettext_lazy("or another id"), required=False, max_length=100)

    class Meta:
        model = FieldMapping
        fields = ("attribute", "field_id")

    def offer_choices(self) -> None:
        super().offer_choices()
        self.fields["field_id"] = forms.ChoiceField(
            label=_("field of the account"), required=False, choices=self._choices
        )

    def _choices(self) -> list[tuple[str, str]]:
        known = [(one.id, field_name(one)) for one in self.known.values()]
        stored = self.instance.field_id
        if stored and stored not in self.known:
            known.append((stored, _("%(id)s — the account has no such field") % {"id": stored}))
        return [("", "—"), *known]

    def clean_field_id(self) -> str:
        """:raises ValidationError: nothing was chosen, or the account has no such field."""
        typed = str(self.data.get(self.add_prefix("other_id"), "")).strip()
        self.cleaned_data["field_id"] = typed or self.cleaned_data["field_id"]
        if not self.cleaned_data["field_id"]:
            raise forms.ValidationError(_("Choose a field of the account, or type its id."))
        return super().clean_field_id()


RowFormSet = inlineformset_factory(
    Connection, FieldMapping, form=FieldRowForm, formset=FieldFormSet, extra=1
)


def field_name(field: AccountField) -> str:
    """As a person knows it, with its id behind."""
    named = " · ".join(part for part in (field.name, field.type) if part)
    read_only = _("read-only") if field.is_read_only else ""
    return " · ".join(part for part in (named, read_only, field.id) if part)


def fields_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The table, the button that asks the account, and what is wrong with each row."""
    connection = chosen_connection(request)
    if connection is None:
        return TemplateResponse(request, TEMPLATE, context)
    if request.method == "POST" and "fetch" in request.POST:
        _fetch(request, connection)
        return redirect(request.get_full_path())
    formset: Any = None
    if request.method == "POST":
        formset, is_saved = _save(request, connection)
        if is_saved:
            return redirect(request.get_full_path())
    formset = formset or RowFormSet(instance=connection)
    found = examples(connection)
    backend = backend_of(connection.destination)
    context |= {
        "connection": connection,
        "connections": Connection.objects.order_by("name"),
        "formset": formset,
        "rows": [_row(form, found, formset.known_fields(), backend) for form in formset],
        "examples": _unmapped(formset, found),
        "has_fields": bool(connection.known_fields),
        "field_help": backend.field_id_help if backend else "",
        "version_name": version.NAME,
        "version": request.POST.get(version.NAME) or version.version_of(connection),
    }
    return TemplateResponse(request, TEMPLATE, context)


def chosen_connection(request: HttpRequest) -> Connection | None:
    """That of the address, or the first one."""
    rows = Connection.objects.order_by("name")
    asked = request.GET.get("connection", "")
    return (rows.filter(name=asked).first() if asked else None) or rows.first()


def _fetch(request: HttpRequest, connection: Connection) -> None:
    """Ask the account, for a few seconds at most. What was known stays when it does not answer."""
    try:
        with closing(registry.destination(connection)) as destination, patience(PATIENCE):
            if not destination.supports_account_fields:
                messages.warning(request, _("This platform does not describe its fields."))
                return
            found = destination.account_fields()
    except ConnectorError as error:
        text = _("The fields could not be fetched. You can type the id of a field. %(why)s")
        why = failure_text(error, connection.destination)
        messages.warning(request, text % {"why": why})
        return
    keep_fields(connection, found)
    messages.success(request, _("Fields of the account: %(count)d.") % {"count": len(found)})


def _save(request: HttpRequest, connection: Connection) -> tuple[Any, bool]:
    with transaction.atomic():
        stored = version.hold(connection.pk)
        if stored is None:
            return None, False
        formset: Any = RowFormSet(request.POST, instance=stored)
        changed = version.changed_since(request.POST.get(version.NAME, ""), stored)
        if changed:
            messages.error(request, version.conflict_text(changed))
            return formset, False
        if not formset.is_valid():
            return formset, False
        formset.save()
        if formset.has_changed():
            admin.ModelAdmin(Connection, admin.site).log_change(
                request, stored, _("Fields were mapped.")
            )
    if formset.has_changed():
        messages.success(
            request,
            _(
                "Saved. Customers are sent with it when they next change, and by the next nightly "
                "reconciliation."
            ),
        )
        wake(connection.pk)
    return formset, True


def _row(
    form: Any,
    found: Mapping[str, Example],
    known: Mapping[str, AccountField],
    backend: type[Destination] | None,
) -> dict[str, Any]:
    mapping = form.instance
    example = found.get(mapping.attribute)
    return {
        "form": form,
        "example": example,
        "trouble": trouble(mapping, example, known, backend) if mapping.pk else "",
    }


def trouble(
    mapping: FieldMapping,
    example: Example | None,
    known: Mapping[str, AccountField],
    backend: type[Destination] | None,
) -> str:
    """Why what stands in this row does not arrive; ``""`` if nothing speaks against it."""
    if not known:
        return ""
    field = known.get(mapping.field_id)
    if field is None:
        return _(
            "The account has no field %(id)s any more: nothing of this arrives. Choose another "
            "one, or take the row away."
        ) % {"id": mapping.field_id}
    if field.is_read_only:
        return _("Only the account itself fills this field: nothing of this arrives.")
    if example is None or backend is None or backend.field_text(example.value, field):
        return ""
    return _(
        "A field of the type “%(type)s” does not take “%(value)s”: the value of this customer "
        "would be left out."
    ) % {"type": field.type, "value": example.text}


def _unmapped(formset: Any, found: Mapping[str, Example]) -> Sequence[Example]:
    mapped = {form.instance.attribute for form in formset.initial_forms}
    return [one for name, one in found.items() if name not in mapped]


register(
    Page(
        name="fields",
        title=gettext_lazy("Fields"),
        permission=(Right.CONFIGURE.permission, f"{APP}.change_connection"),
        path="settings/fields/",
        view=fields_page,
        group=Group.SETTINGS,
        rank=70,
    )
)
