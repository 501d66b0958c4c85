"""The doctor says which periodic work never ran, ran too long ago, or never will."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from celery.schedules import crontab
from django.utils import timezone

from esputnik_connector import api, tasks
from esputnik_connector.models import Connection, Feed, Heartbeat
from esputnik_connector.operations.health import periodic
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.records import Kind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def old(connection) -> Connection:
    """A connection that has seen many nights."""
    Connection.objects.update(created_at=timezone.now() - timedelta(days=30))
    return connection


def found(**when: float) -> dict[str, Level]:
    """Heartbeat → the worst that was found of it."""
    now = timezone.now() + timedelta(**when)
    worst: dict[str, Level] = {}
    for finding in periodic.findings(now=now):
        if worst.get(finding.subject) is not Level.WARNING:
            worst[finding.subject] = finding.level
    return worst


@pytest.fixture(autouse=True)
def _nightly(monkeypatch):
    schedule = {"reconcile": {"task": periodic.RECONCILE.task, "schedule": crontab(hour=3)}}
    monkeypatch.setitem(current_app.conf, "beat_schedule", schedule)


def test_a_new_connection_needs_no_night_yet(connection):
    assert found() == {}


def test_what_never_ran_is_said(old):
    assert found() == {"reconcile": Level.WARNING, "prune": Level.WARNING}
    texts = [finding.text for finding in periodic.findings()]
    assert any("never ran" in text for text in texts)


def test_the_tasks_leave_a_mark_and_it_grows_old(old):
    tasks.reconcile()
    tasks.prune()
    assert found() == {"reconcile": Level.OK, "prune": Level.OK}
    assert found(hours=49) == {"reconcile": Level.WARNING, "prune": Level.OK}


def test_a_reconciliation_by_hand_counts_and_a_dry_one_does_not(old):
    api.reconcile("main", Kind.CONTACT, is_dry=True)
    assert Heartbeat.last("reconcile") is None
    api.reconcile("main", Kind.CONTACT)
    assert found()["reconcile"] is Level.OK


def test_feeds_are_looked_after_only_where_there_are_some(connection):
    Feed.objects.create(name="all", language="en", currency="UAH")
    assert found() == {"feeds": Level.WARNING}
    tasks.feeds()
    assert found() == {"feeds": Level.OK}


@pytest.mark.parametrize("interval", [86400.0, 86400, timedelta(days=1)])
def test_an_interval_of_a_day_is_never_over_in_a_shop_that_deploys_daily(
    old, monkeypatch, interval
):
    schedule = {"nightly": {"task": periodic.RECONCILE.task, "schedule": interval}}
    monkeypatch.setitem(current_app.conf, "beat_schedule", schedule)
    tasks.reconcile()
    assert found()["reconcile"] is Level.WARNING
    (finding,) = [each for each in periodic.findings() if "nightly" in each.text]
    assert "24 hours" in finding.text
    assert "crontab" in finding.remedy
