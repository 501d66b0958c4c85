"""The doctor on what must be alive, on the clock and on money; and how it ends for a monitor."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone as clock
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import tasks
from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.destinations.responses import RawAnswer, ResponseRules
from esputnik_connector.models import Connection, Heartbeat
from esputnik_connector.operations.health import celery, environment, examine
from esputnik_connector.operations.health import connection as connection_health
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def doctor() -> tuple[list[dict[str, Any]], int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_doctor", "--json", "--offline", stdout=output)
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(output.getvalue()), code


# -- worker and beat -------------------------------------------------------------------------------


class Inspection:
    def __init__(self, answers: object) -> None:
        self.answers = answers

    def ping(self) -> Any:
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({"celery@a": {"ok": "pong"}, "celery@b": {"ok": "pong"}}, Level.OK),
        (None, Level.PROBLEM),
        ({}, Level.PROBLEM),
        (OSError("away"), Level.WARNING),
    ],
)
def test_a_worker_is_asked_for_a_second(monkeypatch, answers, level):
    asked = []

    def inspect(timeout: float) -> Inspection:
        asked.append(timeout)
        return Inspection(answers)

    monkeypatch.setattr(current_app.control, "inspect", inspect)
    assert celery.worker().level is level
    assert asked == [1.0]


def test_no_worker_is_a_problem_on_a_real_broker():
    assert celery.worker().level is Level.PROBLEM


def test_beat_is_known_by_the_mark_of_the_sweep():
    assert celery.beat(last=Heartbeat.last("sweep"), now=clock.now()).level is Level.WARNING
    tasks.sweep()
    assert celery.beat(last=Heartbeat.last("sweep"), now=clock.now()).level is Level.OK
    finding = celery.beat(last=Heartbeat.last("sweep"), now=clock.now() + timedelta(minutes=6))
    assert finding.level is Level.PROBLEM
    assert "6 minutes ago" in finding.text.replace("\xa0", " ")
    tasks.sweep()
    assert Heartbeat.objects.filter(name="sweep").count() == 1


def test_workers_are_not_asked_for_when_the_broker_is_away(monkeypatch):
    away = celery.problem("broker_away", "broker", "away", "")
    monkeypatch.setattr(celery, "broker", lambda: away)
    monkeypatch.setattr(celery, "worker", lambda: pytest.fail("nobody can be asked"))
    assert away in list(celery.findings())


def test_a_process_without_celery_is_seen_by_its_heartbeat(settings, monkeypatch):
    """The project has a Celery of its own, and esputnik_run does the connector's work."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    monkeypatch.setattr(celery, "broker", lambda: pytest.fail("nobody waits for the broker"))
    (silent,) = celery.findings()
    assert (silent.code, "esputnik_run" in silent.remedy) == ("celery_not_loaded", True)
    Heartbeat.beat("sweep")
    (seen,) = celery.findings()
    assert (seen.code, seen.task) == ("sweep_ran", "sweep")


# -- exit codes ------------------------------------------------------------------------------------


def test_one_for_a_problem_and_two_for_a_database_that_cannot_be_read(monkeypatch):
    found, code = doctor()  # no worker answers
    assert code == 1
    assert any(each["level"] == "problem" for each in found)

    def unreadable(*_args: object, **_named: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(examine, "_of_the_installation", unreadable)
    found, code = doctor()
    assert code == 2
    assert "cannot be read" in found[-1]["text"]


# -- clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0.0, Level.OK), (-30.0, Level.OK), (90.0, Level.WARNING), (-900.0, Level.PROBLEM)],
)
def test_the_clock_is_compared(ahead, level):
    info = AccountInfo(organisation="A", clock_ahead=ahead)
    finding = environment.clock(Connection(name="main"), info)
    assert finding.level is level


def test_a_destination_that_tells_no_time_is_no_finding():
    assert environment.clock(Connection(name="main"), AccountInfo(organisation="A")) is None


@pytest.mark.parametrize(
    ("date", "ahead"),
    [("Sat, 21 Nov 2026 12:01:30 GMT", 90.0), ("", None), ("yesterday", None)],
)
def test_the_date_of_an_answer(date, ahead):
    raw = RawAnswer(status=200, content=b"{}", headers={"Date": date})
    answer = ResponseRules().classify(raw, now=NOW)
    assert answer.clock_ahead == ahead


def test_the_clock_of_the_fake_agrees():
    with FakeEsputnik() as fake:
        connection = Connection.objects.create(name="main", api_key=fake.key, api_url=fake.api_url)
        found = list(connection_health.key(connection, is_offline=False))
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert "clock agrees" in found[1].text


# -- time zone and money ---------------------------------------------------------------------------


def test_time_zone(settings):
    assert environment.time_zone().level is Level.OK
    settings.USE_TZ = False
    assert environment.time_zone().level is Level.WARNING


@pytest.mark.parametrize(
    ("codes", "level", "words"),
    [
        ([], Level.OK, "–"),
        (["UAH", "UAH"], Level.OK, "UAH"),
        (["UAH", "EUR"], Level.WARNING, "EUR, UAH"),
        (["UAH", "GBP"], Level.WARNING, "GBP"),
    ],
)
def test_currencies_of_the_orders(codes, level, words):
    orders = [factories.OrderFactory(user=None) for _ in codes]
    for made, code in zip(orders, codes, strict=True):
        get_model("order", "Order").objects.filter(pk=made.pk).update(currency=code)
    finding = environment.currencies()
    assert finding.level is level
    assert words in finding.text
