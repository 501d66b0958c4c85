"""One worker at one lane: read a batch, send it, settle what came, and ask about uploads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime, timedelta
from logging import getLogger

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.models import Connection, Lane
from esputnik_connector.models.lease import LostLease
from esputnik_connector.pipeline.erasure.tombstones import bury_pending
from esputnik_connector.records import Kind

from .deliver import by_route, deliver, long_turn
from .flow import Flow
from .lane import LaneLease, lane_of, leased, log_outcomes
from .pace.permit import Permit
from .pace.rest import Pacer, batch_size
from .prepare import digests
from .prepare.dispatch import Prepared, Result, prepare
from .queue import LaneQueue, routes_of
from .settle.batch import settle
from .settle.handover import Handover
from .settle.in_flight import in_flight
from .settle.outbox_rows import Rows, forced, tried
from .settle.uploads import UploadPoller

logger = getLogger(__name__)

POLLS_BETWEEN_BATCHES = 2  # so that questions about uploads never hold changes back
LONG_POLL = timedelta(seconds=0.3)  # a thousand contacts to settle; changes wait meanwhile
ASKED_LATELY = 0.2  # seconds for which a permit is believed while nothing new is read
ONE_BY_ONE = (Kind.ERASURE,)  # each has several requests, which depend on each other


class LaneSender:
    """Sends what is due in one lane, for as long as its run lasts.

    It keeps the lane while requests are under way, and lets go of it as soon as none is.
    """

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
        self._is_serving = False
        self._held = ExitStack()
        self._lane: Lane | None = None
        self._lease: LaneLease | None = None
        self.is_elsewhere = False  # another worker had the lane when it was asked for last
        self._handover = Handover(connection, kind, clock)
        self._flow: Flow | None = None
        if destination.connections > 1 and kind not in ONE_BY_ONE:
            self._flow = Flow(connection, kind, destination, pacer=pacer, clock=clock)

    @property
    def is_busy(self) -> bool:
        """Are requests of this lane under way?"""
        return self._flow is not None and self._flow.is_busy

    @property
    def hangs(self) -> bool:
        """Is one of them under way for longer than answers take?"""
        return self._flow is not None and self._flow.hangs

    def serve(self, until: datetime) -> bool:
        """Send until nothing is due any more, or until then; whether there was anything to do. What
        is under way by then is settled the next time, and the lane is kept until that."""
        if self._lease is None and not self._begin():
            return False
        did_any, self._is_serving = False, True
        try:
            with self._guarded():
                did_any = self._drain(until)
                self._give_way()
            return did_any
        finally:
            self._is_serving = False

    def _give_way(self) -> None:
        """All is sent that was due, and an import waits: settle what is under way."""
        is_kept = self._flow is not None and self._flow.is_busy and self._flow.is_short
        if is_kept and self._handover.is_wanted():
            self._handover.begin(settled=self._settle_all(is_patient=False))

    def pump(self) -> None:
        """Let go what may leave now, while another lane has its turn."""
        if self._flow is not None and self._flow.is_busy and not self._is_serving:
            with self._guarded():
                self._flow.let_go()

    def finish(self) -> None:
        """Wait for the answers to what is under way, and settle them; nothing else is sent."""
        if self._flow is not None and self._lease is not None:
            with self._guarded():
                self._flow.drop()
                self._settle_all(is_patient=True)

    def _settle_all(self, *, is_patient: bool) -> bool:
        """Wait for the answers to what is under way, but for one that hangs only if that is wanted;
        whether all came."""
        flow, (_lane, lease) = self._flow, self._in_hand()
        while flow is not None and flow.is_busy and (is_patient or not flow.only_hangs()):
            lease.keep_if_due()
            flow.wait()
            self._land()
        return not self.is_busy

    def close(self) -> None:
        """The run is over."""
        try:
            self.finish()
        finally:
            if self._flow is not None:
                self._flow.close()

    def _begin(self) -> bool:
        """Take the lane, if it is free and does not rest."""
        lane = lane_of(self.connection, self.kind)
        self.is_elsewhere = self._handover.is_on
        if self.is_elsewhere or lane.is_paused(self._clock()):
            return False
        lease = self._held.enter_context(leased(lane, self._holder, clock=self._clock))
        self.is_elsewhere = lease is None
        if lease is None:
            self._held.close()
            return False
        self._lane, self._lease = lane, lease
        if self._flow is not None:
            self._flow.begin(lane, lease)
        return True

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever happens within, the lane is given back as soon as nothing is under way."""
        try:
            yield
        except LostLease:
            logger.warning("lane %s went to another worker", self._lane)
            self._end(is_lost=True)
        except BaseException:
            self._end(is_broken=True)
            raise
        else:
            if not self.is_busy:
                self._end()

    def _end(self, *, is_lost: bool = False, is_broken: bool = False) -> None:
        if self._flow is not None:
            self._flow.end(is_lost=is_lost, is_broken=is_broken)
        self._lane = self._lease = None
        self._held.close()

    def _drain(self, until: datetime) -> bool:
        lane, lease = self._in_hand()
        did_any = False
        while True:
            lease.keep_if_due()
            did = self._land()
            is_over = self._clock() >= until
            reads = not is_over and (self._flow is None or self._flow.may_read)
            within = 0.0 if reads else ASKED_LATELY
            if not lane.is_paused(self._clock()) and self._permit.still_holds(within=within):
                if reads:
                    with self._flow.reading() if self._flow is not None else nullcontext():
                        did |= self._take(lane, lease)
            elif self._flow is not None:
                self._flow.drop()
            did_any |= did
            if self._flow is not None and self._flow.is_busy:
                self._flow.let_go()
                if is_over or (not did and self._flow.only_hangs()):
                    self._land(at_once=True)
                    return did_any
                self._flow.wait()
            elif is_over or not did:
                return did_any

    def _take(self, lane: Lane, lease: LaneLease) -> bool:
        """Read and send a batch, and ask about a few uploads; whether there was anything."""
        besides = self._flow.rows if self._flow is not None else ()
        rows = self._queue.read(batch_size(self.destination, lane), besides=besides)
        self._go_on()
        if rows:
            self._send(lane, lease, rows)
        was_polled = not lane.is_paused(self._clock()) and self._poll(lane, lease)
        return bool(rows) or was_polled

    def _poll(self, lane: Lane, lease: LaneLease) -> bool:
        """Ask about a few uploads; whether there was any."""
        most, within = POLLS_BETWEEN_BATCHES, LONG_POLL
        answered = list(self._uploads.poll(self.destination, lane, lease, most=most, within=within))
        for receipts in answered:
            self._count(lane, receipts)
        return bool(answered)

    def _send(self, lane: Lane, lease: LaneLease, rows: Rows) -> None:
        if self.kind is Kind.ERASURE:
            bury_pending()
        route = routes_of(rows)
        with by_route(self.connection, self.destination, route) as chosen:
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
            prepared.remember_carts()
            self._settle(lane, lease, prepared.settled, rows)
            if self._flow is not None and not route:
                lease.keep_if_due()
                self._flow.take(prepared, rows)
            else:
                self._send_in_turn(rows, chosen, prepared)

    def _send_in_turn(self, rows: Rows, chosen: Destination, prepared: Prepared) -> None:
        """One request after the other, in this thread, for a while."""
        lane, lease = self._in_hand()
        lease.keep()
        with in_flight(
            self.connection,
            self.kind,
            prepared,
            chosen,
            keep=lease.keep,
            clock=self._clock,
            route=routes_of(rows),
        ) as flight:

            def land(results: Sequence[Result]) -> None:
                with flight.landing(results):
                    self._settle(lane, lease, results, rows)

            deliver(chosen, prepared, land, is_over=long_turn(self._clock))

    def _land(self, *, at_once: bool = False) -> bool:
        """Settle what has come meanwhile; whether anything has."""
        if self._flow is None:
            return False
        lane, lease = self._in_hand()
        landed = self._flow.landed(at_once=at_once)
        if landed:
            with self._flow.landing(landed) as (results, rows):
                receipts = self._write(lane, lease, results, rows)
                self._flow.pace(lane, landed, receipts)
        return bool(landed)

    def _settle(self, lane: Lane, lease: LaneLease, results: Sequence[Result], rows: Rows) -> None:
        if results:
            self._pacer.pace(lane, self._write(lane, lease, results, rows))

    def _write(
        self, lane: Lane, lease: LaneLease, results: Sequence[Result], rows: Rows
    ) -> list[Receipt]:
        # The lane is kept in the same transaction: until that is over, no other worker can take it
        # and say of these records that they were never delivered.
        now = self._clock()
        written = settle(self.connection, self.kind, results, rows, now=now, before=lease.keep)
        receipts = [result.receipt for result in written]
        self._count(lane, receipts)
        return receipts

    def _count(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        self.outcomes.update(receipt.outcome.value for receipt in receipts)
        log_outcomes(lane, receipts)

    def _in_hand(self) -> tuple[Lane, LaneLease]:
        if self._lane is None or self._lease is None:
            raise RuntimeError("the lane is not in this worker's hands")
        return self._lane, self._lease
