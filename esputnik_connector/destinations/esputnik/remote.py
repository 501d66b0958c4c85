"""What eSputnik holds of a contact, beside what would be sent. Pure, but for the asking.

A search shows neither external id nor address nor language, so its rows only tell the number by
which the whole contact is read (esputnik-api.md#contact-search).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from esputnik_connector.destinations.base import Envelope, Remote
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError, Skip, TemporaryError
from esputnik_connector.records import JSONObject, Kind, Reason

from .answers import proof
from .answers.values import entries, number_of, text_of
from .client import EsputnikClient
from .contacts.fields import CONTACT_FIELDS, additional_name, channels, values_in
from .receipts import is_unknown_contact, readable, says_nothing


def look_up(client: EsputnikClient, envelope: Envelope) -> Remote:
    """:raises Skip: eSputnik has no way to read anything but contacts.
    :raises TemporaryError: the answer says nothing.
    """
    sent = envelope.payload.get("contact")
    if envelope.kind is not Kind.CONTACT or not isinstance(sent, dict):
        raise Skip(Reason.NOT_SUPPORTED)
    for held in _found(client, sent):
        return Remote(is_found=True, differing=tuple(differing(sent, held)))
    return Remote(is_found=False)


def _found(client: EsputnikClient, sent: Mapping[str, Any]) -> Iterator[JSONObject]:
    """The contact with our id; else one that has the e-mail, and so has another id or none."""
    if key := str(sent.get("externalCustomerId", "")):
        yield from by_external_id(client, key)
    for email in channels(sent, "email"):
        yield from by_email(client, email)


def held(client: EsputnikClient, *, key: str, emails: Sequence[str]) -> list[JSONObject]:
    """Whole contacts that have our id or one of the e-mails, each once.

    :raises TemporaryError: the answer says nothing.
    """
    found: dict[str, JSONObject] = {}
    for one in by_external_id(client, key) if key else ():
        found[number_of(one, "id")] = one
    for email in emails:
        for one in by_email(client, email):
            found.setdefault(number_of(one, "id"), one)
    return list(found.values())


def by_external_id(client: EsputnikClient, key: str) -> Iterator[JSONObject]:
    """Whole contacts with this external id: one, or none.

    :raises TemporaryError: the answer says nothing.
    """
    for row in _rows(client.search_by_external_id(key)):
        held = by_number(client, number_of(row, "id"))
        if held is not None and text_of(held, "externalCustomerId") == key:
            yield held


def by_email(client: EsputnikClient, email: str) -> Iterator[JSONObject]:
    """Whole contacts with this e-mail; the search itself is not exact.

    :raises TemporaryError: the answer says nothing.
    """
    for row in _rows(client.search_by_email(email)):
        if email.lower() in channels(row, "email"):
            held = by_number(client, number_of(row, "id"))
            if held is not None:
                yield held


def by_number(client: EsputnikClient, number: str) -> JSONObject | None:
    """The whole contact with eSputnik's own number; ``None`` when there is none.

    :raises TemporaryError: the answer is about another person.
    """
    if not number:
        return None
    try:
        answer = client.contact(number)
    except RejectedError as error:
        if is_unknown_contact(error):
            return None
        raise
    held = readable(answer)
    if not isinstance(held, dict) or number_of(held, "id") != number:
        raise _nothing_said(answer, proof.BY_NUMBER)
    return held


def _rows(answer: Answer) -> list[JSONObject]:
    """An absence must be told: words about something else are none."""
    body = readable(answer)
    is_told = isinstance(body, list) or body == {} or bool(number_of(body, "id"))
    if not is_told:
        raise _nothing_said(answer, proof.SEARCH)
    return entries(body)


def _nothing_said(answer: Answer, expected: proof.Proof) -> TemporaryError:
    return TemporaryError(says_nothing(answer, expected), status=answer.status, was_received=True)


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
    found = entries(contact.get("fields"))
    return {text_of(one, "id"): str(one.get("value", "")) for one in found if "id" in one}
