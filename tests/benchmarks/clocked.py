"""What a page of the shop takes until its answer can be sent, and what the server does after it.

Two ways of making a page take turns, so what else the machine does slows both alike. They are
compared turn by turn, and turns go on until the difference is known well enough to say whether a
promise is kept: a median of few pages swings by more than what is promised.
"""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

from django.db import connection as database
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test.client import ClientHandler

MOST_SHARE, MOST_SECONDS = 0.03, 0.001  # of the page without, or seconds: whichever is more
CERTAIN = 1.96  # standard deviations: 95 of 100


class Asked(NamedTuple):
    """What one request took."""

    seconds: float
    processor: float  # seconds, of this thread: no neighbour on the machine changes it
    statements: int
    calls: int  # of functions; 0 where they were not counted


class Clocked(NamedTuple):
    """One request: until its answer could be sent, and with all that the server did then."""

    answered: Asked
    whole: Asked


class ClockedHandler(ClientHandler):
    """Takes the time of a request from its first middleware to its last, and to its end.

    The end is the one that Django tells of: signals of ``request_finished`` are heard by then.
    """

    def __init__(self, *, is_counting: bool = False) -> None:
        super().__init__(enforce_csrf_checks=False)
        self.is_counting = is_counting
        self._statements = self._calls = 0

    def __call__(self, environ: dict[str, Any]) -> HttpResponseBase:
        self._statements = self._calls = 0
        with database.execute_wrapper(self._execute):
            answer = super().__call__(environ)
            sys.setprofile(None)
            whole = self._taken()
        self.clocked = Clocked(self._answered, whole)
        if not gc.isenabled():  # as settled() has it
            gc.collect()
        return answer

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        self._begun, self._worked = time.perf_counter(), time.thread_time()
        if self.is_counting:
            sys.setprofile(self._count)
        answer = super().get_response(request)
        sys.setprofile(None)
        self._answered = self._taken()
        if self.is_counting:
            sys.setprofile(self._count)
        return answer

    def _taken(self) -> Asked:
        seconds, processor = time.perf_counter() - self._begun, time.thread_time() - self._worked
        return Asked(seconds, processor, self._statements, self._calls)

    def _execute(self, execute: Any, *statement: Any) -> Any:
        self._statements += 1
        return execute(*statement)

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self._calls += event in ("call", "c_call")


@contextmanager
def settled() -> Iterator[None]:
    """Memory is tidied up between pages and never within one. Python does so after so many objects:
    of pages that take turns it would always meet the same one, and that looks like a difference."""
    gc.collect()
    gc.freeze()  # what the tests before this one left is not looked through again and again
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def typical(some: Sequence[Asked]) -> Asked:
    """The median of each figure."""
    return Asked(*map(median, zip(*some, strict=True)))


class Difference(NamedTuple):
    """By how many seconds one way is slower than the other, and between which bounds that lies in
    95 of 100 runs."""

    seconds: float
    least: float
    most: float
    allowed: float

    @classmethod
    def of(cls, without: Sequence[Asked], ours: Sequence[Asked]) -> Difference:
        """Of pages that took turns. The bounds are order statistics of the median: they suppose
        nothing of how times are spread."""
        pairs = zip(without, ours, strict=True)
        sorted_ = sorted(mine.seconds - plain.seconds for plain, mine in pairs)
        number = len(sorted_)
        low = max(0, math.floor((number - CERTAIN * math.sqrt(number)) / 2))
        allowed = max(MOST_SHARE * typical(without).seconds, MOST_SECONDS)
        return cls(median(sorted_), sorted_[low], sorted_[number - 1 - low], allowed)

    @property
    def is_kept(self) -> bool:
        """The promise."""
        return self.seconds <= self.allowed

    @property
    def is_clear(self) -> bool:
        """Would more turns hardly say anything else?"""
        return self.most <= self.allowed or self.least > self.allowed

    def __str__(self) -> str:
        shown = (f"{1000 * each:+.2f}" for each in (self.seconds, self.least, self.most))
        return "{} ms ({} to {}; {:.2f} are allowed)".format(*shown, 1000 * self.allowed)
