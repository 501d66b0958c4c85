"""What is under way in one lane: several requests at once, settled by the worker that has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

from django.db.models import Max

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.base import Destination, Envelope, Part, Receipt
from esputnik_connector.models import Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.models.lease import KEPT_JUST_NOW
from esputnik_connector.records import Kind, Reason

from .lane import LaneLease
from .pace.adaptive import Pace
from .pace.rest import ANSWERED, Pacer
from .pool import Arrival, Departure, Pool
from .prepare.dispatch import Prepared, Result
from .settle.in_flight import Flight, mark_in_flight
from .settle.outbox_rows import Rows

TICK = 0.05  # seconds between two looks at what has come
GATHERED = 100  # answers that are settled at once, though the last time was a moment ago
SETTLE_INTERVAL = 0.2  # seconds: two hundred answers a second are not two hundred transactions
LEAVES_WITHIN = 3.0  # seconds after the lane was kept; a worker that stops lets nothing more go
REST = 2.0  # times what the last reading took: what comes meanwhile is read together
LONGEST_REST = 0.5  # seconds
HANGING = 1.0  # seconds after which an answer is no longer waited for, though it may come
GATHER = timedelta(seconds=2)  # between two small uploads while one is worked on
NOTEWORTHY = 0.1  # change of a pace that is worth remembering


class Flow:
    """The requests of one lane that are under way.

    Of one key one request is under way at a time: what is read next leaves out :attr:`rows`.
    """

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        destination: Destination,
        *,
        pacer: Pacer,
        clock: Callable[[], datetime],
    ) -> None:
        self.connection = connection
        self.kind = kind
        self.rows: dict[str, Sequence[OutboxMessage]] = {}
        self._destination = destination
        self._pacer = pacer
        self._clock = clock
        self._leaves_within = _leaves_within(destination)
        self._pool: Pool | None = None
        self._flight: Flight | None = None
        self._lane: Lane | None = None
        self._lease: LaneLease | None = None
        self._landed: list[Arrival] = []
        self._read_at = clock()  # the last batch; what was due by then is in it
        self._reads_at = 0.0
        self._settled_at = 0.0
        self._answered_at = 0.0  # when the last request left that was answered well
        self._paused_at = 0.0

    @property
    def is_busy(self) -> bool:
        return bool(self._landed) or (self._pool is not None and self._pool.is_busy)

    @property
    def may_read(self) -> bool:
        """Should another batch be read? While answers are awaited, what comes in the meantime is
        gathered for a moment."""
        if self._pool is None or not self.is_busy:
            return True
        return self._pool.has_room and time.monotonic() >= self._reads_at

    @property
    def is_short(self) -> bool:
        """Is there nothing in line? All that was read is under way, or answered."""
        return self._pool is None or not self._pool.is_waiting

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A batch is read and put in line within."""
        begun, self._read_at = time.monotonic(), self._clock()
        yield
        now = time.monotonic()
        self._reads_at = now + min(REST * (now - begun), LONGEST_REST)

    @property
    def hangs(self) -> bool:
        """Is one under way for longer than answers take?"""
        return self._pool is not None and self._pool.oldest() > HANGING

    def only_hangs(self) -> bool:
        """Is there nothing left but answers that may come late?"""
        return self._pool is None or (self.hangs and not self._pool.is_waiting)

    def begin(self, lane: Lane, lease: LaneLease) -> None:
        """The lane is in the worker's hands."""
        self._lane, self._lease = lane, lease
        self._flight = Flight(
            self.connection, self.kind, Prepared(), keep=lease.keep_if_due, clock=self._clock
        )

    def end(self, *, is_lost: bool = False, is_broken: bool = False) -> None:
        """The lane is given back.

        :param is_lost: another worker has it: what is under way is broken off, and goes again where
            it may be older than what that one sent.
        :param is_broken: this worker failed: what is under way is not settled, and goes again by
            itself, once no request of it can arrive any more.
        """
        flight, pool, lane = self._flight, self._pool, self._lane
        self._flight = self._lane = self._lease = None
        if pool is not None and (is_lost or is_broken):
            came = [*self._landed, *(pool.break_off() if is_lost else pool.wait_for_all())]
            pool.close()
            self._pool, self._landed, self.rows = None, [], {}
            if flight is not None and is_lost:
                flight.came([result for arrival in came for result in arrival.results])
                flight.lost("")
        elif pool is not None and lane is not None:
            _remember(lane, pool.pace)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def take(self, prepared: Prepared, rows: Rows) -> None:
        """Put a batch in line. What goes better with the next one is left for it."""
        parts = self._without_small_uploads(self._destination.parts(prepared.outgoing), rows)
        prepared.outgoing = [envelope for part in parts for envelope in part.envelopes]
        if self._flight is None or not prepared.outgoing:
            return
        mark_in_flight(self.connection, self.kind, prepared)
        self._flight.take(prepared)
        self.rows.update((one.key, rows[one.key]) for one in prepared.outgoing)
        self._opened().add(parts, prepared)

    def let_go(self) -> None:
        """Let go what may leave now.

        :raises LostLease: another worker has the lane.
        """
        if self._pool is not None and self._lease is not None:
            self._lease.keep_if_due()
            self._pool.let_go(self._lease.kept_at + self._leaves_within)

    def drop(self) -> None:
        """What did not leave yet stays where it is: in the outbox."""
        if self._pool is not None:
            for key in self._pool.drop():
                self.rows.pop(key, None)

    def wait(self) -> None:
        """Until something comes, or may leave."""
        if self._pool is not None:
            self._pool.wait(TICK)

    def landed(self, *, at_once: bool = False) -> Sequence[Arrival]:
        """What is to be settled now.

        :param at_once: do not wait for more.
        :raises LostLease: a thread found that the lane is lost.
        """
        if self._pool is None:
            return ()
        self._landed += self._pool.arrivals()
        is_soon = time.monotonic() - self._settled_at < SETTLE_INTERVAL
        can_wait = is_soon and self._pool.is_busy and not self._pool.is_held
        if can_wait and not at_once and len(self._landed) < GATHERED:
            return ()
        return list(self._landed)

    @contextmanager
    def landing(self, arrivals: Sequence[Arrival]) -> Iterator[tuple[list[Result], Rows]]:
        """These are settled within: their results, and the rows that they settle."""
        results = [result for arrival in arrivals for result in arrival.results]
        for arrival in arrivals:
            exchanges.join(arrival.exchanged)
        if self._flight is None:
            raise RuntimeError("the lane is not in this worker's hands")
        with self._flight.landing(results):
            yield results, self.rows
        self._landed, self._settled_at = [], time.monotonic()
        for result in results:
            self.rows.pop(result.receipt.key, None)

    def pace(self, lane: Lane, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
        """Pause what the answers say must wait.

        One request that had no answer says nothing of the lane when others, which left later, had
        theirs; and a good answer to what had left before the pause does not end it.
        """
        left_at = {key: one.departure.left_at for one in arrivals for key in one.departure.keys}
        good = [one for one in receipts if one.outcome in ANSWERED]
        self._answered_at = max([self._answered_at, *(left_at[one.key] for one in good)])
        new = [one for one in good if left_at[one.key] > self._paused_at]
        bad = [
            one
            for one in receipts
            if one.outcome not in ANSWERED
            and (one.reason is not Reason.UNREACHABLE or left_at[one.key] > self._answered_at)
        ]
        too_many = [one for one in bad if one.status == HTTPStatus.TOO_MANY_REQUESTS]
        if self._pool is not None and too_many:
            self._pool.complained(max(left_at[one.key] for one in too_many))
        self._pacer.pace(lane, [*new, *bad])
        if bad and lane.is_paused(self._clock()):
            self._paused_at = time.monotonic()

    def _leave(self, departure: Departure) -> None:
        """Runs in the thread that carries it."""
        if self._flight is not None:
            self._flight.leave(departure.part.envelopes)

    def _opened(self) -> Pool:
        if self._pool is None:
            account = registry.account(self.connection)
            known = self._lane.pace if self._lane is not None else None
            refused = self._lane.refused_pace if self._lane is not None else None
            limit = self._destination.pace_limit(self.kind)
            self._pool = Pool(
                partial(registry.destination_for, self.connection.destination, account),
                Pace(known, limit=limit, refused=refused),
                size=self._destination.connections,
                leave=self._leave,
            )
        return self._pool

    def _without_small_uploads(self, parts: Sequence[Part], rows: Rows) -> Sequence[Part]:
        """While an upload of live changes is worked on, the next small one gathers what comes: each
        has to be asked about. What was gathered goes with that one: it was due when the batch was
        read. Nor does anything wait twice because a large one went meanwhile."""
        large = self._destination.batch_sizes.get(self.kind, 1000) / 2
        small = [part for part in parts if part.is_upload and len(part.envelopes) < large]
        if not small:
            return parts
        mine = SyncState.objects.uploading().filter(connection=self.connection, backfill=None)
        newest = mine.filter(kind=self.kind.value).aggregate(at=Max("session_since"))["at"]
        if newest is None or self._read_at >= newest + GATHER:
            return parts
        held = [part for part in small if not _is_late(part.envelopes, rows, self._read_at)]
        pks = [row.pk for part in held for one in part.envelopes for row in rows[one.key]]
        OutboxMessage.objects.filter(pk__in=pks).update(due_at=newest + GATHER)
        return [part for part in parts if part not in held]


def _leaves_within(destination: Destination) -> float:
    """Seconds after the lane was kept in which a request may leave: it is over before the lane can
    be another worker's."""
    slack = conf.LEASE_SECONDS - destination.longest_request(destination.options)
    return min(LEAVES_WITHIN, max(slack, KEPT_JUST_NOW))


def _is_late(envelopes: Sequence[Envelope], rows: Rows, now: datetime) -> bool:
    return any(now - row.captured_at > GATHER for one in envelopes for row in rows[one.key])


def _remember(lane: Lane, pace: Pace) -> None:
    known = lane.pace or 0.0
    is_another = abs(pace.per_second - known) > NOTEWORTHY * known
    if is_another or pace.refused != lane.refused_pace:
        Lane.objects.filter(pk=lane.pk).update(pace=pace.per_second, refused_pace=pace.refused)
