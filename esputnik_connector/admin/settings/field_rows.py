"""The rows of “Fields”: an attribute of the shop → a field of the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import inlineformset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.choices import Choices, TableRowForm, UniqueColumnFormSet
from esputnik_connector.admin.connection.backend import backend_of
from esputnik_connector.destinations.base import AccountField, Destination
from esputnik_connector.models import Connection, FieldMapping
from esputnik_connector.shops.base import SupportsContactAttributes

EMPTY_ROWS = 3  # so that several fields are mapped at once


class FieldFormSet(UniqueColumnFormSet):
    """Tells its rows which destination the connection of the page has."""

    unique_column = "field_id"
    repeated_message = gettext_lazy(
        "The field id %(value)s is in the table twice; keep one row of it."
    )

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        backend = backend_of(self.instance.destination)
        return {**super().get_form_kwargs(index), "backend": backend, "known": self.known_fields()}

    def known_fields(self) -> dict[str, AccountField]:
        """The additional fields of the account, by id, as it described them last."""
        if not hasattr(self, "_known"):
            self._known = {one.id: one for one in registry.known_fields(self.instance)}
        return self._known


class FieldRowForm(TableRowForm):
    """The field is chosen by its name, or typed as an id."""

    shop_column = "attribute"
    other_id = forms.CharField(label=gettext_lazy("or another id"), required=False, max_length=100)

    class Meta:
        model = FieldMapping
        fields = ("attribute", "field_id")

    def __init__(
        self,
        *args: Any,
        backend: type[Destination] | None,
        known: Mapping[str, AccountField],
        **kwargs: Any,
    ) -> None:
        self.backend, self.known = backend, known
        super().__init__(*args, **kwargs)

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

    def read_choices(self) -> Choices:
        shop = registry.shop()
        return shop.attributes().items() if isinstance(shop, SupportsContactAttributes) else ()

    def gone_label(self) -> str:
        return _("%(name)s — the shop has no such attribute")

    def clean_field_id(self) -> str:
        """:raises ValidationError: nothing was chosen, or the account has no such field."""
        typed = str(self.data.get(self.add_prefix("other_id"), "")).strip()
        written = typed or str(self.cleaned_data["field_id"])
        if not written:
            raise forms.ValidationError(_("Choose a field of the account, or type its id."))
        if self.backend is None:
            return written
        cleaned = self.backend.clean_field_id(written)
        self.backend.check_mapped_field(cleaned, self.known)
        return cleaned


RowFormSet = inlineformset_factory(
    Connection, FieldMapping, form=FieldRowForm, formset=FieldFormSet, extra=EMPTY_ROWS
)


def field_name(field: AccountField) -> str:
    """As a person knows it, with its id behind."""
    named = " · ".join(part for part in (field.name, field.type) if part)
    read_only = _("read-only") if field.is_read_only else ""
    return " · ".join(part for part in (named, read_only, field.id) if part)
