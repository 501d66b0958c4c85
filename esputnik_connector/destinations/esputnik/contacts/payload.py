"""A contact for ``POST /v1/contact`` and ``POST /v1/contacts``, and its deletion. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.destinations.base import Account, Delivered, Envelope
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.esputnik.choices import DEACTIVATE
from esputnik_connector.destinations.esputnik.payloads import Texts, notes, present
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Contact, Erasure, JSONObject, Kind, Note, Reason

from .field_values import FieldValues
from .fields import CHANNELS, NAMES, additional_name, placed, standard_values


def contact_envelope(contact: Contact, *, account: Account, last: Delivered | None) -> Envelope:
    """A contact, and which of its fields are ours to write.

    :raises Skip: neither e-mail nor phone: a contact needs a channel.
    """
    texts = Texts()
    standard = standard_values(contact, texts)
    additional = FieldValues.of(contact.attributes, account.fields, account.known_fields)
    extra = additional.values
    if standard.keys().isdisjoint(CHANNELS):
        raise Skip(Reason.NO_CONTACT_DATA)
    payload: JSONObject = {
        "contact": contact_payload("" if contact.is_guest else contact.key, standard, extra)
    }
    fields = frozenset([*standard, *map(additional_name, extra)])
    return Envelope(
        kind=Kind.CONTACT,
        key=contact.key,
        payload=payload,
        digest=digest(payload),
        fields=fields,
        clears=_cleared(contact, fields, account=account, last=last),
        is_replacing=last is not None and bool(last.locators),
        is_first=last is None or not last.is_certain,
        notes=notes(
            contact.notes,
            (Note.TEXT_CUT, texts.are_cut),
            (Note.NAME_MENDED, texts.are_mended),
            (Note.FIELD_CUT, Note.FIELD_CUT in additional.notes),
            (Note.FIELD_DROPPED, Note.FIELD_DROPPED in additional.notes),
        ),
    )


def contact_payload(key: str, standard: Mapping[str, str], extra: Mapping[str, str]) -> JSONObject:
    """A contact for ``POST /v1/contact`` and, within its list, ``POST /v1/contacts``
    (esputnik-api.md#contact-object).

    :param key: the customer's id, ``""`` for a guest: eSputnik finds them by e-mail or phone.
    :param standard: standard fields that carry a value. :param extra: additional ones, by id.
    """
    payload: JSONObject = {"externalCustomerId": key} if key else {}
    payload.update(placed(standard))
    if extra:  # a connection keeps ids as text, for any destination; eSputnik's are numbers
        payload["fields"] = [{"id": int(number), "value": value} for number, value in extra.items()]
    return payload


def _cleared(
    contact: Contact, fields: frozenset[str], *, account: Account, last: Delivered | None
) -> frozenset[str]:
    """Fields that eSputnik holds from us and that are empty now. A field the merchant no longer
    maps is left as it is: it is theirs. So is the language of a guest, which is never told: by
    their e-mail they may be a customer there."""
    if last is None:
        return frozenset()
    mapped = {additional_name(number) for _, number in account.fields}
    ours = NAMES - {"languageCode"} if contact.is_guest else NAMES
    return (last.fields - fields) & (ours | mapped)


def erasure_envelope(erasure: Erasure, *, account: Account) -> Envelope:
    """A deleted person for ``DELETE /v1/contact`` (esputnik-api.md#contact-delete)."""
    payload: JSONObject = {
        "externalCustomerId": erasure.key,
        "erase": account.erase_mode != DEACTIVATE,
        **present({"contactId": erasure.remote_id, "emails": [*erasure.emails]}),
    }
    return Envelope(kind=Kind.ERASURE, key=erasure.key, payload=payload, digest=digest(payload))
