"""A lane in a worker's hands: one sender at a time per connection and kind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from logging import getLogger

from esputnik_connector.conf import conf
from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import Connection, Lane
from esputnik_connector.models.lease import Lease
from esputnik_connector.records import Kind

from .settle.outcome_counts import alike

logger = getLogger(__name__)

LOGGED_KEYS = 100  # in one line; a journal or a collector cuts what is much longer
# A subscription goes before the contact of the same person, whose ordinary call would make an
# address mailable that nobody has confirmed yet.
ORDER_OF_LANES = (
    Kind.ERASURE,
    Kind.SUBSCRIPTION,
    Kind.CONTACT,
    Kind.ORDER,
    Kind.CART,
    Kind.EVENT,
    Kind.BEHAVIOUR,
)


def new_holder() -> str:
    """A name for one worker, by which its leases are known."""
    return str(uuid.uuid4())


def lane_of(connection: Connection, kind: Kind) -> Lane:
    """The lane, made when it is asked for the first time."""
    lane, _ = Lane.objects.get_or_create(connection=connection, kind=kind.value)
    lane.connection = connection
    return lane


def log_outcomes(lane: Lane, receipts: Sequence[Receipt]) -> None:
    """One line per batch, for people and, in its ``extra``, for machines. Records of a batch that
    fared differently have a line for each outcome and reason."""
    waited = exchanges.taken()
    for (outcome, reason), some in sorted(alike(receipts).items()):
        logger.info(
            "lane %s: %d %s%s",
            lane,
            len(some),
            outcome,
            f" ({reason})" if reason else "",
            extra={
                "connection": lane.connection.name,
                "kind": lane.kind,
                "keys": [receipt.key for receipt in some[:LOGGED_KEYS]],
                "records": len(some),
                "outcome": outcome,
                "reason": reason,
                "seconds": round(waited.seconds, 3),
                "request_ids": list(waited.request_ids),
            },
        )


class LaneLease:
    """The right to send in a lane. A deletion has it in all lanes at once: a contact, an order or a
    cart that is on its way at the same moment would bring the person back."""

    def __init__(self, leases: Sequence[Lease]) -> None:
        self._leases = leases

    def joined(self, lease: Lease) -> LaneLease:
        """These leases and another one, kept together."""
        return LaneLease([*self._leases, lease])

    @property
    def kept_at(self) -> float:
        """The moment, of the monotonic clock, at which all of them were surely ours."""
        return min(lease.kept_at for lease in self._leases)

    def keep(self) -> None:
        """Hold on for ``LEASE_SECONDS`` more.

        :raises LostLease: another worker has the lane now.
        """
        for lease in self._leases:
            lease.keep()

    def keep_if_due(self) -> None:
        """As :meth:`keep`, for those leases that were not kept a moment ago."""
        for lease in self._leases:
            lease.keep_if_due()


@contextmanager
def leased(lane: Lane, holder: str, *, clock: Callable[[], datetime]) -> Iterator[LaneLease | None]:
    """Take the lane and let go of it in the end; ``None`` when another worker has it.

    The lane's own values are read again once it is taken.
    """
    leases = _taken(lane, holder, clock)
    try:
        if leases:
            exchanges.taken()  # what was asked before belongs to no batch
            connection = lane.connection
            lane.refresh_from_db()
            lane.connection = connection
        yield LaneLease(leases) if leases else None
    finally:
        _release(leases)


def _taken(lane: Lane, holder: str, clock: Callable[[], datetime]) -> list[Lease]:
    """All leases that are needed, or none."""
    leases: list[Lease] = []
    for each in _lanes_to_hold(lane):
        lease = each.lease(holder, seconds=conf.LEASE_SECONDS, clock=clock)
        if lease is None:
            _release(leases)
            return []
        leases.append(lease)
    return leases


def _lanes_to_hold(lane: Lane) -> list[Lane]:
    if lane.kind != Kind.ERASURE:
        return [lane]
    return [lane, *(lane_of(lane.connection, kind) for kind in ORDER_OF_LANES[1:])]


def _release(leases: list[Lease]) -> None:
    while leases:
        leases.pop().release()
