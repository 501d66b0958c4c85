"""Public signals: the project's receivers hear what became of a record, and cannot do harm."""

from __future__ import annotations

from collections.abc import Iterable
from logging import getLogger

from django.dispatch import Signal

from esputnik_connector import signals
from esputnik_connector.models import Connection
from esputnik_connector.records import Outcome

from .dispatch import Result

logger = getLogger(__name__)


def notify(connection: Connection, results: Iterable[Result]) -> None:
    """Send ``delivered`` and ``rejected`` for the results that are one or the other."""
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
