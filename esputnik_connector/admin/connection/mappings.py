"""The two tables inside a connection: contact attributes → fields, statuses → statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import Choices, TableRowForm, UniqueColumnFormSet
from esputnik_connector.models import Connection, FieldMapping, StatusMapping

DATALIST_ID = "esputnik-shop-statuses"


class FieldFormSet(UniqueColumnFormSet):
    unique_column = "field_id"
    repeated_message = gettext_lazy(
        "The field id %(value)s is in the table twice; keep one row of it."
    )


class StatusFormSet(UniqueColumnFormSet):
    unique_column = "shop_status"
    repeated_message = gettext_lazy("The status “%(value)s” is mapped twice; keep one row of it.")


class FieldMappingForm(TableRowForm):
    shop_column = "attribute"

    def read_choices(self) -> Choices:
        return registry.shop().attributes().items()

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


class StatusMappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = StatusMapping
    form = StatusMappingForm
    formset = StatusFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("order statuses")


def unmapped_statuses(connection: Connection | None) -> Sequence[str]:
    """Statuses of the shop that have no row in the connection's table."""
    mapped: set[str] = set()
    if connection is not None:
        mapped = set(connection.status_mappings.values_list("shop_status", flat=True))
    return [status for status in registry.shop().statuses() if status not in mapped]
