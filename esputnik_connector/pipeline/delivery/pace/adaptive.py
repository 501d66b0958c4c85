"""How many requests a second a lane makes: careful at first, more while nothing complains.

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
ONE_COMPLAINT = 1.0  # seconds; what was under way together is refused together
CATCH_UP = 0.1  # seconds of a late start that are made good for
NEWEST = 0.2  # the share of the last answer in what is usual


class Pace:
    """The pace of one lane in the hands of one worker.

    :param known: requests a second that were found good before; ``None`` for none.
    :param limit: never more than that.
    """

    def __init__(
        self,
        known: float | None,
        *,
        limit: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
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
            self._change(RISE)

    def complained(self) -> None:
        """The destination was asked too often."""
        now = self._clock()
        if now - self._fell_at >= ONE_COMPLAINT:
            self._fell_at, self._changed_at = now, now - STEP
            self._change(FALL)

    def _change(self, factor: float) -> None:
        now = self._clock()
        if now - self._changed_at >= STEP:
            self._changed_at, self._was_needed = now, False
            self.per_second = min(max(self.per_second * factor, SLOWEST), self._limit)
