"""The two tables inside a connection: contact attributes → fields, statuses → statuses."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import offer
from esputnik_connector.destinations.base import Destination
from esputnik_connector.models import FieldMapping, StatusMapping
from esputnik_connector.operations.statuses import choices

from .backend import backend_of

DATALIST_ID = "esputnik-shop-statuses"


class OnceFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Says which row repeats another one, where Django would name two database columns. Its forms
    are told which destination the connection of the page has."""

    once: ClassVar[str]
    once_message: ClassVar[Any]

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        name = self.instance.destination
        return {**super().get_form_kwargs(index), "backend": backend_of(name)}

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


class FieldMappingForm(forms.ModelForm):  # type: ignore[type-arg]
    def __init__(self, *args: Any, backend: type[Destination] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.backend = backend
        if backend and "field_id" in self.fields:
            self.fields["field_id"].help_text = str(backend.field_id_help)
        offer(
            self,
            "attribute",
            lambda: registry.shop().attributes().items(),
            gone=_("%(name)s — the shop has no such attribute"),
        )
        name_columns(self)

    def clean_field_id(self) -> str:
        written = str(self.cleaned_data["field_id"])
        return self.backend.clean_field_id(written) if self.backend else written


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

    def __init__(self, *args: Any, backend: type[Destination] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if backend and backend.statuses:
            offer(self, "status", lambda: choices(backend))
        name_columns(self)


class StatusMappingInline(admin.TabularInline):  # type: ignore[type-arg]
    model = StatusMapping
    form = StatusMappingForm
    formset = StatusFormSet
    extra = 0
    verbose_name_plural = gettext_lazy("order statuses")
