"""Drain the outbox: lease a lane, read what is due, dispatch it, settle exactly what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from logging import getLogger

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import DecryptionError, without_message
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, Lane, LostUpload, OutboxMessage, SyncState
from esputnik_connector.models.clock import has_come
from esputnik_connector.models.lease import LostLease
from esputnik_connector.records import Kind

from . import backoff, digests
from .deliver import deliver
from .dispatch import Result, prepare
from .in_flight import in_flight
from .lane import ORDER_OF_LANES, LaneLease, lane_of, leased, log_outcomes, new_holder
from .load import is_database_gone
from .outbox_rows import Rows, forced
from .pacing import Pacer, defect_in_words
from .permit import Permit
from .settle import settle
from .suppression import bury_pending
from .uploads import UploadPoller

logger = getLogger(__name__)

SWEEP_INTERVAL = timedelta(seconds=60)


class Relay:
    """One run over the lanes of one connection. Many may run at once; a lane has one holder."""

    def __init__(
        self, connection: Connection, *, clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.deadline = clock()
        self.outcomes: Counter[str] = Counter()
        self._holder = new_holder()
        self._permit = Permit(connection)
        self._pacer = Pacer(connection, clock)
        self._uploads = UploadPoller(connection, self._pacer, clock)

    def run(self, *, seconds: float = 50) -> Counter[str]:
        """Send what is due, for about that long; outcome → how many records had it.

        Returns at once when the connection is off, paused or bound to another installation.
        """
        self.deadline = self.clock() + timedelta(seconds=seconds)
        if not (self._permit.is_given() and self._has_anything()):
            return self.outcomes
        if not self.connection.environment:
            self.connection.bind()
        try:
            destination = registry.destination(self.connection)
        except DecryptionError as error:
            self._pacer.pause_connection(str(error))
            return self.outcomes
        with closing(destination), fresh_reads():
            for kind in ORDER_OF_LANES:
                if self._permit.still_holds():
                    self._serve_guarded(destination, kind)
        return self.outcomes

    def _has_anything(self) -> bool:
        return any(
            some.filter(connection=self.connection).exists()
            for some in (
                OutboxMessage.objects.filter(is_dead=False),
                SyncState.objects.uploading(),
                LostUpload.objects.all(),
            )
        )

    def _serve_guarded(self, destination: Destination, kind: Kind) -> None:
        """A lane that fails rests; it holds no other lane back, and no other connection."""
        try:
            self._serve(destination, kind)
        except Exception as error:  # a defect of ours, or a database that takes no more
            if is_database_gone(error):
                raise
            lane = lane_of(self.connection, kind)
            logger.error("lane %s cannot be served: %s", lane, without_message(error))
            self._pacer.pause_lane(lane, defect_in_words(error))

    def _serve(self, destination: Destination, kind: Kind) -> None:
        """Drain one lane; look again after letting go, for a row that came in between."""
        lane = lane_of(self.connection, kind)
        while not lane.is_paused(self.clock()) and self._has_work(kind):
            try:
                with leased(lane, self._holder, clock=self.clock) as lease:
                    if lease is None:
                        return
                    self._drain(destination, lane, lease)
            except LostLease:
                logger.warning("lane %s went to another worker", lane)
                return
            if not self._permit.still_holds() or self.clock() >= self.deadline:
                return

    def _has_work(self, kind: Kind) -> bool:
        return self._due(kind).exists() or self._uploads.has_due(kind)

    def _due(self, kind: Kind) -> QuerySet[OutboxMessage]:
        """Rows to send now; what is in an upload waits until that is over, so that an older state
        cannot arrive after a newer one."""
        # A deletion waits for the upload of its customer, which would bring them back.
        uploading = self._uploads.waiting(Kind.CONTACT if kind is Kind.ERASURE else kind).values(
            "key"
        )
        rows = OutboxMessage.objects.of(self.connection, kind)
        return rows.due(self.clock()).exclude(key__in=uploading)

    def _drain(self, destination: Destination, lane: Lane, lease: LaneLease) -> None:
        for receipts in self._uploads.poll(destination, lane, lease):
            self._count(lane, receipts)
        while not lane.is_paused(self.clock()) and self._permit.still_holds():
            rows = self._read(destination, Kind(lane.kind))
            if not rows:
                return
            self._send(destination, lane, lease, rows)
            if self.clock() >= self.deadline:
                return

    def _read(self, destination: Destination, kind: Kind) -> dict[str, list[OutboxMessage]]:
        """One batch: every unsettled row of the keys that are due first, oldest row first, all of
        them by one route.

        Records that failed before go after those that did not, in smaller batches with every
        failure, so that the one which makes a batch fail ends up alone. A record that must go alone
        comes when no other is left.
        """
        full = destination.batch_sizes.get(kind, 1000)
        due = list(self._due(kind).order_by("pk")[:full])
        fresh = [row for row in due if row.attempts < 2]
        if not fresh and due:
            most = max(row.attempts for row in due)
            fresh = due[: backoff.chunk_size(full, most)]
        keys = list(dict.fromkeys(row.key for row in fresh))
        rows: dict[str, list[OutboxMessage]] = {key: [] for key in keys}
        mine = OutboxMessage.objects.of(self.connection, kind).filter(key__in=keys, session="")
        for row in mine.order_by("pk"):
            rows[row.key].append(row)
        together = {key: mine for key, mine in rows.items() if not _goes_alone(mine)}
        if not together:
            return dict(list(rows.items())[:1])
        route = _route_of(next(iter(together.values())))
        return {key: mine for key, mine in together.items() if _route_of(mine) == route}

    def _send(self, destination: Destination, lane: Lane, lease: LaneLease, rows: Rows) -> None:
        kind = Kind(lane.kind)
        if kind is Kind.ERASURE:
            bury_pending()
        with self._by_route(destination, rows) as chosen:
            prepared = prepare(
                self.connection, chosen, registry.shop(), kind, list(rows), forced=forced(rows)
            )
            digests.write(self.connection, kind, prepared.outdated)
            self._settle(lane, lease, prepared.settled, rows)
            lease.keep()
            route = _route_of(next(iter(rows.values())))
            with in_flight(
                self.connection,
                kind,
                prepared,
                chosen,
                keep=lease.keep,
                clock=self.clock,
                route=route,
            ) as flight:

                def land(results: Sequence[Result]) -> None:
                    with flight.landing(results):
                        self._settle(lane, lease, results, rows)

                deliver(chosen, prepared, land)

    @contextmanager
    def _by_route(self, destination: Destination, rows: Rows) -> Iterator[Destination]:
        """What a historical import left behind stays as quiet as it was."""
        route = _route_of(next(iter(rows.values()), []))
        if not route:
            yield destination
            return
        with closing(registry.destination(self.connection, order_route=route)) as quiet:
            yield quiet

    def _settle(self, lane: Lane, lease: LaneLease, results: Sequence[Result], rows: Rows) -> None:
        if not results:
            return
        # The lane is kept in the same transaction: until that is over, no other worker can take it
        # and say of these records that they were never delivered.
        kind, now = Kind(lane.kind), self.clock()
        written = settle(self.connection, kind, results, rows, now=now, before=lease.keep)
        receipts = [result.receipt for result in written]
        self._count(lane, receipts)
        self._pacer.pace(lane, receipts)

    def _count(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        self.outcomes.update(receipt.outcome.value for receipt in receipts)
        log_outcomes(lane, receipts)

    def come_back(self) -> datetime | None:
        """When this worker should look again, if no other one has taken that upon itself.

        Further off than a sweep is left to the sweep.
        """
        now = self.clock()
        rows = OutboxMessage.objects.filter(connection=self.connection).unsent()
        uploads = SyncState.objects.uploading().filter(connection=self.connection)
        first: dict[str, datetime] = {}
        for found in (
            rows.order_by().values_list("kind").annotate(Min("due_at")),
            uploads.order_by().values_list("kind").annotate(Min("poll_at")),
        ):
            for kind, moment in found:
                first[kind] = min(moment, first.get(kind, moment))
        moments = []
        for lane in Lane.objects.filter(connection=self.connection, kind__in=first):
            rest = lane.paused_until if lane.is_paused(now) else None
            moment = max(first[lane.kind], rest or now, now + timedelta(seconds=1))
            if moment - now <= SWEEP_INTERVAL and lane.claim_wake(moment, now=now):
                moments.append(moment)
        return min(moments, default=None)


def connections_with_work(now: datetime) -> QuerySet[Connection]:
    """Connections that may send, and for which a relay has something to do."""
    due = OutboxMessage.objects.due(now).values("connection_id")
    polls = SyncState.objects.uploading().filter(has_come("poll_at", now)).values("connection_id")
    lost = LostUpload.objects.filter(has_come("poll_at", now)).values("connection_id")
    return Connection.objects.sending().filter(Q(pk__in=due) | Q(pk__in=polls) | Q(pk__in=lost))


def _goes_alone(rows: Sequence[OutboxMessage]) -> bool:
    return any(row.goes_alone for row in rows)


def _route_of(rows: Sequence[OutboxMessage]) -> str:
    """The one route of all rows of a key; a change that came since the import travels as changes
    do, and so does the record with it."""
    routes = {row.route for row in rows}
    return routes.pop() if len(routes) == 1 else ""
