"""Bring a shop's values into canonical form, and remember what had to be mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from esputnik_connector import identity
from esputnik_connector.records import Address, Note

TEXT_LENGTH = 255  # the most that every destination takes in a text field


class Mender:
    """Cleans the values of one record; :attr:`notes` says what did not survive."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def note(self, note: Note) -> None:
        self._notes[note] = None

    def text(self, value: object) -> str:
        if value is None or value == "":
            return ""
        whole = identity.one_line(value)
        if len(whole) <= TEXT_LENGTH:
            return whole
        self.note(Note.TEXT_CUT)
        return identity.cut(whole, TEXT_LENGTH)

    def email(self, value: object) -> str:
        canonical = identity.email(value)
        if value and not canonical:
            self.note(Note.EMAIL_DROPPED)
        return canonical

    def phone(self, candidates: Iterable[tuple[object, str]]) -> str:
        """The first usable of (number, country) pairs; a note only if none of them is."""
        written = [pair for pair in candidates if pair[0] is not None and pair[0] != ""]
        for number, country in written:
            if canonical := read_phone(number, country):
                return canonical
        if written:
            self.note(Note.PHONE_DROPPED)
        return ""

    def address(self, row: Mapping[str, Any]) -> Address:
        """An address from a row of any of Oscar's address tables."""
        lines = (row.get("line1"), row.get("line2"), row.get("line3"))
        return Address(
            region=self.text(row.get("state")),
            town=self.text(row.get("line4")),
            line=self.text(", ".join(filter(None, map(identity.one_line, lines)))),
            postcode=self.text(row.get("postcode")),
            country=self.text(row.get("country_id")),
        )


def read_phone(number: object, country: str) -> str:
    """E.164 by the shop's region, else by the address's own country; ``""`` if neither fits."""
    regions = (getattr(settings, "PHONENUMBER_DEFAULT_REGION", None) or "", country or "")
    return next(filter(None, (identity.phone(number, region=region) for region in regions)), "")
