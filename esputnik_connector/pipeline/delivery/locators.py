"""Salted hashes of what names a person, so that two sendings can be compared without keeping it."""

from __future__ import annotations

from esputnik_connector.identity import fingerprint
from esputnik_connector.records import Record


def locators_of(record: Record, *, salt: str) -> dict[str, str]:
    """``{"email": hash, "phone": hash}`` of what the record carries."""
    values = {name: getattr(record, name, "") for name in ("email", "phone")}
    return {name: fingerprint(value, salt=salt) for name, value in values.items() if value}
