"""Introducing people without consent: first as an unconfirmed address, then as everybody else.

Every ordinary call creates an address that campaigns may reach; ``POST /v1/contact/subscribe``
alone creates one that they may not (esputnik-api.md#mailable). An address that eSputnik knows keeps
its state in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.esputnik.answers import proof
from esputnik_connector.destinations.esputnik.client import EsputnikClient
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.identity import digits
from esputnik_connector.records import JSONObject, Outcome, Person

from .fields import CHANNELS

Send = Callable[[EsputnikClient, Sequence[Envelope]], list[Receipt]]

# A suffix of the event that each of these calls raises, so that no workflow of the merchant's own
# forms starts (esputnik-api.md#contact-subscribe).
FORM_TYPE = "shop-customer"


def introducing(send: Send) -> Send:
    """``send`` for one envelope, after the person was introduced.

    A new contact that the introduction stored is done with: it carried the whole contact. Whatever
    else happens to the second request, a repeat of the first changes nothing.
    """

    def introduce(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
        (envelope,) = envelopes
        answer = client.subscribe(subscribe_body(envelope))
        stored = answer.body if isinstance(answer.body, dict) else {}
        if not (answer.is_duplicate or (answer.was_readable and proof.SUBSCRIPTION.is_in(answer))):
            # Without a proof the second request might create a mailable address.
            message = _("The answer does not say that the unconfirmed address was stored")
            raise TemporaryError(message, status=answer.status, was_received=True)
        if _is_whole(envelope) and stored.get("new") is True:
            return [
                Receipt(
                    kind=envelope.kind,
                    key=envelope.key,
                    outcome=Outcome.DELIVERED,
                    status=answer.status,
                    remote_id=str(stored["id"]),
                )
            ]
        return send(client, envelopes)

    return introduce


def subscribe_body(envelope: Envelope) -> JSONObject:
    """The body for one person. Of a contact that is new it holds everything, unless that could
    reach another person: the call looks by phone too, and whoever shares one is another person.
    Then the e-mail alone is stored, which is what campaigns would reach.

    A contact that eSputnik has, with another address now, is not named: the call changes no
    channel of a known contact, so the new address is stored by itself, and stays unconfirmed when
    the contact takes it over.
    """
    contact = envelope.payload.get("contact")
    person = envelope.introduces or Person()
    if isinstance(contact, dict) and _is_whole(envelope):
        told: JSONObject = dict(contact)
    else:
        told = {"channels": [*_channels(person)]}
        if person.contact_key and not envelope.is_replacing:
            told["externalCustomerId"] = person.contact_key
    return {"contact": told, "formType": FORM_TYPE}


def _is_whole(envelope: Envelope) -> bool:
    """Does the introduction tell the whole contact?"""
    contact = envelope.payload.get("contact")
    if not isinstance(contact, dict) or envelope.is_replacing:
        return False
    is_known_by_id = "externalCustomerId" in contact and not envelope.is_first
    return is_known_by_id or len(envelope.fields & set(CHANNELS)) == 1


def _channels(person: Person) -> list[JSONObject]:
    if person.email:
        return [{"type": "email", "value": person.email}]
    return [{"type": "sms", "value": digits(person.phone)}] if person.phone else []
