"""A person who was deleted in the shop is deleted at eSputnik, and looked for afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.esputnik import receipts, remote
from esputnik_connector.destinations.esputnik.answers import proof
from esputnik_connector.destinations.esputnik.answers.values import number_of, text_of
from esputnik_connector.destinations.esputnik.client import EsputnikClient
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import Outcome, Reason


def send_erasure(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """Delete by external id; a guest has none there, so also by eSputnik's own number, as their
    upload told it, and by each e-mail (esputnik-api.md#contact-delete).

    An upload of theirs that is worked off meanwhile would bring them back, so whoever is still
    there goes again.
    """
    (envelope,) = envelopes
    is_erasure = bool(envelope.payload["erase"])
    deleted = _deleted(envelope, lambda: client.delete_contact(envelope.key, erase=is_erasure))
    if deleted.outcome is not Outcome.DELIVERED:
        return [deleted]
    for number in dict.fromkeys(_cards(client, envelope)):
        more = _deleted(envelope, lambda: client.delete_by_number(number, erase=is_erasure))  # noqa: B023
        if more.outcome is not Outcome.DELIVERED:
            return [more]
    # One that is only marked as deleted may well be found.
    is_there = is_erasure and _is_there(client, envelope)
    return [_still_there(deleted) if is_there else deleted]


def _is_there(client: EsputnikClient, envelope: Envelope) -> bool:
    by_id = remote.by_external_id(client, envelope.key)
    return any(True for _one in by_id) or any(True for _one in _cards(client, envelope))


def _deleted(envelope: Envelope, delete: Callable[[], Answer]) -> Receipt:
    """Whoever is not there is deleted."""
    try:
        answer = delete()
    except RejectedError as error:
        if not receipts.is_unknown_contact(error):
            raise
        answer = Answer(status=error.status)
    (receipt,) = receipts.from_call([envelope], answer, proof.DELETION)
    return replace(receipt, remote_id="")


def _cards(client: EsputnikClient, envelope: Envelope) -> Iterator[str]:
    """Numbers of the cards that are this person's; one that has another external id is another
    person's."""
    found = []
    if number := text_of(envelope.payload, "contactId"):
        found.append(remote.by_number(client, number))
    for email in _emails(envelope):
        found += remote.by_email(client, email)
    for held in found:
        if held and text_of(held, "externalCustomerId") in ("", envelope.key):
            yield number_of(held, "id")


def _emails(envelope: Envelope) -> list[str]:
    found = envelope.payload.get("emails")
    return [str(email) for email in found] if isinstance(found, list) else []


def _still_there(receipt: Receipt) -> Receipt:
    return replace(
        receipt,
        outcome=Outcome.DEFERRED,
        reason=Reason.STILL_THERE,
        detail=_("eSputnik still shows this person after the deletion; it is made again"),
        is_counted=True,
    )
