"""How many requests a second a lane makes: careful at first, more while nothing complains.

Each complaint costs a pause of seconds. So the pace that was refused is remembered: up to near it
the lane is back at once, and beyond it goes by small steps, for the account may have less than the
setting says, as when something else of the shop uses it too.

The destination's own limit stands above it: what the workers share is the law (see
:mod:`~esputnik_connector.destinations.throttle`), and this is what one lane dares.
"""

from __future__ import annotations

import time
from collections.abc import Callable

START = 20.0  # requests a second; two seconds of good answers make the usual limit of it
SLOWEST = 1.0  # it never stops by itself: a pause is the lane's
RISE, FALL, EASE = 2.0, 0.5, 0.8  # without complaint for a while; at a 429; at slow answers
SLOW = 3.0  # seconds of the usual answer, from which on the destination has enough to do
STEP = 0.5  # seconds between two changes
NEAR = 0.8  # the share of a pace that was refused, from which on it rises by small steps
SMALL_RISE, SMALL_STEP = 1.05, 8.0  # a minute passes before the next complaint
FORGOTTEN = 1.1  # times that pace: when even this goes well, it was too much only then
CATCH_UP = 0.1  # seconds of a late start that are made good for
NEWEST = 0.2  # the share of the last answer in what is usual


class Pace:
    """The pace of one lane in the hands of one worker.

    :param known: requests a second that were found good before; ``None`` for none.
    :param limit: never more than that.
    :param refused: requests a second at which the destination complained last; ``None`` for none.
    """

    def __init__(
        self,
        known: float | None,
        *,
        limit: float,
        refused: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.refused = refused
        self._limit = limit
        self._clock = clock
        self.per_second = min(max(known or START, SLOWEST), limit)  # the limit may have been lower
        self._next_at = clock()
        self._changed_at = clock()
        self._fell_at = float("-inf")
        self._usual = 0.0
        self._was_needed = False

    def seconds_to_next(self) -> float:
        """Until the next request may start; 0 for now."""
        seconds = self._next_at - self._clock()
        self._was_needed |= seconds > 0
        return max(0.0, seconds)

    def start(self) -> None:
        """A request starts."""
        self._next_at = max(self._next_at, self._clock() - CATCH_UP) + 1 / self.per_second

    def answered(self, seconds: float) -> None:
        """An answer came after so long."""
        self._usual += (seconds - self._usual) * NEWEST if self._usual else seconds
        if self._usual > SLOW:
            self._change(EASE)
        elif self._was_needed:
            self._rise()

    def complained(self, left_at: float) -> None:
        """The destination was asked too often, by a request that left then. What had left before
        the last fall, and is refused late, says nothing of the pace since."""
        now = self._clock()
        if left_at > self._fell_at:
            self._fell_at, self._changed_at = now, now - STEP
            self.refused = self.per_second
            self._change(FALL)

    def _rise(self) -> None:
        near = float("inf") if self.refused is None else NEAR * self.refused
        if self.per_second < near:
            self._change(min(RISE, near / self.per_second))
            return
        self._change(SMALL_RISE, after=SMALL_STEP)
        if self.refused is not None and self.per_second > FORGOTTEN * self.refused:
            self.refused = None

    def _change(self, factor: float, *, after: float = STEP) -> None:
        now = self._clock()
        if now - self._changed_at >= after:
            self._changed_at, self._was_needed = now, False
            self.per_second = min(max(self.per_second * factor, SLOWEST), self._limit)
