"""The schedule that a shop imports: every periodic task is in it, and each of them comes to run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import Celery
from celery.beat import Scheduler

from esputnik_connector import tasks  # noqa: F401  they are known to every app of Celery
from esputnik_connector.celery_schedule import BEAT_SCHEDULE, PERIODIC, TASK_ROUTES, Periodic
from esputnik_connector.operations.health import celery as health
from esputnik_connector.operations.health import periodic

ROOT = Path(__file__).resolve().parents[2]
KYIV = ZoneInfo("Europe/Kyiv")
NOON = datetime(2026, 11, 21, 12, tzinfo=KYIV)


def tasks_of_the_connector() -> set[str]:
    code = (ROOT / "esputnik_connector" / "tasks.py").read_text()
    return set(re.findall(r'shared_task\(\s*name="([\w.]+)"', code))


def row_of(task: str) -> str:
    page = (ROOT / "docs" / "reference" / "tasks.md").read_text()
    return next(line for line in page.splitlines() if line.startswith(f"| `{task}` |"))


def started_by_beat() -> set[str]:
    return {task for task in tasks_of_the_connector() if "| beat" in row_of(task)}


def test_every_task_that_beat_must_start_is_in_the_schedule():
    planned = {entry["task"] for entry in BEAT_SCHEDULE.values()}
    assert planned == started_by_beat()
    assert planned >= {each.task for each in (periodic.RECONCILE, periodic.PRUNE, periodic.FEEDS)}
    assert health.SWEEP in planned


def test_every_task_has_a_queue_and_the_page_names_it():
    assert set(TASK_ROUTES) == tasks_of_the_connector()
    for task, route in TASK_ROUTES.items():
        assert f"| `{route['queue']}` |" in row_of(task)


def fired(schedule: dict, *, days: int, deploys_at: int) -> Counter[str]:
    """What a real scheduler of beat starts, minute by minute. Each deployment is a new container:
    its file of last runs is gone."""
    app = Celery("shop", broker="memory://", timezone="Europe/Kyiv", set_as_current=False)
    app.conf.beat_schedule = schedule
    runs: Counter[str] = Counter()
    with time_machine.travel(NOON, tick=False) as traveller:
        scheduler = None
        for minute in range(days * 24 * 60):
            now = NOON + timedelta(minutes=minute, seconds=7)
            traveller.move_to(now)
            if scheduler is None or (now.hour, now.minute) == (deploys_at, 0):
                scheduler = Scheduler(app)
            for name, entry in list(scheduler.schedule.items()):
                if entry.is_due().is_due:
                    runs[str(entry.task)] += 1
                    scheduler.schedule[name] = next(entry)
    return runs


def test_a_shop_that_deploys_daily_is_reconciled_and_pruned_every_night():
    runs = fired(BEAT_SCHEDULE, days=3, deploys_at=12)
    assert runs["esputnik_connector.reconcile"] == 3
    assert runs["esputnik_connector.prune"] == 3
    assert runs["esputnik_connector.feeds"] > 800
    assert runs["esputnik_connector.sweep"] > 4300


def test_an_interval_of_a_day_would_never_be_over():
    schedule = {"nightly": {"task": "esputnik_connector.reconcile", "schedule": 86400.0}}
    assert fired(schedule, days=3, deploys_at=12) == {}


def test_a_sweep_comes_to_run_where_every_worker_is_busy_for_minutes():
    """Nothing else starts what a lost wake-up left behind, nor what a long run had to leave."""
    assert BEAT_SCHEDULE["esputnik-sweep"]["options"]["expires"] >= 30 * 60


def test_sweeps_do_not_pile_up_for_days_while_workers_are_away():
    assert BEAT_SCHEDULE["esputnik-sweep"]["options"]["expires"] <= 2 * 3600


LONG = [
    "relay", "backfill", "build_feed", "reconcile", "watch_products", "storefront",
]  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_a_soft_limit_for_all_tasks_of_a_project_interrupts_no_delivery(name):
    """It raises in the middle of whatever is done, and would be taken for the fault of a record."""
    app = Celery(
        "shop", broker="memory://", set_as_current=False, task_soft_time_limit=5, task_time_limit=10
    )
    app.finalize()
    task = app.tasks[f"esputnik_connector.{name}"]
    assert task.soft_time_limit >= task.time_limit >= 600


def test_a_settings_file_may_import_it():
    """No model, no setting and no application is needed for it."""
    code = "from esputnik_connector.celery_schedule import BEAT_SCHEDULE as b; print(len(b))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={}, check=True
    )
    assert done.stdout.strip() == str(len(PERIODIC))


@pytest.mark.parametrize(
    ("last", "is_due"),
    [(None, True), (timedelta(seconds=30), False), (timedelta(minutes=6), True),
     (timedelta(minutes=-6), True)],
)  # fmt: skip
def test_what_is_due_every_few_minutes(last, is_due):
    feeds = Periodic(name="feeds", task="", minutes=5)
    now = NOON + timedelta(minutes=2)
    assert feeds.is_due(last=last and now - last, now=now) is is_due


def test_what_is_due_daily_is_due_once_a_day_by_the_shops_own_clock():
    (reconcile,) = [each for each in PERIODIC if each.name == "reconcile"]
    last, runs = NOON, []
    for minute in range(3 * 24 * 60):
        now = (NOON.astimezone(timezone.utc) + timedelta(minutes=minute)).astimezone(KYIV)
        if reconcile.is_due(last=last, now=now):
            last = now
            runs.append((now.hour, now.minute))
    assert runs == [(3, 20)] * 3


def test_a_night_that_was_slept_through_is_made_up_for():
    (reconcile,) = [each for each in PERIODIC if each.name == "reconcile"]
    assert reconcile.is_due(last=NOON - timedelta(days=2), now=NOON)
    assert not reconcile.is_due(last=None, now=NOON)
