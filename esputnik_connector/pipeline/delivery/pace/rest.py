"""Pausing the right thing: the connection for a bad key, the lane for anything temporary."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from logging import getLogger

from esputnik_connector import signals
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Connection, Lane
from esputnik_connector.pipeline.delivery.settle.notify import send
from esputnik_connector.records import Kind, Outcome, Reason

from . import backoff

logger = getLogger(__name__)

ANSWERED = (Outcome.DELIVERED, Outcome.ACCEPTED, Outcome.REJECTED)
# One record waits, and no other has to.
LANE_IS_WELL = (
    Reason.UPLOADING,
    Reason.UPLOAD_FAILED,
    Reason.ALREADY_ACCEPTED,
    Reason.NOT_RECORDED,
    Reason.REFUSED_AMONG,
    Reason.SWITCHED_OFF,
    Reason.UNCONFIRMED,
    Reason.STILL_THERE,
    Reason.ORDER_DELETION,
)


def asks_for_rest(receipt: Receipt) -> bool:
    """Does it say that others of its lane, or of its connection, had better wait?"""
    return receipt.outcome is Outcome.DEFERRED and receipt.reason not in LANE_IS_WELL


def defect_in_words(error: Exception) -> str:
    """What a merchant reads of an error that is not the destination's answer. Its own text stays
    out: it may quote personal data."""
    return _("The connector failed (%(error)s); the log has the details. Nothing is lost.") % {
        "error": type(error).__name__
    }


def batch_size(destination: Destination, lane: Lane) -> int:
    """How many records go together: few, where each starts something, until the account has shown
    that it names those that it refuses."""
    kind = Kind(lane.kind)
    full = destination.batch_sizes.get(kind, 1000)
    return full if lane.names_refusals else min(full, destination.cautious_sizes.get(kind, full))


class Pacer:
    """Paces the lanes of one connection by the answers that its destination gives."""

    def __init__(self, connection: Connection, clock: Callable[[], datetime]) -> None:
        self.connection = connection
        self._key = str(connection.api_key)
        self._clock = clock

    def pace(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        """Resume what is answered again, and pause what the answers say must wait."""
        if any(receipt.outcome in ANSWERED for receipt in receipts):
            lane.resume()
        shown = {receipt.names_refusals for receipt in receipts} - {None}
        if shown:
            lane.learn(False not in shown)
        failed = [receipt for receipt in receipts if asks_for_rest(receipt)]
        if not failed:
            return
        refused = next((each for each in failed if each.reason is Reason.KEY_REFUSED), None)
        if refused is not None:
            self.pause_connection(refused.detail)
            return
        worst = max(failed, key=lambda receipt: receipt.retry_after)
        if worst.reason is Reason.BUSY and not worst.status:  # our own pace, not a failure
            until = self._clock() + backoff.believed(worst.retry_after)
            lane.pause(until=until, detail=worst.detail, failures=lane.failures)
            return
        self.pause_lane(lane, worst.detail, worst.retry_after)

    def pause_lane(self, lane: Lane, detail: str, retry_after: float = 0) -> None:
        """Let a lane rest, longer with every failure in a row.

        :param retry_after: seconds that the destination asked for.
        """
        failures = lane.failures + 1
        until = backoff.lane_due(
            failures, now=self._clock(), jitter=random.random(), retry_after=retry_after
        )
        lane.pause(until=until, detail=detail, failures=failures)
        logger.warning("lane %s rests until %s: %s", lane, until.isoformat("T", "seconds"), detail)

    def pause_connection(self, detail: str) -> None:
        """Stop all lanes until a person has acted or the key is accepted again.

        Not for the sake of a key that is no longer the one: whoever revokes a key pastes the next
        one while requests with the former are under way.
        """
        present = Connection.objects.filter(pk=self.connection.pk).first()
        if present is None or str(present.api_key) != self._key:
            logger.warning("connection %s has another key by now", self.connection.name)
            return
        self.connection.pause(detail)
        logger.error("connection %s is paused: %s", self.connection.name, detail)
        send(signals.connection_paused, connection=self.connection, detail=detail)
