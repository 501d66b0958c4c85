"""Start a worker soon after a commit: which one, when, and not twice for one thing.

How it is published, without the shopper waiting, is :mod:`.broker`'s.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from logging import getLogger

from django.db import router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Backfill, OutboxMessage

from .broker import publisher

logger = getLogger(__name__)

RELAY = "esputnik_connector.relay"
BACKFILL = "esputnik_connector.backfill"
BUILD_FEED = "esputnik_connector.build_feed"

CLOCK_SKEW = 1.0  # seconds by which the clocks of web and worker may differ

_under_way: dict[int, float] = {}  # connection → moment at which its relay was told to start


def wake(connection_id: int, delay: float = 0.0) -> None:
    """Send what is due of this connection, ``delay`` seconds after the commit."""
    alias = router.db_for_write(OutboxMessage)
    transaction.on_commit(partial(wake_now, connection_id, delay), using=alias, robust=True)


def wake_now(connection_id: int, delay: float) -> None:
    """Call ``WAKE``, unless a relay of this connection was told a moment ago to start in time.

    Never raises: it runs in a shopper's request, after the commit.
    """
    if not conf.WAKE or _is_under_way(connection_id, delay):
        return
    try:
        import_string(conf.WAKE)(connection_id, delay)
    except Exception as error:  # a project's own callable may raise what it likes
        logger.error("WAKE failed for connection %s: %s", connection_id, without_message(error))
    _under_way[connection_id] = time.monotonic() + delay


def _is_under_way(connection_id: int, delay: float) -> bool:
    """Whether a relay will start soon, but surely after what is committed now.

    It also comes back by itself for what is visible and not yet due, so nothing waits for a sweep.
    """
    now = time.monotonic()
    starts_at = _under_way.get(connection_id, now)
    return now + min(CLOCK_SKEW, delay / 2) < starts_at <= now + delay


def forget_wakes() -> None:
    """For tests: as if no relay had been told to start."""
    _under_way.clear()


def start_relay(connection_id: int, delay: float) -> None:
    """Publish the task ``relay``: what ``WAKE`` names. Never raises and never waits for long."""
    publisher.publish(RELAY, connection_id, delay)


def start_relay_at(connection_id: int, moment: datetime | None) -> None:
    """Start a relay at that moment; ``None``: not at all."""
    if moment is not None:
        start_relay(connection_id, _seconds_until(moment))


def wake_backfill(backfill_id: int, delay: float = 0.0) -> None:
    """Let a worker go on with a historical import in ``delay`` seconds."""
    publisher.publish(BACKFILL, backfill_id, delay)


def wake_backfills(run: Backfill, wake_at: datetime | None) -> None:
    """Go on with this import at ``wake_at``. When it is over: with others, which may have waited
    for its contacts."""
    if wake_at is not None:
        wake_backfill(run.pk, _seconds_until(wake_at))
    elif run.is_open is None:
        for other in Backfill.objects.open().filter(connection=run.connection):
            wake_backfill(other.pk)


def wake_feed(feed_id: int) -> None:
    """Build a product feed soon; without a broker the next task ``feeds`` does."""
    publisher.publish(BUILD_FEED, feed_id, 0.0)


def _seconds_until(moment: datetime) -> float:
    return max(0.0, (moment - timezone.now()).total_seconds())
