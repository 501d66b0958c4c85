"""One worker at one lane: read a batch, send it, settle it, and ask about uploads in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from logging import getLogger

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.models import Connection, Lane
from esputnik_connector.models.lease import LostLease
from esputnik_connector.records import Kind

from . import digests
from .deliver import deliver
from .dispatch import Result, prepare
from .in_flight import in_flight
from .lane import LaneLease, lane_of, leased, log_outcomes
from .outbox_rows import Rows, forced, tried
from .pacing import Pacer, batch_size
from .permit import Permit
from .queue import LaneQueue, routes_of
from .settle import settle
from .tombstones import bury_pending
from .uploads import UploadPoller

logger = getLogger(__name__)

POLLS_BETWEEN_BATCHES = 2  # so that questions about uploads never hold changes back


class LaneSender:
    """Sends what is due in one lane, for as long as its run lasts."""

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        destination: Destination,
        *,
        holder: str,
        permit: Permit,
        pacer: Pacer,
        uploads: UploadPoller,
        clock: Callable[[], datetime],
        go_on: Callable[[], None],
    ) -> None:
        self.connection = connection
        self.kind = kind
        self.destination = destination
        self.outcomes: Counter[str] = Counter()
        self._holder = holder
        self._permit = permit
        self._pacer = pacer
        self._uploads = uploads
        self._clock = clock
        self._go_on = go_on
        self._queue = LaneQueue(connection, kind, uploads, clock)

    def serve(self, until: datetime) -> bool:
        """Send until nothing is due any more, or until then; whether there was anything to do."""
        lane = lane_of(self.connection, self.kind)
        if lane.is_paused(self._clock()):
            return False
        try:
            with leased(lane, self._holder, clock=self._clock) as lease:
                return lease is not None and self._drain(lane, lease, until)
        except LostLease:
            logger.warning("lane %s went to another worker", lane)
            return False

    def _drain(self, lane: Lane, lease: LaneLease, until: datetime) -> bool:
        did_any = False
        while not lane.is_paused(self._clock()) and self._permit.still_holds():
            rows = self._queue.read(batch_size(self.destination, lane))
            self._go_on()
            if rows:
                self._send(lane, lease, rows)
            was_polled = not lane.is_paused(self._clock()) and self._poll(lane, lease)
            if not (rows or was_polled):
                break
            did_any = True
            if self._clock() >= until:
                break
        return did_any

    def _poll(self, lane: Lane, lease: LaneLease) -> bool:
        """Ask about a few uploads; whether there was any."""
        most = POLLS_BETWEEN_BATCHES
        answered = list(self._uploads.poll(self.destination, lane, lease, most=most))
        for receipts in answered:
            self._count(lane, receipts)
        return bool(answered)

    def _send(self, lane: Lane, lease: LaneLease, rows: Rows) -> None:
        if self.kind is Kind.ERASURE:
            bury_pending()
        route = routes_of(rows)
        with self._by_route(route) as chosen:
            prepared = prepare(
                self.connection,
                chosen,
                registry.shop(),
                self.kind,
                list(rows),
                forced=forced(rows),
                tried=tried(rows),
                is_told=True,
            )
            digests.write(self.connection, self.kind, prepared.outdated)
            self._settle(lane, lease, prepared.settled, rows)
            lease.keep()
            with in_flight(
                self.connection,
                self.kind,
                prepared,
                chosen,
                keep=lease.keep,
                clock=self._clock,
                route=route,
            ) as flight:

                def land(results: Sequence[Result]) -> None:
                    with flight.landing(results):
                        self._settle(lane, lease, results, rows)

                deliver(chosen, prepared, land)

    @contextmanager
    def _by_route(self, route: str) -> Iterator[Destination]:
        """What a historical import left behind stays as quiet as it was."""
        if not route:
            yield self.destination
            return
        with closing(registry.destination(self.connection, order_route=route)) as quiet:
            yield quiet

    def _settle(self, lane: Lane, lease: LaneLease, results: Sequence[Result], rows: Rows) -> None:
        if not results:
            return
        # The lane is kept in the same transaction: until that is over, no other worker can take it
        # and say of these records that they were never delivered.
        now = self._clock()
        written = settle(self.connection, self.kind, results, rows, now=now, before=lease.keep)
        receipts = [result.receipt for result in written]
        self._count(lane, receipts)
        self._pacer.pace(lane, receipts)

    def _count(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        self.outcomes.update(receipt.outcome.value for receipt in receipts)
        log_outcomes(lane, receipts)
