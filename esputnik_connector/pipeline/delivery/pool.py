"""Several requests of one lane under way at once, in the hands of the one worker that has it.

A thread makes a request and puts its answer down; it never touches the database. The worker that
has the lane lets each part go, and settles what came. A request that hangs keeps its own
connection busy, and nothing else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from django.utils.translation import gettext as _

from esputnik_connector.destinations import exchanges
from esputnik_connector.destinations.base import Destination, Part
from esputnik_connector.models.lease import LostLease

from .deliver import deliver
from .dispatch import Prepared, Result
from .pace import Pace

BREAK_OFF = 5.0  # seconds for threads whose request was broken off


@dataclass(kw_only=True)
class Departure:
    """One part that a thread carries: what is known of it while it is under way."""

    part: Part
    prepared: Prepared
    left_at: float = field(default_factory=time.monotonic)

    @property
    def keys(self) -> list[str]:
        return [envelope.key for envelope in self.part.envelopes]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What the destination said of some records of a departure."""

    departure: Departure
    results: Sequence[Result]
    exchanged: exchanges.Exchanges = field(default_factory=exchanges.taken)


class Pool:
    """The connections of one lane.

    :param make: a destination for one thread; called by the worker, with the database at hand.
    """

    def __init__(self, make: Callable[[], Destination], pace: Pace, *, size: int) -> None:
        self.pace = pace
        self._make = make
        self._size = size
        self._idle: list[Destination] = []
        self._all: list[Destination] = []
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="esputnik-lane")
        self._waiting: deque[Departure] = deque()
        self._under_way: dict[Future[None], tuple[Departure, Destination]] = {}
        self._arrivals: SimpleQueue[Arrival] = SimpleQueue()
        self._is_lost = False

    @property
    def is_busy(self) -> bool:
        """Is anything under way, or to be let go?"""
        return bool(self._waiting or self._under_way)

    @property
    def has_room(self) -> bool:
        """Can more be taken than what waits already?"""
        return not self._waiting and len(self._under_way) < self._size

    def oldest(self) -> float:
        """Seconds since the request left that has been under way for longest."""
        left = [departure.left_at for departure, _destination in self._under_way.values()]
        return time.monotonic() - min(left, default=time.monotonic())

    def add(self, parts: Iterable[Part], prepared: Prepared) -> None:
        """Put parts in line."""
        self._waiting.extend(Departure(part=part, prepared=prepared) for part in parts)

    def drop(self) -> list[str]:
        """Let what waits in line not go after all; its keys."""
        keys = [key for departure in self._waiting for key in departure.keys]
        self._waiting.clear()
        return keys

    def let_go(self, before: Callable[[Departure], None]) -> None:
        """Let go what may leave now, by the pace and the connections that are free.

        :param before: runs before each; what it raises passes through.
        """
        while self._waiting and len(self._under_way) < self._size:
            departure = self._waiting[0]
            if self.pace.seconds_to_next() > 0 or not self._may_leave(departure):
                return
            before(departure)
            self._waiting.popleft()
            self.pace.start()
            departure.left_at = time.monotonic()
            destination = self._idle.pop() if self._idle else self._another()
            future = self._threads.submit(self._carry, destination, departure)
            self._under_way[future] = departure, destination

    def _may_leave(self, departure: Departure) -> bool:
        """Large parts go one after another: they are few, and each holds much."""
        is_large = len(departure.part.envelopes) > 1
        others = (one for one, _destination in self._under_way.values())
        return not (is_large and any(len(one.part.envelopes) > 1 for one in others))

    def wait(self, seconds: float) -> None:
        """Until an answer comes or a request may leave, but not for longer."""
        if self._waiting and len(self._under_way) < self._size:
            seconds = min(seconds, max(self.pace.seconds_to_next(), 0.001))
        if self._under_way:
            wait(list(self._under_way), timeout=seconds, return_when=FIRST_COMPLETED)
        elif self._waiting:
            time.sleep(seconds)

    def arrivals(self) -> list[Arrival]:
        """What has come since the last call.

        :raises LostLease: a thread found that the lane is lost.
        """
        for future in [one for one in self._under_way if one.done()]:
            departure, destination = self._under_way.pop(future)
            self._idle.append(destination)
            self.pace.answered(time.monotonic() - departure.left_at)
            future.result()
        return self._put_down()

    def break_off(self) -> list[Arrival]:
        """The lane is lost: end what is under way. What had come until then."""
        self._is_lost = True
        for _departure, destination in self._under_way.values():
            destination.abort()
        return self.wait_for_all(BREAK_OFF)

    def wait_for_all(self, seconds: float | None = None) -> list[Arrival]:
        """Let nothing more go, and wait for what is under way. What came."""
        self._waiting.clear()
        wait(list(self._under_way), timeout=seconds)
        self._under_way.clear()
        self._idle.clear()
        return self._put_down()

    def _put_down(self) -> list[Arrival]:
        found = []
        while True:
            try:
                found.append(self._arrivals.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        """End the threads; nothing may be under way."""
        self._threads.shutdown(wait=False)
        for destination in self._all:
            destination.close()

    def _another(self) -> Destination:
        destination = self._make()
        destination.before_call = self._check
        self._all.append(destination)
        return destination

    def _check(self) -> None:
        """Runs in a thread, before each request."""
        if self._is_lost:
            raise LostLease(_("Another worker has taken over."))

    def _carry(self, destination: Destination, departure: Departure) -> None:
        """Runs in a thread."""

        def put_down(results: Sequence[Result]) -> None:
            self._arrivals.put(Arrival(departure=departure, results=results))

        mine = replace(departure.prepared, outgoing=list(departure.part.envelopes))
        deliver(destination, mine, put_down)
