"""Celery's doors: every task of the connector, and ``wake``, which ``WAKE`` names."""

from __future__ import annotations

from logging import getLogger
from typing import Any

from celery import shared_task

from esputnik_connector.celery_schedule import SWEEP_KEEPS
from esputnik_connector.feed.publish import AlreadyBuilding
from esputnik_connector.feed.schedule import due_feeds
from esputnik_connector.operations.alerts.raised import look
from esputnik_connector.operations.prune import prune as prune_history
from esputnik_connector.operations.storefront.run import work_when_due
from esputnik_connector.operations.storefront.schedule import due_storefronts
from esputnik_connector.operations.sweep import recheck_keys, what_is_due
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.broker import queue_options
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events.scan import scan_for_events
from esputnik_connector.pipeline.reconcile.run import reconcile_all
from esputnik_connector.pipeline.wake import RELAY, start_relay, start_relay_at, wake_backfills

from .feed.build import Build
from .models import Backfill, Connection, Feed, Storefront

logger = getLogger(__name__)

RELAY_SECONDS = 50.0  # one run; what is left is for the next one
RELAY_LIMIT = 600  # seconds until Celery kills a run that hangs; nothing is lost then
SWEEP_EXPIRY = 60 * SWEEP_KEEPS  # seconds; what a sweep starts may wait for a worker for long
FEED_LIMIT = 3600  # seconds until Celery kills a build that hangs; the last good file stays
WATCH_LIMIT = 3600  # seconds until Celery kills a walk that hangs; the next one notes the same


def limited(seconds: int) -> dict[str, Any]:
    """Options of a task that Celery kills after so many seconds, and leaves alone until then. A
    soft limit, which a project may have set for all of its tasks, raises at any line: the record
    that happens to be in hand would be blamed for it."""
    return {"ignore_result": True, "time_limit": seconds, "soft_time_limit": seconds}


wake = start_relay  # the dotted path that settings know


@shared_task(name="esputnik_connector.relay", **limited(RELAY_LIMIT))
def relay(connection_id: int) -> None:
    """Send what is due of one connection."""
    for run in map(Relay, Connection.objects.sending().filter(pk=connection_id)):
        run.run(seconds=RELAY_SECONDS, is_watching=True)
        start_relay_at(connection_id, run.come_back())


@shared_task(name="esputnik_connector.backfill", **limited(RELAY_LIMIT))
def backfill(backfill_id: int) -> None:
    """Work at one historical import for a while, then let any worker go on."""
    for run in Backfill.objects.filter(pk=backfill_id).select_related("connection"):
        wake_backfills(run, BackfillWorker(run).work(seconds=RELAY_SECONDS))


@shared_task(name="esputnik_connector.build_feed", **limited(FEED_LIMIT))
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
        build_feed.apply_async((feed_id,), **queue_options())


@shared_task(name="esputnik_connector.sweep", ignore_result=True)
def sweep() -> None:
    """Every minute: start whatever is due, whatever became of its wake-up."""
    for task, pk in what_is_due():
        start = relay if task == RELAY else backfill
        start.apply_async((pk,), expires=SWEEP_EXPIRY, **queue_options())
    recheck_keys()
    look()


@shared_task(name="esputnik_connector.reconcile", **limited(RELAY_LIMIT))
def reconcile(is_continued: bool = False) -> None:
    """Nightly: put in line what capture missed; works for a while, then lets any worker go on."""
    if reconcile_all(seconds=RELAY_SECONDS, is_continued=is_continued):
        reconcile.apply_async((True,), countdown=1, **queue_options())


@shared_task(name="esputnik_connector.watch_products", **limited(WATCH_LIMIT))
def watch_products() -> None:
    """Every quarter of an hour: put in line what came back in stock or got cheaper silently."""
    scan_for_events()


@shared_task(name="esputnik_connector.storefront", **limited(RELAY_LIMIT))
def storefront(storefront_id: int) -> None:
    """Go through the steps of one storefront at its account."""
    for found in Storefront.objects.filter(pk=storefront_id).select_related("connection"):
        work_when_due(found)


@shared_task(name="esputnik_connector.storefronts", ignore_result=True)
def storefronts() -> None:
    """Every quarter of an hour: start with each storefront that is due, which is once a day."""
    for storefront_id in due_storefronts():
        storefront.apply_async((storefront_id,), **queue_options())


@shared_task(name="esputnik_connector.prune", ignore_result=True)
def prune() -> None:
    """Daily: remove the history that is older than the retention."""
    prune_history()
