"""Put in line what a worker found and no visitor did; never so much that visitors have no room."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from esputnik_connector.behaviour import Behaviour
from esputnik_connector.conf import conf
from esputnik_connector.models import Connection, OutboxMessage, SkippedBehaviour
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind, Reason

from .carried import sealed

SHARE = 2  # the half of the line: what visitors do finds room behind it
ROWS_PER_INSERT = 500


def most_at_once() -> int:
    """How many may be put in line at the most, if nothing waits."""
    return conf.BEHAVIOUR_BACKLOG // SHARE


def enqueue(connection: Connection, told: Sequence[Behaviour], *, found: int) -> int:
    """Add rows for as many as have room in the line; how many. What has none is counted as skipped.
    Two queries, and one for each 500 rows.

    :param found: how many there are in all, where ``told`` is only a part of them.
    :raises ConfigurationError: there is no key to encrypt with.
    """
    most = most_at_once()
    waiting = OutboxMessage.objects.of(connection, Kind.BEHAVIOUR).filter(is_dead=False)
    room = max(0, most - waiting[:most].count())
    now = timezone.now()
    rows = [
        OutboxMessage(
            connection=connection,
            kind=Kind.BEHAVIOUR.value,
            key=one.key,
            captured_at=now,
            due_at=now,
            payload=sealed(one),
        )
        for one in told[:room]
    ]
    OutboxMessage.objects.bulk_create(rows, batch_size=ROWS_PER_INSERT)
    if left_out := found - len(rows):
        SkippedBehaviour.objects.create(
            connection=connection, reason=Reason.CROWDED_OUT.value, records=left_out
        )
    if rows:
        wake(connection.pk)
    return len(rows)
