"""Celery's doors: the tasks, and the wake-up that runs after a shopper's commit."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from logging import getLogger
from typing import Any

from celery import current_app, shared_task
from django.db.models import Q
from django.utils import timezone
from kombu import Connection as Broker
from kombu.pools import ProducerPool

from esputnik_connector.feed.publish import AlreadyBuilding
from esputnik_connector.feed.schedule import due_feeds
from esputnik_connector.operations.prune import prune as prune_history
from esputnik_connector.operations.verify import verify
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events.scan import scan_for_events
from esputnik_connector.pipeline.reconcile.run import reconcile_all

from .conf import conf
from .exceptions import DecryptionError, DestinationError
from .feed.build import Build
from .models import Backfill, Connection, Feed, Heartbeat, OutboxMessage, SyncState

logger = getLogger(__name__)

RELAY_SECONDS = 50.0  # one run; what is left is for the next one
RELAY_LIMIT = 600  # seconds until Celery kills a run that hangs; nothing is lost then
BROKER_TIMEOUT = 0.25  # seconds a shopper's request may wait for a broker that does not answer
BROKER_REST = 30.0  # seconds without another try after that; the sweep does the work meanwhile
LINES_PER_PROCESS = 100  # as many as a web process may have threads
FEED_LIMIT = 3600  # seconds until Celery kills a build that hangs; the last good file stays
WATCH_LIMIT = 3600  # seconds until Celery kills a walk that hangs; the next one notes the same
RECHECK_INTERVAL = timedelta(minutes=15)  # for a key that was refused or never answered


@shared_task(name="esputnik_connector.relay", ignore_result=True, time_limit=RELAY_LIMIT)
def relay(connection_id: int) -> None:
    """Send what is due of one connection."""
    connection = Connection.objects.sending().filter(pk=connection_id).first()
    if connection is None:
        return
    run = Relay(connection)
    run.run(seconds=RELAY_SECONDS)
    if (next_due := run.come_back()) is not None:
        wake(connection_id, max(0.0, (next_due - timezone.now()).total_seconds()))


@shared_task(name="esputnik_connector.backfill", ignore_result=True, time_limit=RELAY_LIMIT)
def backfill(backfill_id: int) -> None:
    """Work at one historical import for a while, then let any worker go on."""
    run = Backfill.objects.filter(pk=backfill_id).select_related("connection").first()
    if run is None:
        return
    wake_at = BackfillWorker(run).work(seconds=RELAY_SECONDS)
    if wake_at is not None:
        wake_backfill(backfill_id, max(0.0, (wake_at - timezone.now()).total_seconds()))
    elif run.is_open is None:  # orders may have waited for these contacts
        for other in Backfill.objects.open().filter(connection=run.connection):
            wake_backfill(other.pk)


@shared_task(name="esputnik_connector.build_feed", ignore_result=True, time_limit=FEED_LIMIT)
def build_feed(feed_id: int) -> None:
    """Build one product feed."""
    for feed in Feed.objects.filter(pk=feed_id, is_enabled=True):
        try:
            Build(feed).run()
        except AlreadyBuilding:
            logger.info("feed %s is being built already", feed.name)


@shared_task(name="esputnik_connector.feeds", ignore_result=True)
def feeds() -> None:
    """Every few minutes: build the product feeds that are due, each in a task of its own."""
    for feed_id in due_feeds():
        build_feed.apply_async((feed_id,), **_queue())


@shared_task(name="esputnik_connector.sweep", ignore_result=True)
def sweep() -> None:
    """Every minute: start a relay or an import wherever something is due, whatever became of its
    wake-up."""
    Heartbeat.beat("sweep")
    now = timezone.now()
    due = OutboxMessage.objects.due(now).values("connection_id")
    polls = SyncState.objects.importing().filter(poll_at__lte=now).values("connection_id")
    waiting = Connection.objects.sending().filter(Q(pk__in=due) | Q(pk__in=polls))
    for connection_id in waiting.values_list("pk", flat=True):
        relay.apply_async((connection_id,), **_queue())
    for run in Backfill.objects.waiting_for_a_worker(now):
        backfill.apply_async((run.pk,), **_queue())
    is_doubtful = Q(paused_at__isnull=False) | Q(verified_at=None)
    was_asked = Q(checked_at__gt=now - RECHECK_INTERVAL)
    for connection in Connection.objects.capturing().filter(is_doubtful).exclude(was_asked):
        if connection.api_key and connection.is_bound_here:
            _recheck(connection)


@shared_task(name="esputnik_connector.reconcile", ignore_result=True, time_limit=RELAY_LIMIT)
def reconcile(is_continued: bool = False) -> None:
    """Nightly: put in line what capture missed; works for a while, then lets any worker go on."""
    if reconcile_all(seconds=RELAY_SECONDS, is_continued=is_continued):
        reconcile.apply_async((True,), countdown=1, **_queue())


@shared_task(name="esputnik_connector.watch_products", ignore_result=True, time_limit=WATCH_LIMIT)
def watch_products() -> None:
    """Every quarter of an hour: put in line what came back in stock or got cheaper silently."""
    scan_for_events()


@shared_task(name="esputnik_connector.prune", ignore_result=True)
def prune() -> None:
    """Daily: remove the history that is older than the retention."""
    prune_history()


def wake(connection_id: int, delay: float) -> None:
    """Start a relay in ``delay`` seconds. Never raises and never waits for long.

    Runs in a shopper's request, after the commit. When the broker cannot be reached it is left
    alone for a while, and the sweep sends what is due.
    """
    _publish(relay, connection_id, delay)


def wake_backfill(backfill_id: int, delay: float = 0.0) -> None:
    """Let a worker go on with a historical import in ``delay`` seconds. Like :func:`wake`."""
    _publish(backfill, backfill_id, delay)


def wake_feed(feed_id: int) -> None:
    """Build a product feed soon; without a broker the next ``feeds`` does."""
    _publish(build_feed, feed_id, 0.0)


def _publish(task: Any, pk: int, delay: float) -> None:
    if _broker.is_resting:
        return
    try:
        with _broker.producer() as producer:
            task.apply_async(
                (pk,),
                countdown=delay,
                retry=False,
                producer=producer,
                **_queue(),
            )
    except Exception as error:  # kombu lets through what its transports raise
        _broker.rest()
        logger.warning(
            "the broker cannot be reached (%s); changes are sent by the next sweep",
            type(error).__name__,
        )


class _BrokerLine:
    """A publishing connection with time-outs of its own, apart from the project's.

    The project's may wait for minutes, which is right for a worker and wrong for a shopper.
    """

    def __init__(self) -> None:
        self._pool: Any = None
        self._pid = 0
        self._resting_until = 0.0

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < self._resting_until

    def rest(self) -> None:
        self._resting_until = time.monotonic() + BROKER_REST
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.force_close_all()

    def producer(self) -> Any:
        if self._pool is None or self._pid != os.getpid():
            self._pid = os.getpid()
            lines = _impatient_broker().Pool(limit=LINES_PER_PROCESS)
            self._pool = ProducerPool(lines, limit=LINES_PER_PROCESS)
        return self._pool.acquire(block=False)


def _impatient_broker() -> Broker:
    options = {
        **current_app.conf.broker_transport_options,
        "socket_timeout": BROKER_TIMEOUT,
        "socket_connect_timeout": BROKER_TIMEOUT,
        "retry_on_timeout": False,
        "max_retries": 0,
    }
    return current_app.connection_for_write(
        connect_timeout=BROKER_TIMEOUT, transport_options=options
    )


_broker = _BrokerLine()


def _queue() -> dict[str, Any]:
    return {"queue": conf.CELERY_QUEUE} if conf.CELERY_QUEUE else {}


def _recheck(connection: Connection) -> None:
    try:
        verify(connection)
    except (DestinationError, DecryptionError) as error:
        logger.info("the key of connection %s is still not accepted: %s", connection.name, error)
