"""Find the one bad record of a batch: halve what is refused until the culprit stands alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


def halves(batch: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """The first half and the second; the second is never the smaller one."""
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


class Halving(Generic[Item]):
    """The parts of a batch that are still to be tried, in order; at first all of it at once.

    ::

        parts = Halving(keys)
        for part in parts:
            try:
                work(part)
            except BadRecord:
                if not parts.halve(part):
                    ...  # part[0] is the culprit
    """

    def __init__(self, batch: Sequence[Item]) -> None:
        self._parts = deque([batch] if batch else [])

    def __iter__(self) -> Iterator[Sequence[Item]]:
        while self._parts:
            yield self._parts.popleft()

    def halve(self, part: Sequence[Item]) -> bool:
        """Try the halves of ``part`` next; False when it is a single one already."""
        if len(part) == 1:
            return False
        self._parts.extendleft(reversed(halves(part)))
        return True

    def rest(self) -> list[Item]:
        """What was not tried since it came or was halved. Nothing is left to try after this."""
        left = [item for part in self._parts for item in part]
        self._parts.clear()
        return left
