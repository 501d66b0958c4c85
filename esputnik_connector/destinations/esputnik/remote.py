"""What eSputnik holds of a contact, beside what would be sent. Pure, but for the asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esputnik_connector.destinations.base import Envelope, Remote
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Kind, Reason

from .client import EsputnikClient
from .contact_fields import CONTACT_FIELDS, additional_name, channels, values_in


def look_up(client: EsputnikClient, envelope: Envelope) -> Remote:
    """:raises Skip: eSputnik has no way to read anything but contacts."""
    sent = envelope.payload.get("contact")
    if envelope.kind is not Kind.CONTACT or not isinstance(sent, dict):
        raise Skip(Reason.NOT_SUPPORTED)
    for held in _found(client, sent):
        return Remote(is_found=True, differing=tuple(differing(sent, held)))
    return Remote(is_found=False)


def _found(client: EsputnikClient, sent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The contact with our id; else one that has the e-mail, and so has another id or none."""
    key = sent.get("externalCustomerId", "")
    if key:
        for held in _contacts(client.search_contacts(externalCustomerId=str(key)).body):
            if str(held.get("externalCustomerId")) == key:
                yield held
    for email in channels(sent, "email"):
        for held in _contacts(client.search_contacts(email=email).body):
            if email in channels(held, "email"):
                yield held


def _contacts(body: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in body if isinstance(entry, dict)] if isinstance(body, list) else []


def differing(sent: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    """Names of the fields of ``sent`` that ``held`` has otherwise. What only eSputnik knows is the
    merchant's own."""
    if sent.get("externalCustomerId", "") != str(held.get("externalCustomerId") or ""):
        yield "externalCustomerId"
    for field in CONTACT_FIELDS:
        there = values_in(held, field)
        if any(value not in there for value in values_in(sent, field)):
            yield field.told
    values = _fields(held)
    for number, value in _fields(sent).items():
        if values.get(number) != value:
            yield additional_name(number)


def _fields(contact: Mapping[str, Any]) -> dict[str, str]:
    entries = contact.get("fields") or []
    return {
        str(entry["id"]): str(entry.get("value", ""))
        for entry in entries
        if isinstance(entry, dict) and "id" in entry
    }
