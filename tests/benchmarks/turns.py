"""Ways of doing a thing, measured in turns: a ratio of two of them says the same on a busy machine.

Processor time is that of this process alone: a neighbour adds far less to it than to the clock's.
What is too short to be measured is repeated within its turn, and one slow turn moves no median.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from statistics import median
from typing import NamedTuple

ROUNDS = 5


class Spent(NamedTuple):
    seconds: float
    processor: float  # seconds of this process alone, without the database's


Turns = Sequence[Spent]  # of one way, in the order of the rounds


def spent(deed: Callable[[], object], *, repeats: int = 1) -> Spent:
    """What doing it once takes, by the mean of some repeats."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        deed()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Spent(wall / repeats, processor / repeats)


def in_turns(*ways: Callable[[], Spent], rounds: int = ROUNDS) -> list[Turns]:
    """What each way took in each of the rounds; in a round each has its turn."""
    found = [[way() for way in ways] for _ in range(rounds)]
    return list(zip(*found, strict=True))


def typical(turns: Turns) -> Spent:
    """The median of each figure."""
    return Spent(median(one.seconds for one in turns), median(one.processor for one in turns))


def ratio(turns: Turns, beside: Turns, *, by: str = "processor") -> float:
    """How many times what the other way took; the median of the rounds.

    :param by: ``seconds`` where the database does most of the work.
    """
    read = attrgetter(by)
    return median(read(one) / read(other) for one, other in zip(turns, beside, strict=True))
