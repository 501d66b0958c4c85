"""Whose turn it is among connections: where they have fewer workers than there are of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from esputnik_connector.models import Connection, LostUpload, OutboxMessage, SyncState, Wake
from esputnik_connector.models.clock import has_come

LONGEST = timedelta(seconds=10)  # of one connection, while others wait for a worker
ASK_AGAIN = timedelta(seconds=1)  # whether they do


class Turn:
    """How long one connection keeps the worker that it has."""

    def __init__(self, connection: Connection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock
        self._asks_at = clock() + LONGEST
        self._is_over = False

    def is_over(self) -> bool:
        """Has it had the worker for long, and does another connection wait for one? Nobody's order
        should wait for minutes."""
        now = self._clock()
        if self._is_over or now < self._asks_at:
            return self._is_over
        self._asks_at = now + ASK_AGAIN
        watched = Wake.objects.watched(now).values("connection_id")
        others = Connection.objects.sending().exclude(pk=self._connection.pk)
        due = OutboxMessage.objects.due(now)
        self._is_over = any(
            one.is_bound_here and due.filter(connection=one).exists()
            for one in others.exclude(pk__in=watched)
        )
        return self._is_over


def connections_with_work(now: datetime) -> QuerySet[Connection]:
    """Connections that may send, and for which a relay has something to do."""
    due = OutboxMessage.objects.due(now).values("connection_id")
    polls = SyncState.objects.uploading().filter(has_come("poll_at", now)).values("connection_id")
    lost = LostUpload.objects.filter(has_come("poll_at", now)).values("connection_id")
    return Connection.objects.sending().filter(Q(pk__in=due) | Q(pk__in=polls) | Q(pk__in=lost))
