"""What all payloads share: texts that fit, and notes. Pure.

Contacts, orders, carts and events have files of their own. What is missing in the shop is left out,
never sent empty (esputnik-api.md#omit-empty).
"""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.identity import fitted, one_line
from esputnik_connector.records import JSONObject, JSONValue, Note

from .contacts.names import person_name


def present(values: Mapping[str, JSONValue]) -> JSONObject:
    """``values`` without the empty ones. Zero is a value."""
    return {
        name: value
        for name, value in values.items()
        if value or isinstance(value, (int, float))  # the other empty ones are None, "", [], {}
    }


class Texts:
    """Cuts texts at :data:`~esputnik_connector.identity.TEXT_LENGTH` characters and cleans names;
    ``are_cut`` once a text was longer, ``are_mended`` once a name was of another form."""

    def __init__(self) -> None:
        self.are_cut = False
        self.are_mended = False

    def fit(self, value: str) -> str:
        text, is_cut = fitted(value)
        if is_cut:
            self.are_cut = True
        return text

    def name(self, value: str) -> str:
        """A first or last name as eSputnik takes it."""
        written = one_line(value)
        name = person_name(written)
        self.are_mended = self.are_mended or name != written
        return name


def notes(given: tuple[Note, ...], *conditional: tuple[Note, bool]) -> tuple[Note, ...]:
    """``given`` and the notes whose condition holds, each once."""
    return tuple(dict.fromkeys([*given, *(note for note, holds in conditional if holds)]))
