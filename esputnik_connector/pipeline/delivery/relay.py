"""Drain the outbox: lease a lane, read what is due, dispatch it, settle exactly what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from logging import getLogger

from django.db.models import Min, QuerySet
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import DecryptionError
from esputnik_connector.models import Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.records import Kind

from . import backoff
from .dispatch import LostLease, Result, deliver, prepare
from .lane import ORDER_OF_LANES, LaneHolder, Tally
from .settle import Rows, mark_unknown, settle
from .suppression import bury_pending

logger = getLogger(__name__)

SWEEP_INTERVAL = timedelta(seconds=60)


class Relay(LaneHolder):
    """One run over the lanes of one connection. Many may run at once; a lane has one holder."""

    def __init__(
        self, connection: Connection, *, clock: Callable[[], datetime] = timezone.now
    ) -> None:
        super().__init__(connection, clock=clock)
        self.deadline = clock()

    def run(self, *, seconds: float = 50) -> Tally:
        """Send what is due, for about that long.

        Returns at once when the connection is off, paused or bound to another installation.
        """
        self.deadline = self.clock() + timedelta(seconds=seconds)
        if not self._may_send():
            return self.tally
        if not self.connection.environment:
            self.connection.bind()
        try:
            destination = registry.destination(self.connection)
        except DecryptionError as error:
            self._pause_connection(str(error))
            return self.tally
        with closing(destination):
            for kind in ORDER_OF_LANES:
                if self._is_open():
                    self._serve(destination, kind)
        return self.tally

    def _may_send(self) -> bool:
        if not self.connection.is_enabled or self.connection.paused_at is not None:
            return False
        if not self.is_bound_here():
            return False
        return OutboxMessage.objects.filter(connection=self.connection, is_dead=False).exists() or (
            SyncState.objects.importing().filter(connection=self.connection).exists()
        )

    def _serve(self, destination: Destination, kind: Kind) -> None:
        """Drain one lane; look again after letting go, for a row that came in between."""
        lane, _ = Lane.objects.get_or_create(connection=self.connection, kind=kind.value)
        while not lane.is_paused(self.clock()) and self._has_work(lane):
            if not self._lease(lane):
                return
            try:
                self._drain(destination, lane)
            except LostLease:
                logger.warning("lane %s went to another worker", lane)
                return
            finally:
                self._release()
            if not self._is_open() or self.clock() >= self.deadline:
                return

    def _has_work(self, lane: Lane) -> bool:
        now = self.clock()
        kind = Kind(lane.kind)
        return (
            self._due(kind, now).exists()
            or self._waiting_imports(kind).filter(poll_at__lte=now).exists()
        )

    def _due(self, kind: Kind, now: datetime) -> QuerySet[OutboxMessage]:
        """Rows to send now; what is in an import waits until that is over, so that an older state
        cannot arrive after a newer one."""
        importing = self._waiting_imports(kind).values("key")
        return OutboxMessage.objects.of(self.connection, kind).due(now).exclude(key__in=importing)

    def _drain(self, destination: Destination, lane: Lane) -> None:
        self._resolve_imports(destination, lane)
        while not lane.is_paused(self.clock()) and self._is_open():
            rows = self._read(destination, Kind(lane.kind))
            if not rows:
                return
            self._send(destination, lane, rows)
            if self.clock() >= self.deadline:
                return

    def _read(self, destination: Destination, kind: Kind) -> dict[str, list[OutboxMessage]]:
        """One batch: every unsettled row of the keys that are due first, oldest row first, all of
        them by one route.

        Records that failed before go in ever smaller company, after those that did not.
        """
        full = destination.batch_sizes.get(kind, 1000)
        due = list(self._due(kind, self.clock()).order_by("pk")[:full])
        fresh = [row for row in due if row.attempts < 2]
        if not fresh and due:
            most = max(row.attempts for row in due)
            fresh = due[: backoff.chunk_size(full, most)]
        keys = list(dict.fromkeys(row.key for row in fresh))
        rows: dict[str, list[OutboxMessage]] = {key: [] for key in keys}
        mine = OutboxMessage.objects.of(self.connection, kind).filter(key__in=keys, session="")
        for row in mine.order_by("pk"):
            rows[row.key].append(row)
        route = _route_of(next(iter(rows.values()), []))
        return {key: mine for key, mine in rows.items() if _route_of(mine) == route}

    def _send(self, destination: Destination, lane: Lane, rows: Rows) -> None:
        kind = Kind(lane.kind)
        if kind is Kind.ERASURE:
            bury_pending(self.connection)
        with self._by_route(destination, rows) as chosen:
            prepared = prepare(self.connection, chosen, registry.shop(), kind, list(rows))
            self._settle(lane, prepared.settled, rows)
            self._keep()
            mark_unknown(self.connection, kind, prepared)
            chosen.before_call = self._keep
            for results in deliver(chosen, prepared):
                self._settle(lane, results, rows)

    @contextmanager
    def _by_route(self, destination: Destination, rows: Rows) -> Iterator[Destination]:
        """What a historical import left behind stays as quiet as it was."""
        route = _route_of(next(iter(rows.values()), []))
        if not route:
            yield destination
            return
        with closing(registry.destination(self.connection, order_route=route)) as quiet:
            yield quiet

    def _settle(self, lane: Lane, results: Sequence[Result], rows: Rows) -> None:
        if not results:
            return
        # The lane is kept in the same transaction: until that is over, nobody can take it away and
        # say of these records that they were never delivered.
        kind, now = Kind(lane.kind), self.clock()
        settle(self.connection, kind, results, rows, now=now, before=self._keep)
        receipts = [result.receipt for result in results]
        self.tally.outcomes.update(receipt.outcome.value for receipt in receipts)
        self._log(lane, receipts)
        self._pace(lane, receipts)

    def come_back(self) -> datetime | None:
        """When this worker should look again, if no other one has taken that upon itself.

        Further off than a sweep is left to the sweep.
        """
        now = self.clock()
        rows = OutboxMessage.objects.filter(connection=self.connection).unsent()
        imports = SyncState.objects.importing().filter(connection=self.connection)
        first: dict[str, datetime] = {}
        for found in (
            rows.order_by().values_list("kind").annotate(Min("due_at")),
            imports.order_by().values_list("kind").annotate(Min("poll_at")),
        ):
            for kind, moment in found:
                first[kind] = min(moment, first.get(kind, moment))
        moments = []
        for lane in Lane.objects.filter(connection=self.connection, kind__in=first):
            moment = max(first[lane.kind], lane.paused_until or now, now + timedelta(seconds=1))
            if moment - now <= SWEEP_INTERVAL and lane.claim_wake(moment, now=now):
                moments.append(moment)
        return min(moments, default=None)


def _route_of(rows: Sequence[OutboxMessage]) -> str:
    """A change that came since then travels as changes do."""
    routes = {row.route for row in rows}
    return routes.pop() if len(routes) == 1 else ""
