"""What an examination finds: a stable code and numbers for a program, words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

Numbers = Mapping[str, float]


class Level(str, Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what to do about it.

    ``code`` says what was found, in the same word in every language and version, and ``area`` in
    which part of the examination; ``connection``, ``feed``, ``task`` and ``kind`` say where, ``""``
    for nowhere in particular. ``numbers`` are counts, and seconds where the name ends so.
    ``subject``, ``text`` and ``remedy`` are for people, translated.
    """

    level: Level
    code: str
    subject: str
    text: str
    remedy: str = ""
    area: str = ""
    connection: str = ""
    feed: str = ""
    task: str = ""
    kind: str = ""
    numbers: Numbers = field(default_factory=dict)

    @property
    def cause(self) -> tuple[str, ...]:
        """What makes it the same finding the next time."""
        return (self.code, self.connection, self.feed, self.task, self.kind)


def ok(code: str, subject: str, text: str, **numbers: float) -> Finding:
    return Finding(level=Level.OK, code=code, subject=subject, text=text, numbers=numbers)


def warning(code: str, subject: str, text: str, remedy: str, **numbers: float) -> Finding:
    found = ok(code, subject, text, **numbers)
    return replace(found, level=Level.WARNING, remedy=remedy)


def problem(code: str, subject: str, text: str, remedy: str, **numbers: float) -> Finding:
    found = ok(code, subject, text, **numbers)
    return replace(found, level=Level.PROBLEM, remedy=remedy)


def of(found: Iterable[Finding], **where: str) -> Iterator[Finding]:
    """The same findings, and where they are: a connection, a feed, a task, a kind, an area."""
    return (replace(finding, **where) for finding in found)  # type: ignore[arg-type]


def worst(found: Iterable[Finding]) -> Level:
    """How bad it is in all."""
    order = list(Level)
    return max((finding.level for finding in found), key=order.index, default=Level.OK)
