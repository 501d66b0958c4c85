"""Refused records by cause. Two queries, however many there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import Kind

MOST_READ = 5000  # of the newest; a page with more causes than these have is not read by anybody
WORDS_LENGTH = 300
UUID = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
NUMBER = re.compile(r"\d+(?:[.,:\-/]\d+)*")
STATUS = re.compile(r"\b[1-5]\d\d\b(?=:)")  # of HTTP, which says more than a number


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """One record that is not tried any more."""

    pk: int
    connection_id: int
    kind: Kind
    key: str
    reason: str
    detail: str
    captured_at: datetime
    attempts: int


@dataclass(kw_only=True)
class Cause:
    """Records that fared alike at one account."""

    connection: Connection
    kind: Kind
    reason: str
    words: str  # the destination's own, without what is each record's own
    rows: list[SetAside] = field(default_factory=list)  # newest first

    @property
    def id(self) -> str:
        """The same for the same cause on the next page, so that a form may name it."""
        named = (str(self.connection.pk), self.kind.value, self.reason, self.words)
        return blake2b("\0".join(named).encode(), digest_size=8).hexdigest()

    @property
    def keys(self) -> list[str]:
        """Each record once, newest first."""
        return list(dict.fromkeys(row.key for row in self.rows))


@dataclass(frozen=True, kw_only=True)
class Problems:
    """All that was set aside, the most frequent cause first."""

    causes: tuple[Cause, ...] = ()
    is_cut: bool = False  # there is more than was read

    @property
    def count(self) -> int:
        return sum(len(cause.rows) for cause in self.causes)


def words_of(detail: str, key: str) -> str:
    """What a destination said, without number, key and moment of this one record."""
    text = detail.replace(key, "…") if len(key) > 2 else detail
    text = UUID.sub("…", text)
    kept = STATUS.sub(lambda found: found[0].translate(HIDDEN), text)
    return " ".join(NUMBER.sub("…", kept).translate(SHOWN).split())[:WORDS_LENGTH]


DIGITS = "0123456789"
HIDDEN = {ord(digit): chr(0xE000 + place) for place, digit in enumerate(DIGITS)}
SHOWN = {0xE000 + place: digit for place, digit in enumerate(DIGITS)}


def problems(connections: Iterable[Connection] | None = None) -> Problems:
    """:param connections: only of these; all if left out."""
    by_pk = {
        connection.pk: connection
        for connection in (Connection.objects.all() if connections is None else connections)
    }
    read = OutboxMessage.objects.dead().order_by("-pk")
    if connections is not None:
        read = read.filter(connection__in=list(by_pk))
    names = ("pk", "connection_id", "kind", "key", "reason", "detail", "captured_at", "attempts")
    found = [
        SetAside(**{**row, "kind": Kind(row["kind"])})
        for row in read.values(*names)[: MOST_READ + 1]
        if row["connection_id"] in by_pk
    ]
    causes: dict[tuple[object, ...], Cause] = {}
    for row in found[:MOST_READ]:
        words = words_of(row.detail, row.key)
        place = (row.connection_id, row.kind, row.reason, words)
        if place not in causes:
            causes[place] = Cause(
                connection=by_pk[row.connection_id], kind=row.kind, reason=row.reason, words=words
            )
        causes[place].rows.append(row)
    ordered = sorted(causes.values(), key=lambda cause: -len(cause.rows))
    return Problems(causes=tuple(ordered), is_cut=len(found) > MOST_READ)


MOST_COUNTED = 1000


def count_problems() -> int:
    """How many records need a person, up to :data:`MOST_COUNTED`: asked by every page."""
    alive = Connection.objects.order_by().values("pk")  # rows of a deleted one stay for a night
    dead = OutboxMessage.objects.dead().filter(connection__in=alive)
    return len(dead.order_by().values_list("pk")[:MOST_COUNTED])


def chosen(found: Problems, causes: Sequence[str], rows: Sequence[int]) -> list[SetAside]:
    """The records of these causes, and those of these rows, each once."""
    wanted, ids = set(rows), set(causes)
    return [
        row for cause in found.causes for row in cause.rows if cause.id in ids or row.pk in wanted
    ]
