"""Texts of a form as lists to choose from. What is stored stays a choice, though the shop no longer
has it: saving a form must not change what nobody looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _

Choices = Iterable[tuple[Any, Any]]  # value, label; of any kind that has a text


def with_stored(choices: Choices, stored: Iterable[str], gone: str = "") -> list[tuple[str, str]]:
    """``choices``, and those of ``stored`` that are not among them, under the label ``gone``."""
    known = [(str(value), str(label)) for value, label in choices]
    values = {value for value, _label in known}
    gone = gone or _("%(name)s — the shop no longer has it")
    return known + [(value, gone % {"name": value}) for value in stored if value not in values]


def offer(
    form: Any,
    name: str,
    read: Callable[[], Choices],
    *,
    empty: str = "—",
    gone: str = "",
    is_required: bool = True,
) -> None:
    """Make the text field ``name`` a list, unless this person may only look at it.

    :param empty: label of “nothing chosen”; ``""`` where something always is.
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
        required=is_required,
    )


def offer_several(form: Any, name: str, read: Callable[[], Choices]) -> None:
    """Fill the list ``name``, of which several may be chosen."""
    if name in form.fields:
        form.fields[name].choices = with_stored(read(), getattr(form.instance, name))
