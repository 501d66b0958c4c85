"""Several requests of one lane under way at once, in the hands of the one worker that has it.

A thread takes what is next in line, makes the request, and puts its answer down; it never touches
the database. The worker that has the lane says for how long parts may leave, reads what goes next
meanwhile, and settles what came. A request that hangs keeps its own connection busy, and nothing
else.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from logging import getLogger

from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.base import Destination, Part
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models.lease import LostLease

from .deliver import deliver
from .pace.adaptive import Pace
from .pace.rest import asks_for_rest
from .prepare.dispatch import Prepared, Result

logger = getLogger(__name__)

BREAK_OFF = 5.0  # seconds for threads whose request was broken off


@dataclass(kw_only=True, eq=False)
class Departure:
    """One part that a thread carries: what is known of it while it is under way."""

    part: Part
    prepared: Prepared
    left_at: float = 0.0
    destination: Destination | None = None

    @property
    def keys(self) -> list[str]:
        return [envelope.key for envelope in self.part.envelopes]

    @property
    def is_large(self) -> bool:
        return len(self.part.envelopes) > 1

    @cached_property
    def visitors(self) -> set[str]:
        """Whose acts it carries; what they did next waits for its answer."""
        return {envelope.visitor for envelope in self.part.envelopes if envelope.visitor}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What the destination said of some records of a departure."""

    departure: Departure
    results: Sequence[Result]
    exchanged: exchanges.Exchanges = field(default_factory=exchanges.taken)


