"""Start a worker soon after a commit: which one, when, and not twice for one thing.

How it is published, without the shopper waiting, is :mod:`.broker`'s.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from logging import getLogger

from django.db import DatabaseError, connections, router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Backfill, OutboxMessage, Wake
from esputnik_connector.models.wake import MESSAGE_INTERVAL

from .broker import publisher

logger = getLogger(__name__)

RELAY = "esputnik_connector.relay"
BACKFILL = "esputnik_connector.backfill"
BUILD_FEED = "esputnik_connector.build_feed"

_known: dict[int, float] = {}  # connection → moment until which no worker needs to be told


def wake(connection_id: int, delay: float = 0.0) -> None:
    """Send what is due of this connection, ``delay`` seconds after the commit."""
    alias = router.db_for_write(OutboxMessage)
    transaction.on_commit(partial(wake_now, connection_id, delay), using=alias, robust=True)


def wake_now(connection_id: int, delay: float) -> None:
    """Call ``WAKE``, unless a worker is sure to look soon, and after what is committed now.

    A run that is at work says how long it goes on looking, and whoever wakes one says so too: all
    processes together wake one for each connection and debounce time. Never raises: it runs in a
    shopper's request, after the commit.
    """
    if not conf.WAKE or _is_told(connection_id) or not _is_mine(connection_id, delay):
        return
    try:
        import_string(conf.WAKE)(connection_id, delay)
    except Exception as error:  # a project's own callable may raise what it likes
        logger.error("WAKE failed for connection %s: %s", connection_id, without_message(error))


def _is_told(connection_id: int) -> bool:
    """Does this process know already that a worker looks after now?"""
    return time.monotonic() < _known.get(connection_id, 0.0)


def _is_mine(connection_id: int, delay: float) -> bool:
    """Is it for this process to wake a worker?"""
    asked_at = time.monotonic()
    is_mine, seconds = True, MESSAGE_INTERVAL
    database = connections[router.db_for_write(Wake)]
    # Within a transaction of the project's own it would keep the row from everybody else; and who
    # cannot reach the broker now must not keep those from waking a worker who can.
    may_claim = not database.in_atomic_block and database.get_autocommit()
    if may_claim and not publisher.is_resting:
        try:
            is_mine, seconds = Wake.claim(connection_id, delay)
        except DatabaseError as error:  # one wake-up too many does no harm
            logger.warning("it is not known who wakes a worker: %s", without_message(error))
    _known[connection_id] = asked_at + seconds
    return is_mine


def forget_wakes() -> None:
    """For tests: as if no relay had been told to start."""
    _known.clear()


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
