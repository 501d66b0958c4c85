"""The two tables inside a connection: contact attributes → fields, statuses → statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import Choices, offer
from esputnik_connector.models import Connection, FieldMapping, StatusMapping
from esputnik_connector.shops.base import SupportsContactAttributes, SupportsStatuses

DATALIST_ID = "esputnik-shop-statuses"


class OnceFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Says which row repeats another one, where Django would name two database columns."""

    once: ClassVar[str]
    once_message: ClassVar[Any]

    def validate_unique(self) -> None:
        seen: set[Any] = set()
        repeated: list[str] = []
        for form in self.forms:
            if not hasattr(form, "cleaned_data") or form in self.deleted_forms:
                continue
            value = form.cleaned_data.get(self.once)
            if value in seen:
                message = str(self.once_message) % {"value": value}
                form.add_error(self.once, message)
                repeated.append(message)
            if value is not None:
                seen.add(value)
        if repeated:
            raise ValidationError(repeated)


class FieldFormSet(OnceFormSet):
    once = "field_id"
    once_message = gettext_lazy("The field id %(value)s is in the table twice; keep one row of it.")


class StatusFormSet(OnceFormSet):
    once = "shop_status"
    once_message = gettext_lazy("The status “%(value)s” is mapped twice; keep one row of it.")


def name_columns(form: forms.BaseForm) -> None:
    """In a table the label is at the top of the column, where a screen reader does not see it."""
    for field in form.fields.values():
        if not field.widget.is_hidden and field.label:
            field.widget.attrs["aria-label"] = field.label


def contact_attributes() -> Choices:
    """Names of the shop's contact attributes, with labels; none, where its adapter has none."""
    shop = registry.shop()
    return shop.attributes().items() if isinstance(shop, SupportsContactAttributes) else ()


def shop_statuses() -> Sequence[str]:
    """Every order status the shop knows; none, where its adapter does not list them."""
    shop = registry.shop()
    return shop.statuses() if isinstance(shop, SupportsStatuses) else ()


class FieldMappingForm(forms.ModelForm):  # type: ignore[type-arg]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(
            self,
            "attribute",
            contact_attributes,
            gone=_("%(name)s — the shop has no such attribute"),
        )
        name_columns(self)


class FieldMappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FieldMapping
    form = FieldMappingForm
    formset = FieldFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("contact attributes sent to additional fields")


class StatusMappingForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "shop_status": forms.TextInput(attrs={"list": DATALIST_ID, "autocomplete": "off"})
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_columns(self)


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
    return [status for status in shop_statuses() if status not in mapped]
