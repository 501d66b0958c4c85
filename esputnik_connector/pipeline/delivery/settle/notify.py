"""Public signals: the project's receivers hear what became of a record or of a batch, and cannot do
harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from logging import getLogger

from django.dispatch import Signal

from esputnik_connector import signals
from esputnik_connector.models import Connection
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.records import Outcome

logger = getLogger(__name__)


def notify(connection: Connection, results: Sequence[Result]) -> None:
    """Send ``batch_settled``, then ``delivered`` and ``rejected`` for the results that are one or
    the other."""
    if results and signals.batch_settled.has_listeners(Connection):
        receipts = [result.receipt for result in results]
        send(
            signals.batch_settled,
            connection=connection,
            kind=receipts[0].kind,
            keys=tuple(receipt.key for receipt in receipts),
            outcomes=Counter(receipt.outcome for receipt in receipts),
            reasons=Counter(receipt.reason for receipt in receipts if receipt.reason),
        )
    ours = (signals.delivered, signals.rejected)
    if not any(signal.has_listeners(Connection) for signal in ours):
        return
    for result in results:
        receipt = result.receipt
        common = {"connection": connection, "kind": receipt.kind, "key": receipt.key}
        if receipt.outcome is Outcome.DELIVERED:
            send(signals.delivered, **common)
        elif receipt.outcome is Outcome.REJECTED:
            send(signals.rejected, **common, reason=receipt.reason, detail=receipt.detail)


def send(signal: Signal, **named: object) -> None:
    """Send a public signal; a receiver that raises is logged and does no harm."""
    for receiver, answer in signal.send_robust(sender=Connection, **named):
        if isinstance(answer, Exception):
            logger.error("receiver %r of a connector signal failed", receiver, exc_info=answer)
