"""“Fields”: what the shop knows of a customer, and where the account has a place for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.connection.backend import backend_of
from esputnik_connector.admin.connection.key_check import PATIENCE, failure_text
from esputnik_connector.admin.pages import Group, Page, register
from esputnik_connector.destinations.base import AccountField, Destination
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models import Connection, FieldMapping
from esputnik_connector.operations.connection.account import keep_fields
from esputnik_connector.operations.record.examples import Example, examples
from esputnik_connector.pipeline.wake import wake

from . import version
from .field_rows import RowFormSet
from .table import READERS, about, chosen_connection, may_change

TEMPLATE = "admin/esputnik_connector/settings/fields.html"


def fields_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The table, the button that asks the account, and what is wrong with each row."""
    connection = chosen_connection(request)
    if connection is None:
        return TemplateResponse(request, TEMPLATE, context)
    is_changeable = may_change(request)
    if request.method == "POST" and "fetch" in request.POST:
        _fetch(request, connection)
        return redirect(request.get_full_path())
    formset: Any = None
    if request.method == "POST":
        formset, is_saved = _save(request, connection)
        if is_saved:
            return redirect(request.get_full_path())
    formset = formset or RowFormSet(instance=connection)
    found = examples(connection) if is_changeable else {}  # of a real customer
    backend = backend_of(connection.destination)
    context |= {
        **about(connection, is_changeable=is_changeable),
        "formset": formset,
        "rows": [_row(form, found, formset.known_fields(), backend) for form in formset],
        "examples": _unmapped(formset, found),
        "has_fields": bool(connection.known_fields),
        "field_help": backend.field_id_help if backend else "",
        "version_name": version.NAME,
        "version": request.POST.get(version.NAME) or version.version_of(connection, version.FIELDS),
    }
    return TemplateResponse(request, TEMPLATE, context)


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
        changed = version.changed_since(request.POST.get(version.NAME, ""), stored, version.FIELDS)
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
        permission=READERS,
        path="settings/fields/",
        view=fields_page,
        group=Group.SETTINGS,
        rank=70,
    )
)
