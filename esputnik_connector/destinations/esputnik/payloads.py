"""Records of the shop as eSputnik spells them. Pure.

Here: contacts, erasures and what all payloads share; orders and carts have files of their own.
What is missing in the shop is left out, never sent empty (esputnik-api.md#omit-empty).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import cut, digits, language, one_line
from esputnik_connector.records import (
    AttributeValue,
    Contact,
    Erasure,
    JSONObject,
    JSONValue,
    Kind,
    Note,
    Reason,
)

CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
TEXT_LIMIT = 255  # no limit is documented; a usual column's width

# What we write of what ``contactFields`` can name (esputnik-api.md#contact-fields).
CONTACT_FIELDS = frozenset(
    {"firstName", "lastName", "languageCode", "email", "sms"}
    | {"address", "town", "region", "postcode"}
)
ADDRESS_FIELDS = ("region", "town", "address", "postcode")
FIELD_PREFIX = "field:"  # an additional field among the names of an envelope: "field:17"


def contact_envelope(contact: Contact, *, account: Account, last: Delivered | None) -> Envelope:
    """A contact, and which of its fields are ours to write.

    :raises Skip: neither e-mail nor phone: a contact needs a channel.
    """
    texts = Texts()
    standard = _standard_fields(contact, texts)
    extra = additional_fields(contact.attributes, account.fields)
    if not {"email", "sms"} & set(standard):
        raise Skip(Reason.NO_CONTACT_DATA)
    payload: JSONObject = {
        "contact": contact_payload("" if contact.is_guest else contact.key, standard, extra)
    }
    fields = frozenset(standard) | {f"{FIELD_PREFIX}{number}" for number in extra}
    return Envelope(
        kind=Kind.CONTACT,
        key=contact.key,
        payload=payload,
        digest=digest(payload),
        fields=fields,
        clears=_cleared(fields, account=account, last=last),
        is_replacing=last is not None and bool(last.locators),
        notes=notes(contact.notes, (Note.TEXT_CUT, texts.are_cut)),
    )


def contact_payload(key: str, standard: Mapping[str, str], extra: Mapping[int, str]) -> JSONObject:
    """A contact for ``POST /v1/contact`` and, within its list, ``POST /v1/contacts``
    (esputnik-api.md#contact-object).

    :param key: the customer's id, ``""`` for a guest: eSputnik finds them by e-mail or phone.
    :param standard: standard fields that carry a value. :param extra: additional ones, by id.
    """
    channels = ("email", "sms")
    return present(
        {
            "externalCustomerId": key,
            "channels": [
                {"type": name, "value": standard[name]} for name in channels if name in standard
            ],
            "firstName": standard.get("firstName"),
            "lastName": standard.get("lastName"),
            "languageCode": standard.get("languageCode"),
            "address": present({name: standard.get(name) for name in ADDRESS_FIELDS}),
            "fields": [{"id": number, "value": value} for number, value in extra.items()],
        }
    )


def _standard_fields(contact: Contact, texts: Texts) -> dict[str, str]:
    """The standard fields that carry a value, by the names of ``contactFields``."""
    values = {
        "email": contact.email,
        "sms": digits(contact.phone),
        "firstName": texts.fit(contact.first_name),
        "lastName": texts.fit(contact.last_name),
        "languageCode": language(contact.language),
        "region": texts.fit(contact.address.region),
        "town": texts.fit(contact.address.town),
        "address": texts.fit(contact.address.line),
        "postcode": texts.fit(contact.address.postcode),
    }
    return {name: value for name, value in values.items() if value}


def _cleared(fields: frozenset[str], *, account: Account, last: Delivered | None) -> frozenset[str]:
    """Fields that eSputnik holds from us and that are empty now. A field the merchant no longer
    maps is left as it is: it is theirs."""
    if last is None:
        return frozenset()
    mapped = {f"{FIELD_PREFIX}{number}" for _, number in account.fields}
    return (last.fields - fields) & (CONTACT_FIELDS | mapped)


def additional_fields(
    attributes: Mapping[str, AttributeValue], mapping: Iterable[tuple[str, int]]
) -> dict[int, str]:
    """Additional fields that carry a value: id → text (esputnik-api.md#additional-fields)."""
    values = {number: field_value(attributes.get(name)) for name, number in mapping}
    return {number: value for number, value in values.items() if value}


def field_value(value: AttributeValue) -> str:
    """An attribute as the text of an additional field; a moment is its date in the shop's zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        is_aware = timezone.is_aware(value)
        here = value.astimezone(timezone.get_default_timezone()) if is_aware else value
        return here.date().isoformat()
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, Decimal):
        return format(value, "f")  # never in scientific notation
    return str(value)


def erasure_envelope(erasure: Erasure, *, account: Account) -> Envelope:
    """A deleted person for ``DELETE /v1/contact`` (esputnik-api.md#contact-delete)."""
    payload: JSONObject = {"externalCustomerId": erasure.key, "erase": account.erase}
    return Envelope(kind=Kind.ERASURE, key=erasure.key, payload=payload, digest=digest(payload))


def present(values: Mapping[str, JSONValue]) -> JSONObject:
    """``values`` without the empty ones. Zero is a value."""
    return {
        name: value
        for name, value in values.items()
        if value or isinstance(value, (int, float))  # the other empty ones are None, "", [], {}
    }


def digest(payload: JSONValue) -> str:
    """Equal exactly when the payload is.

    :raises ValueError: the payload holds NaN or an infinity.
    """
    return measured_digest(payload)[0]


def measured_digest(payload: JSONValue) -> tuple[str, int]:
    """The digest, and a number of bytes that the payload does not exceed on the wire: here every
    character outside of ASCII is written out, with six bytes or more."""
    canonical = CANONICAL.encode(payload).encode()
    return hashlib.sha256(canonical).hexdigest(), len(canonical)


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
