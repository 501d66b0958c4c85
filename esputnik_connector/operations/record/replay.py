"""Put what was set aside back in line, after showing what that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.models.outbox import OutboxQuerySet
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind, Reason


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of the rows that were set aside. What is left empty does not narrow it."""

    kind: Kind | None = None
    reason: Reason | None = None
    since: datetime | None = None  # noted from then on
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many rows of one kind are set aside for one reason."""

    connection: str
    kind: str
    reason: str
    count: int


def chosen(connections: Iterable[Connection], choice: Choice) -> OutboxQuerySet:
    rows = OutboxMessage.objects.dead().filter(connection__in=list(connections))
    if choice.kind is not None:
        rows = rows.filter(kind=choice.kind.value)
    if choice.reason is not None:
        rows = rows.filter(reason=choice.reason.value)
    if choice.since is not None:
        rows = rows.filter(captured_at__gte=choice.since)
    return rows.filter(key__in=choice.keys) if choice.keys else rows


def plan(rows: OutboxQuerySet) -> list[Share]:
    """What a replay of these rows would put in line."""
    names = ("connection__name", "kind", "reason")
    counted = rows.order_by(*names).values_list(*names).annotate(count=Count("pk"))
    return [
        Share(connection=connection, kind=kind, reason=reason, count=count)
        for connection, kind, reason, count in counted
    ]


def unknown_keys(rows: OutboxQuerySet, keys: Sequence[str]) -> list[str]:
    """Keys of which nothing is set aside."""
    known = set(rows.values_list("key", flat=True))
    return [key for key in keys if key not in known]


def replay(rows: OutboxQuerySet) -> int:
    """Put the rows back in line with a fresh horizon, and wake the relays; how many it was."""
    connections = list(rows.order_by().values_list("connection_id", flat=True).distinct())
    count = rows.revive()
    for connection_id in connections:
        wake(connection_id)
    return count
