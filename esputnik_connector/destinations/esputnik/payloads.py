"""What all payloads share: texts that fit, and notes. Pure.

Contacts, orders, carts and events have files of their own. What is missing in the shop is left out,
never sent empty (esputnik-api.md#omit-empty).
"""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.identity import cut, one_line
from esputnik_connector.records import JSONObject, JSONValue, Note

TEXT_LIMIT = 255  # no limit is documented; a usual column's width


def present(values: Mapping[str, JSONValue]) -> JSONObject:
    """``values`` without the empty ones. Zero is a value."""
    return {
        name: value
        for name, value in values.items()
        if value or isinstance(value, (int, float))  # the other empty ones are None, "", [], {}
    }


class Texts:
    """Fits texts into :data:`TEXT_LIMIT`; ``are_cut`` once one of them was longer."""

    def __init__(self) -> None:
        self.are_cut = False

    def fit(self, value: str) -> str:
        whole = one_line(value)
        if len(whole) <= TEXT_LIMIT:
            return whole
        self.are_cut = True
        return cut(whole, TEXT_LIMIT)


def notes(given: tuple[Note, ...], *conditional: tuple[Note, bool]) -> tuple[Note, ...]:
    """``given`` and the notes whose condition holds, each once."""
    return tuple(dict.fromkeys([*given, *(note for note, holds in conditional if holds)]))
