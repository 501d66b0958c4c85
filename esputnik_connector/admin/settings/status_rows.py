"""The rows of “Statuses”: each status of the shop → one of the destination's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from esputnik_connector.admin.choices import with_stored
from esputnik_connector.destinations.base import Destination
from esputnik_connector.operations.connection.status_orders import Statuses
from esputnik_connector.operations.connection.statuses import choices

PREFIX = "status_mappings"
EMPTY_ROWS = 3  # of a shop that does not list its statuses: they are typed


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the rows are made of.

    :param stored: status of the shop → what it is mapped to, as it is stored.
    :param unmapped_text: what an order without a row travels as.
    """

    of_shop: Statuses
    stored: Mapping[str, str]
    backend: type[Destination] | None
    unmapped_text: str

    @property
    def names(self) -> list[str]:
        """Those without a row first, then as the shop has them, then those that it lost."""
        known = self.of_shop.names
        missing = [name for name in known if name not in self.stored]
        mapped = [name for name in known if name in self.stored]
        return [*missing, *mapped, *(name for name in self.stored if name not in known)]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What a status may be mapped to; none where any word will do."""
        known = choices(self.backend) if self.backend else []
        return (
            with_stored(known, dict.fromkeys(self.stored.values()), _gone_text()) if known else []
        )

    def is_lost(self, name: str) -> bool:
        """Is it sent as a word that the destination does not know?"""
        known = dict(choices(self.backend)) if self.backend else {}
        return bool(known) and self.stored.get(name, "") not in ("", *known)

    def proposals(self) -> dict[str, str]:
        """A sensible word for each status without a row whose name says what it is."""
        if self.backend is None:
            return {}
        found = {name: self.backend.propose_status(name) for name in self.of_shop.names}
        return {name: word for name, word in found.items() if word and name not in self.stored}


def _gone_text() -> str:
    return _("%(name)s — there is no such status at the platform")


class StatusRowForm(forms.Form):
    """The lengths are those of the columns."""

    shop_status = forms.CharField(required=False, max_length=100)
    status = forms.CharField(required=False, max_length=30)

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        name = str(self.initial.get("shop_status", ""))
        if name:
            self.fields["shop_status"].widget = forms.HiddenInput()
            label = _("What “%(status)s” is sent as") % {"status": name}
        else:
            self.fields["shop_status"].widget.attrs["aria-label"] = _("status in the shop")
            label = _("status at the destination")
        if table.choices:
            empty = "—" if not name or name in table.stored else self._default_text()
            self.fields["status"] = forms.ChoiceField(
                required=False, choices=[("", empty), *table.choices]
            )
        self.fields["status"].widget.attrs["aria-label"] = label

    def _default_text(self) -> str:
        return _("not mapped: sent as “%(status)s”") % {"status": self.table.unmapped_text}

    def clean_shop_status(self) -> str:
        """:raises ValidationError: the shop has no such status, and it was not mapped before."""
        written = str(self.cleaned_data["shop_status"])
        known = self.table.of_shop.names
        if written and known and written not in known and written not in self.table.stored:
            text = _("The shop has no order status “%(status)s”. It has: %(known)s.")
            raise forms.ValidationError(text % {"status": written, "known": ", ".join(known)})
        return written

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("status") and not cleaned.get("shop_status") and not self.errors:
            raise forms.ValidationError(_("Write which status of the shop this is."))
        return cleaned


class BaseStatusFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        """:raises ValidationError: a status stands in two rows."""
        met: set[str] = set()
        for form in self.forms:
            name = getattr(form, "cleaned_data", {}).get("shop_status", "")
            if name and name in met:
                text = _("The status “%(value)s” is mapped twice; keep one row of it.")
                raise forms.ValidationError(text % {"value": name})
            met.add(name)

    def rows(self) -> dict[str, str]:
        """Status of the shop → what was chosen, ``""`` for no row, of a valid form."""
        found = [form.cleaned_data for form in self.forms]
        return {one["shop_status"]: one["status"] for one in found if one.get("shop_status")}


def formset_of(table: Table, data: Any = None, *, proposed: Mapping[str, str] | None = None) -> Any:
    """One row for each status, and empty ones where the shop lists none.

    :param proposed: what is chosen in rows that have nothing yet.
    """
    extra = 0 if table.of_shop.names else EMPTY_ROWS
    kind = forms.formset_factory(StatusRowForm, formset=BaseStatusFormSet, extra=extra)
    words = {**(proposed or {}), **table.stored}
    initial = [{"shop_status": name, "status": words.get(name, "")} for name in table.names]
    return kind(data, initial=initial, prefix=PREFIX, form_kwargs={"table": table})


def posted_pairs(data: Any, without: Sequence[str]) -> list[tuple[str, str]]:
    """What a form posted, to be posted once more by the page that asks."""
    return [(name, data[name]) for name in data if name not in without]
