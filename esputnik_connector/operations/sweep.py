"""Every minute: what is due, whatever became of its wake-up, and which keys to try again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from logging import getLogger

from django.db.models import Q
from django.utils import timezone

from esputnik_connector.exceptions import DecryptionError, DestinationError
from esputnik_connector.models import Backfill, Connection, Heartbeat, SkippedBehaviour, Wake
from esputnik_connector.pipeline.delivery.turns import connections_with_work
from esputnik_connector.pipeline.wake import BACKFILL, RELAY

from .connection.verify import verify

logger = getLogger(__name__)

RECHECK_INTERVAL = timedelta(minutes=15)  # for a key that was refused or never answered


def what_is_due() -> Iterator[tuple[str, int]]:
    """Name of a task → the connection or the import that it should start with."""
    Heartbeat.beat("sweep")
    SkippedBehaviour.objects.all().fold()
    now = timezone.now()
    watched = Wake.objects.watched(now).values("connection_id")
    waiting = connections_with_work(now).exclude(pk__in=watched).values_list("pk", flat=True)
    yield from ((RELAY, pk) for pk in waiting)
    yield from ((BACKFILL, run.pk) for run in Backfill.objects.waiting_for_a_worker(now))


def recheck_keys() -> None:
    """Try keys that were refused or never answered, each every 15 minutes."""
    is_doubtful = Q(paused_at__isnull=False, paused_by="") | Q(verified_at=None)
    now = timezone.now()  # what lies further ahead is of a worker with a wrong clock
    was_asked = Q(checked_at__range=(now - RECHECK_INTERVAL, now + RECHECK_INTERVAL))
    for connection in Connection.objects.capturing().filter(is_doubtful).exclude(was_asked):
        if connection.api_key and connection.is_bound_here:
            _recheck(connection)


def _recheck(connection: Connection) -> None:
    try:
        verify(connection)
    except (DestinationError, DecryptionError) as error:
        logger.info("the key of connection %s is still not accepted: %s", connection.name, error)
