"""An order that the shop deleted is deleted at eSputnik (esputnik-api.md#orders-delete)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.esputnik import receipts
from esputnik_connector.destinations.esputnik.answers import proof
from esputnik_connector.destinations.esputnik.client import EsputnikClient, is_unknown_order
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject, Kind, Note, OrderDeletion, Reason

ROOM_FOR_OTHERS = 60.0  # seconds that further deletions wait


def order_deletion_envelope(record: OrderDeletion) -> Envelope:
    """Its note says what no answer can: when eSputnik has done it."""
    payload: JSONObject = {"order_deletion": {"externalOrderId": record.key}}
    return Envelope(
        kind=Kind.ORDER,
        key=record.key,
        payload=payload,
        digest=digest(payload),
        notes=(Note.DELETION_QUEUED,),
    )


def send_order_deletion(client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """One order. That it is not there is what the deletion is for."""
    (envelope,) = envelopes
    try:
        answer = client.delete_order(envelope.key)
    except RejectedError as error:
        if not is_unknown_order(error):
            raise
        answer = Answer(status=error.status)
    (receipt,) = receipts.from_call([envelope], answer, proof.ORDER_DELETION)
    return [replace(receipt, remote_id="")]


def put_off(_client: EsputnikClient, envelopes: Sequence[Envelope]) -> list[Receipt]:
    """Deletions that make room: no request."""
    words = _("Many orders are being deleted; this one waits a minute, so that others may pass.")
    return [
        replace(
            receipts.blank(envelope),
            reason=Reason.ORDER_DELETION,
            detail=words,
            retry_after=ROOM_FOR_OTHERS,
        )
        for envelope in envelopes
    ]
