"""Put events in line that no signal reported, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from logging import getLogger

from esputnik_connector.models import Attempt, Connection, OutboxMessage, SyncState
from esputnik_connector.records import Kind, Outcome, Reason

PAGE = 500  # requests or products at a time
CHUNK = 2000  # keys in one query: a product may have many that wish for it
ASK_AGAIN = timedelta(days=1)  # after the shop's own code or a tombstone held an event back
KEY_LENGTH = 255  # of an outbox row's key

logger = getLogger(__name__)


def enqueue(
    connections: Sequence[Connection], keys: Sequence[str], *, now: datetime, is_dry: bool = False
) -> int:
    """Add rows for the events that are neither sent nor in line; how many. Four queries per chunk.
    A key that is longer than a row can hold is logged and left out.

    :param is_dry: count only.
    """
    for key in (key for key in keys if len(key) > KEY_LENGTH):
        logger.error("the key of an event is too long: %.300s", key)
    keys = [key for key in keys if len(key) <= KEY_LENGTH]
    count = 0
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        known = _known(connections, chunk, now)
        rows = [
            OutboxMessage(
                connection=connection,
                kind=Kind.EVENT.value,
                key=key,
                captured_at=now,
                due_at=now,
            )
            for connection in connections
            for key in chunk
            if (connection.pk, key) not in known
        ]
        count += len(rows)
        if not is_dry:
            OutboxMessage.objects.bulk_create(rows, batch_size=CHUNK)
    return count


def _known(
    connections: Sequence[Connection], keys: Sequence[str], now: datetime
) -> set[tuple[int, str]]:
    """(connection, key) of what was sent, is in line, was set aside or was skipped a short while
    ago.

    What was skipped because it was sold out again may be enqueued again at once.
    """
    mine = {"connection__in": connections, "kind": Kind.EVENT.value, "key__in": keys}
    skipped = Attempt.objects.filter(
        **mine, outcome=Outcome.SKIPPED.value, created_at__gte=now - ASK_AGAIN
    ).exclude(reason=Reason.SOLD_OUT.value)
    sent = SyncState.objects.filter(**mine).exclude(digest="")
    in_line = OutboxMessage.objects.filter(**mine)
    return {
        row
        for rows in (sent, in_line, skipped)
        for row in rows.order_by().values_list("connection_id", "key")
    }
