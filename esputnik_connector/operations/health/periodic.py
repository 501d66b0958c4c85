"""Did the periodic work run lately, and will it in a shop that deploys every day?

Each leaves a mark in the database, so that it counts whoever starts it: beat, cron or a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.feed import schedule
from esputnik_connector.operations import prune
from esputnik_connector.pipeline.reconcile import run

from .findings import Finding, of, ok, warning
from .snapshot import Snapshot, take

LONG_INTERVAL = timedelta(hours=6)  # a deployment restarts beat, and it counts from its start


@dataclass(frozen=True, kw_only=True)
class PeriodicTask:
    """One thing that must happen now and then."""

    heartbeat: str
    task: str
    late_after: timedelta
    consequence: Any  # what it means when it does not run, translatable
    remedy: Any


RECONCILE = PeriodicTask(
    heartbeat=run.HEARTBEAT,
    task="esputnik_connector.reconcile",
    late_after=timedelta(days=2),
    consequence=gettext_lazy("Changes that bypass Django's signals are not found."),
    remedy=gettext_lazy(
        "Let beat run esputnik_connector.reconcile every night, by crontab(hour=3, minute=20), or "
        "cron: manage.py esputnik_reconcile"
    ),
)
PRUNE = PeriodicTask(
    heartbeat=prune.HEARTBEAT,
    task="esputnik_connector.prune",
    late_after=timedelta(days=3),
    consequence=gettext_lazy("History older than the retention is not removed."),
    remedy=gettext_lazy(
        "Let beat run esputnik_connector.prune every day, by crontab(hour=4, minute=10), or cron: "
        "manage.py esputnik_prune"
    ),
)
FEEDS = PeriodicTask(
    heartbeat=schedule.HEARTBEAT,
    task="esputnik_connector.feeds",
    late_after=timedelta(hours=1),
    consequence=gettext_lazy("Product feeds are not built when they are due."),
    remedy=gettext_lazy(
        "Let beat run esputnik_connector.feeds every 5 minutes, or cron: "
        "manage.py esputnik_feed build --due"
    ),
)


def findings(*, now: datetime | None = None) -> Iterator[Finding]:
    """Of the periodic work that this shop needs; the sweep has a finding with Celery's."""
    snapshot = take(now=now)
    for needed in _needed(snapshot):
        yield from of(_intervals(needed), task=needed.heartbeat)
    yield from moving(snapshot)


def moving(snapshot: Snapshot) -> Iterator[Finding]:
    """When it ran last, from the snapshot alone: for monitors."""
    for needed in _needed(snapshot):
        last = snapshot.heartbeats.get(needed.heartbeat)
        yield from of([last_run(needed, last, now=snapshot.now)], task=needed.heartbeat)


def last_run(needed: PeriodicTask, last: datetime | None, *, now: datetime) -> Finding:
    """When it ran last, or that it never did."""
    if last is None:
        text = _("“%(task)s” never ran. %(consequence)s")
        told = {"task": needed.heartbeat, "consequence": str(needed.consequence)}
        return warning("task_never_ran", needed.heartbeat, text % told, str(needed.remedy))
    age = (now - last).total_seconds()
    text = _("It ran %s ago.") % timesince(last, now)
    if now - last < needed.late_after:
        return ok("task_ran", needed.heartbeat, text, age_seconds=age)
    return warning(
        "task_late",
        needed.heartbeat,
        f"{text} {needed.consequence}",
        str(needed.remedy),
        age_seconds=age,
    )


def _needed(snapshot: Snapshot) -> Iterator[PeriodicTask]:
    """A connection that is younger than a night or two needs no reconciliation yet."""
    for each in (RECONCILE, PRUNE):
        old = snapshot.now - each.late_after
        if any(connection.created_at < old for connection in snapshot.connections):
            yield each
    if snapshot.feeds:
        yield FEEDS


def _intervals(needed: PeriodicTask) -> Iterator[Finding]:
    """Celery counts an interval from the start of beat: one of a day is never over in a shop that
    deploys every day."""
    for name, entry in (current_app.conf.beat_schedule or {}).items():
        interval = entry.get("schedule")
        seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
        if entry.get("task") != needed.task or not isinstance(seconds, (int, float)):
            continue
        if seconds >= LONG_INTERVAL.total_seconds():
            yield warning(
                "task_interval_too_long",
                needed.heartbeat,
                _(
                    "“%(name)s” has an interval of %(hours)s hours, which beat counts from its own "
                    "start: whoever deploys more often never reaches it."
                )
                % {"name": name, "hours": f"{seconds / 3600:g}"},
                str(needed.remedy),
            )
