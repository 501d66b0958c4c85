"""What somebody asked for in a form of the shop, for ``POST /v1/contact/subscribe``
(esputnik-api.md#contact-subscribe).

Whoever is new by it is stored unconfirmed, and an event is raised by which a workflow of the
account asks them to confirm.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.esputnik import receipts
from esputnik_connector.destinations.esputnik.answers import proof
from esputnik_connector.destinations.esputnik.answers.values import text_of
from esputnik_connector.destinations.esputnik.client import EsputnikClient
from esputnik_connector.destinations.esputnik.payloads import Texts, notes, present
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import (
    Contact,
    JSONObject,
    Kind,
    Note,
    Outcome,
    Reason,
    Subscription,
)

from .fields import CHANNELS, standard_values
from .payload import contact_payload

CHANNEL_OF_MAIL = CHANNELS[0]
# NEED_CONFIRMATION, SUBSCRIBED, ALREADY_SUBSCRIBED, BLACKLISTED; or a word that came later.
STATUS = re.compile(r"[A-Z][A-Z_]{1,39}")


def subscription_envelope(record: Subscription) -> Envelope:
    """The body of the call. Of somebody who is confirmed already, also the contact that makes their
    e-mail mailable: that one is sent first.

    :raises Skip: neither e-mail nor phone.
    """
    texts = Texts()
    standard = standard_values(_as_contact(record), texts)
    if not standard.keys() & set(CHANNELS):
        raise Skip(Reason.NO_CONTACT_DATA)
    body = present(
        {
            "contact": contact_payload(record.contact_key, standard, {}),
            "groups": [*record.groups],
            "subscriptions": [*record.categories],
            "formType": record.form_type,
        }
    )
    payload: JSONObject = {"subscription": body}
    if record.is_confirmed and (email := standard.get(CHANNEL_OF_MAIL)):
        # The address alone: the call looks by phone too, and whoever shares one is another person.
        payload["confirmed"] = contact_payload("", {CHANNEL_OF_MAIL: email}, {})
    return Envelope(
        kind=Kind.SUBSCRIPTION,
        key=record.key,
        payload=payload,
        digest=digest(payload),
        notes=notes((), (Note.TEXT_CUT, texts.are_cut), (Note.NAME_MENDED, texts.are_mended)),
    )


def send_subscription(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """One person. A repeat of what was taken a minute ago is taken: its answer was lost.

    The receipt's detail is the state of the address in eSputnik's own word.
    """
    (envelope,) = envelopes
    if confirmed := _part(envelope, "confirmed"):
        (receipt,) = receipts.from_call(envelopes, client.add_contact(confirmed), proof.CONTACT)
        if receipt.outcome is not Outcome.DELIVERED:
            return [receipt]
    answer = client.subscribe(_part(envelope, "subscription"))
    (receipt,) = receipts.from_call(envelopes, answer, proof.SUBSCRIPTION)
    status = text_of(answer.body, "emailStatus")
    if receipt.outcome is Outcome.DELIVERED and STATUS.fullmatch(status):
        receipt = replace(receipt, detail=status)
    return [receipt]


def _as_contact(record: Subscription) -> Contact:
    return Contact(
        key=record.contact_key or record.key,
        email=record.email,
        phone=record.phone,
        first_name=record.first_name,
        last_name=record.last_name,
        language=record.language,
        is_guest=not record.contact_key,
    )


def _part(envelope: Envelope, name: str) -> JSONObject:
    part = envelope.payload.get(name)
    return part if isinstance(part, dict) else {}
