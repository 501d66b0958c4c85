"""All that Celery's worker and beat would do, in one process without Celery.

Live changes are sent by the thread that calls :meth:`Runner.live`; whatever works for longer goes
in another one by :meth:`Runner.long`, so that no feed and no import keeps a check-out waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from logging import getLogger

from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone

from esputnik_connector.celery_schedule import PERIODIC
from esputnik_connector.exceptions import without_message
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.publish import AlreadyBuilding
from esputnik_connector.feed.schedule import due_feeds
from esputnik_connector.models import Backfill, Connection, Feed, Heartbeat, Storefront
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events.scan import scan_for_events
from esputnik_connector.pipeline.reconcile.run import reconcile_all

from .prune import prune
from .storefront.run import work_when_due
from .storefront.schedule import due_storefronts
from .sweep import recheck_keys, what_is_due

logger = getLogger(__name__)

PAUSE = 2.0  # seconds between two looks at the outbox, and after a lost database session
SLICE = 10.0  # seconds at one thing, so that a stop is heard soon
LOST = (OperationalError, InterfaceError)


class Runner:
    """Runs until ``stop`` is set. Several processes may run one each: every lane, import and feed
    has one worker at a time.

    :param say: told in a sentence what a person at the terminal wants to see.
    """

    def __init__(self, stop: threading.Event, say: Callable[[str], object]) -> None:
        self.stop = stop
        self.say = say
        self._started_at = timezone.localtime()
        self._tried: dict[str, datetime] = {}
        self._relay: Relay | None = None
        self._is_reconciling = False

    def live(self) -> None:
        """Send what is due, every two seconds, and sweep every minute."""
        while not self.stop.is_set():
            self._guarded("relay", self._relay_all)
            if self._is_due("sweep"):
                self._guarded("sweep", self._sweep)
            self.stop.wait(PAUSE)

    def long(self) -> None:
        """Imports, feeds, reconciliation, the scan of watched products, the removal of history."""
        while not self.stop.is_set():
            for name, work in self._long_work():
                if self.stop.is_set():
                    break
                self._guarded(name, work)
            self.stop.wait(PAUSE)
        connections.close_all()  # of this thread

    def hurry(self) -> None:
        """End after the request at hand."""
        self.stop.set()
        if self._relay is not None:
            self._relay.deadline = timezone.now() - timedelta(days=1)

    def _relay_all(self) -> None:
        """One run for each connection; one that fails holds no other back."""
        for connection in Connection.objects.sending():
            if self.stop.is_set():
                return
            self._relay = Relay(connection)
            try:
                outcomes = self._relay.run(seconds=SLICE)
            except LOST:
                raise
            except Exception as error:
                logger.error("connection %s: %s", connection.name, without_message(error))
                continue
            for outcome, count in sorted(outcomes.items()):
                self.say(f"{connection.name}: {count} {outcome}")

    def _sweep(self) -> None:
        """It leaves the heartbeat by which the doctor knows that somebody is at work. What is due
        needs no start: the relay looks by itself, and the other thread at the imports."""
        for task, pk in what_is_due():
            logger.debug("%s of %s is due", task, pk)

    def _long_work(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "imports", self._imports
        yield "keys", recheck_keys  # each at most every 15 minutes; it may wait for an answer
        if self._is_due("feeds"):
            yield "feeds", self._feeds
        if self._is_due("watch_products"):
            yield "watch_products", scan_for_events
        if self._is_due("storefronts"):
            yield "storefronts", self._storefronts
        if self._is_reconciling or self._is_due("reconcile"):
            yield "reconcile", self._reconcile
        if self._is_due("prune"):
            yield "prune", prune

    def _imports(self) -> None:
        waiting = Backfill.objects.waiting_for_a_worker(timezone.now())
        for run in waiting.select_related("connection").order_by("pk"):
            if self.stop.is_set():
                return
            before = run.done
            BackfillWorker(run).work(seconds=SLICE)
            run.refresh_from_db(fields=["counts", "total", "state"])
            if run.done != before:
                self.say(f"{run.connection.name}: {run.kind} {run.done}/{run.total}")

    def _feeds(self) -> None:
        for pk in due_feeds():
            for feed in Feed.objects.filter(pk=pk, is_enabled=True):
                if self.stop.is_set():
                    return
                try:
                    build = Build(feed).run()
                except AlreadyBuilding:
                    logger.info("feed %s is being built already", feed.name)
                else:
                    self.say(f"{feed.name}: {build.status}")

    def _storefronts(self) -> None:
        for pk in due_storefronts():
            for storefront in Storefront.objects.filter(pk=pk).select_related("connection"):
                if self.stop.is_set():
                    return
                work_when_due(storefront)

    def _reconcile(self) -> None:
        """A slice; what is left comes in the next round."""
        is_continued, self._is_reconciling = self._is_reconciling, False
        self._is_reconciling = reconcile_all(seconds=SLICE, is_continued=is_continued)

    def _is_due(self, task: str) -> bool:
        """By the heartbeats, whoever left them; what fails is not tried again at once."""
        (periodic,) = [each for each in PERIODIC if each.task.endswith(f".{task}")]
        now = timezone.localtime()
        ran = []
        self._guarded("schedule", lambda: ran.append(Heartbeat.last(task)))
        beaten = [timezone.localtime(moment) for moment in ran if moment is not None]
        tried = self._tried.get(task)
        last = max([*beaten, *filter(None, [tried])], default=None)
        if last is None and not periodic.minutes:
            last = self._started_at
        if not periodic.is_due(last=last, now=now):
            return False
        self._tried[task] = now
        return True

    def _guarded(self, name: str, work: Callable[[], object]) -> None:
        """Whatever goes wrong, the next round comes."""
        close_old_connections()
        try:
            work()
        except LOST as error:
            logger.warning("%s: the database does not answer (%s)", name, type(error).__name__)
            connections.close_all()
            self.stop.wait(PAUSE)
        except Exception as error:
            logger.error("%s failed: %s", name, without_message(error))
