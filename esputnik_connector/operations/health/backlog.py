"""What waits in each lane, counted without reading a backlog of a million rows.

A page says “10,000+” as well as the exact number; a monitor wants the number itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections as databases
from django.db.models import Count, Min, Q
from django.utils.formats import number_format

from esputnik_connector.models import OutboxMessage
from esputnik_connector.records import Kind

MOST_COUNTED = 10_000  # rows of a lane; whoever reads of more does not care how many more

Places = Mapping[tuple[int, str], "OutboxCount"]


@dataclass(frozen=True, kw_only=True)
class OutboxCount:
    """What waits in one lane, or in all lanes of a connection."""

    unsent: int = 0
    dead: int = 0
    oldest: datetime | None = None  # when the first of the unsent was noted
    due: datetime | None = None  # when the first of them was or is to be sent

    def with_(self, other: OutboxCount) -> OutboxCount:
        return OutboxCount(
            unsent=self.unsent + other.unsent,
            dead=self.dead + other.dead,
            oldest=min(filter(None, (self.oldest, other.oldest)), default=None),
            due=min(filter(None, (self.due, other.due)), default=None),
        )


def count_text(count: int) -> str:
    """A number of a page: “10,000+” where more was not counted."""
    shown = number_format(min(count, MOST_COUNTED), force_grouping=True)
    return f"{shown}+" if count > MOST_COUNTED else shown


def counted(connection_pks: Collection[int]) -> Places:
    """(connection, kind) → what waits there, exactly. Reads every row."""
    is_unsent, is_dead = Q(is_dead=False, session=""), Q(is_dead=True)
    rows = (
        OutboxMessage.objects.filter(connection__in=connection_pks)
        .order_by()
        .values_list("connection_id", "kind")
        .annotate(
            unsent=Count("pk", filter=is_unsent),
            dead=Count("pk", filter=is_dead),
            oldest=Min("captured_at", filter=is_unsent),
            due=Min("due_at", filter=is_unsent),
        )
    )
    return {
        (pk, kind): OutboxCount(unsent=unsent, dead=dead, oldest=oldest, due=due)
        for pk, kind, unsent, dead, oldest, due in rows
    }


def counted_at_most(connection_pks: Collection[int]) -> Places:
    """As :func:`counted`, from at most :data:`MOST_COUNTED` rows of each lane and one more, those
    that are due first, by one statement. Of a larger lane the oldest is that of these rows.

    Where the database is not PostgreSQL, exactly.
    """
    database = databases[OutboxMessage.objects.all().db]
    if database.vendor != "postgresql" or not connection_pks:
        return counted(connection_pks)
    found: dict[tuple[int, str], OutboxCount] = {}
    parts, values = _statement(connection_pks)
    with database.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        for pk, kind, is_dead, count, oldest, due in cursor.fetchall():
            some = (
                OutboxCount(dead=count)
                if is_dead
                else OutboxCount(unsent=count, oldest=oldest, due=due)
            )
            if count:
                found[pk, kind] = found.get((pk, kind), OutboxCount()).with_(some)
    return found


def _statement(connection_pks: Iterable[int]) -> tuple[list[str], list[Any]]:
    """A part for each lane and for what was set aside in it, each read along its index."""
    parts, values = [], []
    for pk in connection_pks:
        for kind in Kind:
            rows = OutboxMessage.objects.filter(connection=pk, kind=kind.value).order_by("due_at")
            for is_dead, some in ((False, rows.unsent()), (True, rows.dead())):
                few = some.values_list("captured_at", "due_at")[: MOST_COUNTED + 1]
                sql, given = few.query.sql_with_params()
                parts.append(
                    f"SELECT {pk:d}, %s, {is_dead}, COUNT(*), MIN(captured_at), MIN(due_at) "  # noqa: S608  numbers and names of ours
                    f"FROM ({sql}) AS lane"
                )
                values += [kind.value, *given]
    return parts, values
