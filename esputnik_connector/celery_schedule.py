"""When the connector's periodic work is due, ready for the settings of a project.

::

    from esputnik_connector.celery_schedule import BEAT_SCHEDULE, TASK_ROUTES

    CELERY_BEAT_SCHEDULE = {**BEAT_SCHEDULE}
    CELERY_TASK_ROUTES = {**TASK_ROUTES}  # optional: two queues

Imports neither models nor settings, so that a settings file may import it. Everything is by the
clock and nothing by intervals: beat counts an interval from its own start, and one of a day is
never over in a shop that deploys daily.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from celery.schedules import crontab

APP = "esputnik_connector"


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """One thing that is due now and then: every so many ``minutes``, or daily ``at`` a time of the
    shop's own time zone. Its message is worth its run for ``keeps`` minutes, or until it is due
    again."""

    name: str
    task: str
    minutes: int = 0
    at: time = time(0)
    keeps: int = 0

    def is_due(self, *, last: datetime | None, now: datetime) -> bool:
        """Has its time come since it ran ``last``? Both in the shop's time zone.

        :param last: ``None`` when it never ran: what is due every few minutes is due then, and what
            is due daily waits for its time of the day.
        """
        if self.minutes:
            return last is None or self._slot(last) != self._slot(now) or last > now
        today = now.replace(hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0)
        latest = today if today <= now else today - timedelta(days=1)
        return last is not None and last < latest

    def _slot(self, moment: datetime) -> int:
        return int(moment.timestamp() // (self.minutes * 60))

    def schedule(self) -> crontab:
        if self.minutes:
            return crontab(minute=f"*/{self.minutes}")
        return crontab(hour=self.at.hour, minute=self.at.minute)

    def entry(self) -> dict[str, Any]:
        """As beat wants it."""
        entry: dict[str, Any] = {"task": self.task, "schedule": self.schedule()}
        if self.minutes:
            entry["options"] = {"expires": max(self.minutes, self.keeps) * 60}
        return entry


# Where every worker is busy for longer than a minute, a sweep that expired sooner would never run,
# and nothing else would start what a lost wake-up left behind.
SWEEP_KEEPS = 60

PERIODIC = (
    Periodic(name="sweep", task=f"{APP}.sweep", minutes=1, keeps=SWEEP_KEEPS),
    Periodic(name="feeds", task=f"{APP}.feeds", minutes=5),
    Periodic(name="watch", task=f"{APP}.watch_products", minutes=15),
    Periodic(name="storefronts", task=f"{APP}.storefronts", minutes=15),
    Periodic(name="reconcile", task=f"{APP}.reconcile", at=time(3, 20)),
    Periodic(name="prune", task=f"{APP}.prune", at=time(4, 10)),
)

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    f"esputnik-{each.name}": each.entry() for each in PERIODIC
}

LIVE = "esputnik"  # a change of the shop waits here for seconds
LONG = "esputnik-long"  # works for up to a minute at a time, or builds a file

TASK_ROUTES: dict[str, dict[str, str]] = {
    f"{APP}.relay": {"queue": LIVE},
    f"{APP}.sweep": {"queue": LIVE},
    f"{APP}.backfill": {"queue": LONG},
    f"{APP}.feeds": {"queue": LONG},
    f"{APP}.build_feed": {"queue": LONG},
    f"{APP}.storefronts": {"queue": LONG},
    f"{APP}.storefront": {"queue": LONG},
    f"{APP}.reconcile": {"queue": LONG},
    f"{APP}.watch_products": {"queue": LONG},
    f"{APP}.prune": {"queue": LONG},
}