class Pool:
    """The connections of one lane.

    :param make: a destination for one thread; called by the worker, with the database at hand.
    :param leave: told of each departure as it leaves, by its thread.
    """

    def __init__(
        self,
        make: Callable[[], Destination],
        pace: Pace,
        *,
        size: int,
        leave: Callable[[Departure], None],
    ) -> None:
        self.pace = pace
        self._make = make
        self._leave = leave
        self._size = size
        self._destinations: list[Destination] = []
        self._gate = threading.Lock()  # one idle thread looks for what is next, the others queue
        self._lock = threading.Lock()  # of all that follows
        self._may_leave = threading.Condition(self._lock)
        self._has_come = threading.Condition(self._lock)
        self._waiting: deque[Departure] = deque()
        self._under_way: set[Departure] = set()
        self._visitors: set[str] = set()  # of what is under way
        self._arrivals: list[Arrival] = []
        self._leaves_until = 0.0
        self._is_held = False
        self._is_lost = False
        self._is_over = False
        self._failure: BaseException | None = None

    @property
    def is_busy(self) -> bool:
        """Is anything under way, or to be let go, or to be settled?"""
        return bool(self._waiting or self._under_way or self._arrivals)

    @property
    def has_room(self) -> bool:
        """Should more be read, so that no connection has to wait for that?"""
        if len(self._waiting) >= self._size:
            return False
        return sum(len(one.part.envelopes) for one in tuple(self._waiting)) < self._size

    @property
    def is_waiting(self) -> bool:
        """Does anything stand in line?"""
        return bool(self._waiting)

    @property
    def is_held(self) -> bool:
        """Did an answer come that has to be looked at before anything else leaves?"""
        return self._is_held

    def oldest(self) -> float:
        """Seconds since the request left that has been under way for longest."""
        with self._lock:
            now = time.monotonic()
            return now - min((one.left_at for one in self._under_way), default=now)

    def add(self, parts: Iterable[Part], prepared: Prepared) -> None:
        """Put parts in line."""
        with self._lock:
            self._waiting.extend(Departure(part=part, prepared=prepared) for part in parts)
            wanted = min(self._size, len(self._waiting) + len(self._under_way))
            self._may_leave.notify()
        while len(self._destinations) < min(wanted, self._size):
            self._open()

    def drop(self) -> list[str]:
        """Let what waits in line not go after all; its keys."""
        with self._lock:
            keys = [key for departure in self._waiting for key in departure.keys]
            self._waiting.clear()
        return keys

    def let_go(self, until: float) -> None:
        """Parts may leave, by the pace and the connections that are free.

        :param until: a moment of the monotonic clock; the lane is surely this worker's until then.
        """
        with self._lock:
            self._leaves_until, self._is_held = until, False
            self._may_leave.notify()

    def wait(self, seconds: float) -> None:
        """Until all is back, more should be read or an answer needs to be looked at, but not for
        longer."""
        with self._lock:
            is_idle = not self._waiting and not self._under_way
            if not (self._is_held or is_idle or self._failure):
                self._has_come.wait(seconds)

    def complained(self, left_at: float) -> None:
        """The destination was asked too often, by a request that left then."""
        with self._lock:
            self.pace.complained(left_at)

    def arrivals(self) -> list[Arrival]:
        """What has come since the last call.

        :raises LostLease: a thread found that the lane is lost.
        """
        with self._lock:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            came, self._arrivals = self._arrivals, []
        return came

    def break_off(self) -> list[Arrival]:
        """The lane is lost: end what is under way. What had come until then."""
        with self._lock:
            self._is_lost = True
            aloft = [one.destination for one in self._under_way if one.destination is not None]
        for destination in aloft:
            destination.abort()
        return self.wait_for_all(BREAK_OFF)

    def wait_for_all(self, seconds: float | None = None) -> list[Arrival]:
        """Let nothing more go, and wait for what is under way. What came."""
        with self._lock:
            self._waiting.clear()
            self._has_come.wait_for(lambda: not self._under_way, seconds)
            came, self._arrivals = self._arrivals, []
        return came

    def close(self) -> None:
        """End the threads; nothing may be under way."""
        with self._lock:
            self._is_over = True
            self._may_leave.notify()
        for destination in self._destinations:
            destination.close()

    def _open(self) -> None:
        destination = self._make()
        destination.before_call = self._check
        work = partial(self._work, destination)
        try:
            # None may keep a process from ending that was told to: it is as one that was killed.
            threading.Thread(target=work, name="esputnik-lane", daemon=True).start()
        except RuntimeError:  # as many as the machine gives to a process
            destination.close()
            if not self._destinations:
                raise
            self._size = len(self._destinations)
            logger.warning("there are no more threads for a lane than %d", self._size)
        else:
            self._destinations.append(destination)

    # What follows runs in a thread.

    def _work(self, destination: Destination) -> None:
        try:
            while (departure := self._next(destination)) is not None:
                failure: BaseException | None = None
                try:
                    self._leave(departure)
                    self._carry(destination, departure)
                except BaseException as error:
                    failure = error
                self._come_back(departure, failure)
        except BaseException as error:  # the worker learns of it, as of those above
            with self._lock:
                self._failure = self._failure or error

    def _next(self, destination: Destination) -> Departure | None:
        """Wait for a part that may leave now; ``None`` in the end."""
        with self._gate, self._lock:
            while not self._is_over:
                departure, seconds = self._next_in_line()
                if departure is not None and seconds == 0:
                    was_short = self.has_room
                    self.pace.start()
                    self._waiting.remove(departure)
                    departure.left_at, departure.destination = time.monotonic(), destination
                    self._under_way.add(departure)
                    self._visitors |= departure.visitors
                    if self.has_room and not was_short:
                        self._has_come.notify()
                    return departure
                self._may_leave.wait(seconds)
        return None

    def _next_in_line(self) -> tuple[Departure | None, float | None]:
        """What leaves next, and in how many seconds; ``None`` when that is not a matter of time."""
        is_open = time.monotonic() < self._leaves_until and not self._is_held and not self._is_lost
        first = self._ready() if is_open else None
        # Large parts go one after another: they are few, and each holds much.
        if first is None or (first.is_large and any(one.is_large for one in self._under_way)):
            return None, None
        return first, self.pace.seconds_to_next()

    def _ready(self) -> Departure | None:
        """The first in line but for those whose visitor did something that is under way.

        A line that is full of such ones is moved on by the first of them: until there is room
        nothing is read, and all other visitors would wait for one robot.
        """
        first = next((one for one in self._waiting if not one.visitors & self._visitors), None)
        if first is None and self._waiting and not self.has_room:
            return self._waiting[0]
        return first

    def _come_back(self, departure: Departure, failure: BaseException | None) -> None:
        with self._lock:
            self._under_way.discard(departure)
            self._visitors = set[str]().union(*(one.visitors for one in self._under_way))
            self.pace.answered(time.monotonic() - departure.left_at)
            self._failure = self._failure or failure
            if departure.is_large or departure.visitors:
                self._may_leave.notify()
            if failure or not (self._under_way or self._waiting):
                self._has_come.notify()

    def _check(self) -> None:
        """Runs before each request."""
        if self._is_lost:
            raise LostLease(_("Another worker has taken over."))

    def _carry(self, destination: Destination, departure: Departure) -> None:
        def put_down(results: Sequence[Result]) -> None:
            arrival = Arrival(departure=departure, results=results)
            with self._lock:
                self._arrivals.append(arrival)
                if any(asks_for_rest(result.receipt) for result in results):
                    self._is_held = True
                    self._has_come.notify()

        mine = replace(departure.prepared, outgoing=list(departure.part.envelopes))
        deliver(destination, mine, put_down)
