"""How much of an import goes at once: a page, or as little as live changes can wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

SLICE = timedelta(seconds=0.4)  # of the lane, for a part of a page or for questions about uploads
LATELY = timedelta(seconds=10)  # since a live change was due: there will be more
FIRST = 100  # records of the first part, while nobody knows how long they take
NEWEST = 0.5  # the share of the last part in what a record takes


class Slices:
    """What one worker knows of the live changes beside its import.

    A page of an import holds the lane from its reading to the last line about it, and a customer's
    own change waits for that. Alone, an import sends whole pages, which cost least.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._live_at: datetime | None = None
        self._seconds_each = 0.0

    @property
    def are_short(self) -> bool:
        """Did live changes come lately?"""
        return self._live_at is not None and self._clock() - self._live_at < LATELY

    def live_came(self) -> None:
        """Live changes were due."""
        self._live_at = self._clock()

    def most(self, full: int) -> int:
        """How many records of a page go together now, if a whole one has ``full``."""
        if not self.are_short:
            return full
        if not self._seconds_each:
            return min(full, FIRST)
        return min(full, max(1, int(SLICE.total_seconds() / self._seconds_each)))

    @contextmanager
    def measured(self, records: int) -> Iterator[None]:
        """So many records are sent within."""
        begun = self._clock()
        yield
        each = (self._clock() - begun).total_seconds() / max(records, 1)
        known = self._seconds_each or each
        self._seconds_each = known + (each - known) * NEWEST
