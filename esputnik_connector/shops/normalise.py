"""Bring a shop's values into the form in which records hold them, and note what was lost."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from esputnik_connector import identity
from esputnik_connector.records import Note


class Cleaner:
    """Normalises the values of one record; :attr:`notes` says what did not survive.

    For the adapter of any shop: make one for each record, pass its texts, e-mail and phones through
    it, and put ``notes`` into the record last.
    """

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    def note(self, note: Note) -> None:
        self._notes[note] = None

    def text(self, value: object) -> str:
        """On one line, at most :data:`~esputnik_connector.identity.TEXT_LENGTH` characters."""
        if value is None or value == "":
            return ""
        text, is_cut = identity.fitted(str(value))
        if is_cut:
            self.note(Note.TEXT_CUT)
        return text

    def email(self, value: object) -> str:
        """The address in canonical form; ``""`` and a note when it is none."""
        canonical = identity.email(value)
        if value and not canonical:
            self.note(Note.EMAIL_DROPPED)
        return canonical

    def phone(self, candidates: Iterable[tuple[object, str]]) -> str:
        """The first usable of (number, country) pairs; a note only if none of them is."""
        is_written = False
        for number, country in candidates:
            if number is None or number == "":
                continue
            is_written = True
            if canonical := read_phone(number, country):
                return canonical
        if is_written:
            self.note(Note.PHONE_DROPPED)
        return ""


def read_phone(number: object, country: str) -> str:
    """E.164 by the shop's region, else by the address's own country; ``""`` if neither fits."""
    usual = getattr(settings, "PHONENUMBER_DEFAULT_REGION", None) or ""
    return identity.phone(number, region=usual) or identity.phone(number, region=country or "")
