"""Texts of a form as lists to choose from, and the tables inside a form whose rows hold such texts.

What is stored stays a choice, though the shop no longer has it: saving a form must not change a
field that the merchant did not touch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext as _

Choices = Iterable[tuple[Any, Any]]  # value, label; of any type that has a text


def with_stored(choices: Choices, stored: Iterable[str], gone: str = "") -> list[tuple[str, str]]:
    """``choices``, and those of ``stored`` that are not among them.

    :param gone: label of the latter, with ``%(name)s``; a general one if left out.
    """
    known = [(str(value), str(label)) for value, label in choices]
    values = {value for value, _label in known}
    gone = gone or _("%(name)s — the shop no longer has it")
    return known + [(value, gone % {"name": value}) for value in stored if value not in values]


def offer_choice(
    form: Any, name: str, read: Callable[[], Choices], *, empty: str = "—", gone: str = ""
) -> None:
    """Make the text field ``name`` a list, unless this person may only look at it.

    :param read: asks the shop or the destination; called only if the field is shown.
    :param empty: label of “nothing chosen”; ``""`` where one always is.
    :param gone: as in :func:`with_stored`.
    """
    if name not in form.fields:
        return
    field = form.fields[name]
    stored = filter(None, [getattr(form.instance, name)])
    choices = with_stored(read(), stored, gone)
    form.fields[name] = forms.ChoiceField(
        label=field.label,
        help_text=field.help_text,
        choices=[("", empty), *choices] if empty else choices,
    )


def offer_choices(form: Any, name: str, read: Callable[[], Choices]) -> None:
    """Fill the list ``name``, of which several may be chosen."""
    if name in form.fields:
        form.fields[name].choices = with_stored(read(), getattr(form.instance, name))


class TableRowForm(forms.ModelForm):  # type: ignore[type-arg]
    """A row of a table inside a form. One column may be a list of what the shop has."""

    shop_column: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_choices()
        self._label_columns()

    def offer_choices(self) -> None:
        """Make lists of the columns that have one."""
        if self.shop_column:
            offer_choice(self, self.shop_column, self.read_choices, gone=self.gone_label())

    def read_choices(self) -> Choices:
        """What the shop has for :attr:`shop_column`."""
        raise NotImplementedError

    def gone_label(self) -> str:
        """As in :func:`with_stored`."""
        return ""

    def _label_columns(self) -> None:
        """The label is at the top of the column, where a screen reader does not find it."""
        for field in self.fields.values():
            if not field.widget.is_hidden and field.label:
                field.widget.attrs["aria-label"] = field.label


class UniqueColumnFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Says which row repeats another one, where Django would name two database columns."""

    unique_column: ClassVar[str]
    repeated_message: ClassVar[Any]  # with “%(value)s”

    def validate_unique(self) -> None:
        seen: set[Any] = set()
        repeated: list[str] = []
        for form in self.forms:
            if not hasattr(form, "cleaned_data") or form in self.deleted_forms:
                continue
            value = form.cleaned_data.get(self.unique_column)
            if value in seen:
                message = str(self.repeated_message) % {"value": value}
                form.add_error(self.unique_column, message)
                repeated.append(message)
            if value is not None:
                seen.add(value)
        if repeated:
            raise ValidationError(repeated)
