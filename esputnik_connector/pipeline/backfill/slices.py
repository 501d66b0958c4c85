"""How much of an import goes at once: a page, or as little as live changes can wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil

SLICE = timedelta(seconds=0.4)  # of the lane, for a part of a page or for questions about uploads
LATELY = timedelta(seconds=10)  # since a live change was due: there will be more
FIRST = 100  # records of the first part, while nobody knows how long they take
# What a destination takes together it may take one by one when it is less, each with an answer of
# its own: a smaller part is no shorter, and says nothing of how long a record takes.
FEWEST = 50
NEWEST = 0.5  # the share of the last part in what a record takes


class Slices:
    """What one worker knows of the live changes beside its import.

    A page of an import holds the lane from its reading to the last line about it, and a customer's
    own change waits for that. Alone, an import sends whole pages, which cost least.

    :param is_live_due: is a live change due at this moment?
    """

    def __init__(self, clock: Callable[[], datetime], is_live_due: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_live_due = is_live_due
        self._live_at: datetime | None = None
        self._ends_at: datetime | None = None
        self._was_cut = False
        self._seconds_each = 0.0

    @property
    def are_short(self) -> bool:
        """Did live changes come lately?"""
        return self._live_at is not None and self._clock() - self._live_at < LATELY

    def live_came(self) -> None:
        """Live changes were due."""
        self._live_at = self._clock()

    def most(self, left: int) -> int:
        """How many records go together now, of so many that are left of a page. Parts are alike: a
        small one at the end would take as long as any."""
        if not self.are_short:
            return left
        most = FIRST
        if self._seconds_each:
            most = max(FEWEST, int(SLICE.total_seconds() / self._seconds_each))
        parts = min(ceil(left / most), left // FEWEST)
        return ceil(left / max(1, parts))

    @contextmanager
    def measured(self, records: int) -> Iterator[None]:
        """So many records are sent within."""
        begun = self._clock()
        self._ends_at, self._was_cut = begun + SLICE, False
        yield
        if self._was_cut or records < FEWEST:
            return
        each = (self._clock() - begun).total_seconds() / records
        known = self._seconds_each or each
        self._seconds_each = known + (each - known) * NEWEST

    def is_over(self) -> bool:
        """Has the part that is sent had its time, while live changes wait? What is left of it goes
        later: records that travel one by one, or few together, would hold the lane for seconds."""
        now = self._clock()
        if self._ends_at is None or now < self._ends_at:
            return False
        self._ends_at = now + SLICE
        if not self.are_short and self._is_live_due():
            self.live_came()
        self._was_cut = self.are_short
        return self._was_cut
