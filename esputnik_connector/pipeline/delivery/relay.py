"""Drain the outbox of one connection: each lane for a while in turn, the oldest promise first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from logging import getLogger

from django.db.models import Min, OuterRef, Subquery
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import DecryptionError, without_message
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, Lane, LostUpload, OutboxMessage, SyncState
from esputnik_connector.models.clock import LONGEST_WAIT, has_come
from esputnik_connector.records import Kind

from .lane import ORDER_OF_LANES, lane_of, new_holder
from .pace.permit import Permit
from .pace.rest import Pacer, defect_in_words
from .prepare.load import is_database_gone
from .sender import LaneSender
from .settle.beside import Beside
from .settle.uploads import UploadPoller
from .turns import Turn
from .watch import LOOK_INTERVAL, Watch

logger = getLogger(__name__)

SWEEP_INTERVAL = timedelta(seconds=60)
SLICE = timedelta(seconds=1)  # for one lane; a batch that is begun is finished, or has its turn
SHORT_SLICE = timedelta(seconds=0.3)  # while other lanes wait for their turn
LOOKS_AT_TAKEN = 50  # at the most, each LOOK_INTERVAL: an import gives its lane back sooner
OVERTIME = timedelta(seconds=60)  # at the most; a request that hangs takes as long
LATE = timedelta(seconds=10)  # what waits for longer is a backlog: what is of now goes first


class Relay:
    """One run over the lanes of one connection. Many may run at once; a lane has one holder."""

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Callable[[], datetime] = timezone.now,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.deadline = clock()
        self._turn = Turn(connection, clock)
        self._wait = wait
        self._holder = new_holder()
        self._permit = Permit(connection)
        self._pacer = Pacer(connection, clock)
        self._uploads = UploadPoller(connection, self._pacer, clock)
        self._senders: dict[Kind, LaneSender] = {}
        self._is_cut_short = False
        self._is_watched_elsewhere = False

    @property
    def outcomes(self) -> Counter[str]:
        """Outcome → how many records had it."""
        return sum((sender.outcomes for sender in self._senders.values()), Counter())

    def run(self, *, seconds: float = 50, is_watching: bool = False) -> Counter[str]:
        """Send what is due, for about that long; outcome → how many records had it.

        Returns at once when the connection is off, paused or bound to another installation.

        :param is_watching: go on looking for a moment when nothing is due any more, so that what
            is changed next needs no message; of several such runs, one does.
        """
        self.deadline = self.clock() + timedelta(seconds=seconds)
        self._turn = Turn(self.connection, self.clock)
        if not (self._permit.is_given() and self._has_anything()):
            return self.outcomes
        if not self.connection.environment:
            self.connection.bind()
        try:
            destination = registry.destination(self.connection)
        except DecryptionError as error:
            self._pacer.pause_connection(str(error))
            return self.outcomes
        with (
            closing(destination),
            self._asking_beside(destination),
            fresh_reads(),
            Watch(self.connection, is_watching) as watch,
        ):
            self._go_round(destination, watch)
        return self.outcomes

    @contextmanager
    def _asking_beside(self, destination: Destination) -> Iterator[None]:
        """Questions about uploads have a thread of their own, where the destination may be used by
        several."""
        if destination.connections == 1:
            yield
            return
        with closing(Beside(partial(registry.destination, self.connection))) as beside:
            self._uploads.beside = beside
            yield

    def _has_anything(self) -> bool:
        return any(
            some.filter(connection=self.connection).exists()
            for some in (
                OutboxMessage.objects.filter(is_dead=False),
                SyncState.objects.uploading(),
                LostUpload.objects.all(),
            )
        )

    def _go_round(self, destination: Destination, watch: Watch) -> None:
        """Each lane that has work gets its slice, round after round."""
        self._is_watched_elsewhere = watch.is_elsewhere
        looks = LOOKS_AT_TAKEN
        try:
            while self._permit.still_holds():
                is_last = watch.is_over()  # asked before we look: what came until then is seen
                did_any = self._serve_round(destination, watch)
                if self._is_over(watch):
                    self._is_cut_short = watch.is_on
                    return
                if did_any:
                    watch.go_on()
                    looks = LOOKS_AT_TAKEN
                elif self._busy() or self._uploads.is_asking:
                    self._wait(LOOK_INTERVAL)
                elif watch.is_on and looks and self._is_lane_taken():
                    watch.go_on()
                    looks -= 1
                    self._wait(LOOK_INTERVAL)
                elif is_last:
                    return
                else:
                    watch.pause(self._wait)
        finally:
            with ExitStack() as ends:  # each of them, whatever becomes of the others
                for sender in self._senders.values():
                    ends.callback(sender.close)

    def _is_over(self, watch: Watch) -> bool:
        """Is its time up, or somebody else's turn? Not while a request hangs: it is waited for in
        the end, and nothing that is changed meanwhile would be sent."""
        late = self.clock() - self.deadline
        if late < timedelta(0) and not (watch.is_on and self._turn.is_over()):
            return False
        return late >= OVERTIME or not any(one.hangs for one in self._senders.values())

    def _serve_round(self, destination: Destination, watch: Watch) -> bool:
        """Whether any lane had something to do."""
        kinds = self._kinds_with_work()
        kinds += [kind for kind in self._busy() if kind not in kinds]
        did_any = False
        for kind in kinds:
            if self._permit.still_holds():
                did_any |= self._serve_guarded(destination, kind, watch, is_alone=len(kinds) == 1)
            if self._is_over(watch):
                break
        return did_any

    def _busy(self) -> list[Kind]:
        """Lanes of which requests are under way."""
        return [kind for kind, sender in self._senders.items() if sender.is_busy]

    def _is_lane_taken(self) -> bool:
        """Does something wait in a lane that another worker has, as an import has it for a page?
        To end now would be to be woken again a second later."""
        waiting = self._kinds_with_work()
        return any(kind in waiting and one.is_elsewhere for kind, one in self._senders.items())

    def _kinds_with_work(self) -> list[Kind]:
        """Deletions, then what is of now in the order of lanes, then what has waited for long, and
        behaviour after all: there is more of it than of anything else."""
        now = self.clock()
        waiting = {
            Kind(lane.kind): since
            for lane, since in self._lanes()
            if since is not None and not lane.is_paused(now)
        }

        def turn(kind: Kind) -> tuple[bool, bool, float]:
            is_late = kind is not Kind.ERASURE and waiting[kind] < now - LATE
            place = waiting[kind].timestamp() if is_late else ORDER_OF_LANES.index(kind)
            return kind is Kind.BEHAVIOUR, is_late, place

        return sorted(waiting, key=turn)

    def _lanes(self) -> list[tuple[Lane, datetime | None]]:
        """The lanes of this connection, each with the moment since which its oldest work waits.

        One statement. Of the rows it asks for those due and, apart, for those that a wrong clock
        put far ahead (see :func:`has_come`): each is the first entry of a range of the index.
        """
        now = self.clock()
        mine = {"connection": self.connection, "kind": OuterRef("kind")}
        rows = OutboxMessage.objects.filter(**mine).unsent().order_by("due_at")
        polls = SyncState.objects.uploading().filter(has_come("poll_at", now), **mine)
        lost = LostUpload.objects.filter(has_come("poll_at", now), **mine)
        sources = {
            "due": rows.filter(due_at__lte=now).values("due_at"),
            "odd": rows.filter(due_at__gt=now + LONGEST_WAIT).values("due_at"),
            "poll": polls.order_by("poll_at").values("poll_at"),
            "lost": lost.order_by("poll_at").values("poll_at"),
        }
        named = {f"{name}_since": Subquery(some[:1]) for name, some in sources.items()}
        lanes = Lane.objects.filter(connection=self.connection).annotate(**named)
        if len(lanes) < len(ORDER_OF_LANES):
            for kind in ORDER_OF_LANES:
                lane_of(self.connection, kind)
            lanes = lanes.all()
        found = []
        for lane in lanes:
            moments = [getattr(lane, name) for name in named]
            found.append((lane, min(filter(None, moments), default=None)))
        return found

    def _serve_guarded(
        self, destination: Destination, kind: Kind, watch: Watch, *, is_alone: bool
    ) -> bool:
        """A lane that fails rests; it holds no other lane back, and no other connection."""
        try:
            if kind is Kind.ERASURE:  # what is under way would bring the person back
                for other in self._senders.values():
                    other.finish()
            sender = self._sender(destination, kind, watch)
            now = self.clock()
            until = now + (SLICE if is_alone else SHORT_SLICE)
            return sender.serve(min(until, self.deadline) if now < self.deadline else until)
        except Exception as error:  # a defect of ours, or a database that takes no more
            if is_database_gone(error):
                raise
            lane = lane_of(self.connection, kind)
            logger.error("lane %s cannot be served: %s", lane, without_message(error))
            self._pacer.pause_lane(lane, defect_in_words(error))
            return False

    def _go_on(self, watch: Watch) -> None:
        """A lane is about to send: the others go on sending what they have in line."""
        watch.go_on()
        for sender in self._senders.values():
            sender.pump()

    def _sender(self, destination: Destination, kind: Kind, watch: Watch) -> LaneSender:
        if kind not in self._senders:
            self._senders[kind] = LaneSender(
                self.connection,
                kind,
                destination,
                holder=self._holder,
                permit=self._permit,
                pacer=self._pacer,
                uploads=self._uploads,
                clock=self.clock,
                go_on=partial(self._go_on, watch),
            )
        return self._senders[kind]

    def come_back(self) -> datetime | None:
        """When this worker should look again, if no other one has taken that upon itself.

        Further off than a sweep is left to the sweep.
        """
        now = self.clock()
        if self._is_cut_short:  # other workers rely on one that looks
            return now
        if self._is_watched_elsewhere:
            return None
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
