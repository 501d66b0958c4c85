"""Who is told of what, when: each problem once, what lasts once a day, and when all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from esputnik_connector import signals, tasks
from esputnik_connector.models import (
    Backfill,
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeHour,
    RaisedAlert,
)
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.operations.alerts.raised import ASKED, MOVING, Scope, look, raise_alerts
from esputnik_connector.operations.health.examine import AREAS, examine, moving
from esputnik_connector.operations.health.findings import Finding, Level
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-more-than-twenty-characters"


@pytest.fixture(autouse=True)
def _settings(settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "ALERT_EMAILS": ["olena@shop.example"],
        "HEALTH_TOKEN": TOKEN,
        "SHOP_URL": "https://shop.example",
    }


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(name="main", api_key="a key")
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    return connection


@pytest.fixture
def ended() -> Any:
    heard: list[dict[str, Any]] = []

    def hear(sender: type, **named: Any) -> None:
        heard.append(named)

    signals.alert_ended.connect(hear)
    yield heard
    signals.alert_ended.disconnect(hear)


def worker_dies() -> None:
    Heartbeat.objects.filter(name="sweep").update(beaten_at=timezone.now() - timedelta(hours=1))


def time_passes() -> None:
    """Long enough for another look."""
    Heartbeat.objects.filter(name="alerts").update(beaten_at=timezone.now() - timedelta(minutes=6))


@contextmanager
def mail_is_down(settings: Any) -> Iterator[None]:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    yield
    settings.EMAIL_BACKEND = working


def subjects() -> list[str]:
    return [letter.subject for letter in mail.outbox]


# --- one mail per cause, a digest, all is well ----------------------------------------------------


def test_each_cause_is_one_mail_and_when_the_last_is_gone_all_is_well(main, ended) -> None:
    worker_dies()
    main.pause("Refused with 401")
    look()
    assert len(subjects()) == 2
    time_passes()
    look()
    assert len(subjects()) == 2

    Connection.objects.update(paused_at=None)
    time_passes()
    look()
    assert len(subjects()) == 2  # something else is not well yet
    assert [one["code"] for one in ended] == ["connection_paused"]
    assert ended[0]["connection"] == main

    Heartbeat.beat("sweep")
    time_passes()
    look()
    assert subjects()[2:] == ["eSputnik: all is well again"]
    assert "The sweep ran" in mail.outbox[-1].body
    assert "https://shop.example" in mail.outbox[-1].body
    assert not RaisedAlert.objects.exists()

    time_passes()
    look()
    assert len(subjects()) == 3


def test_what_lasts_is_told_once_a_day_in_one_mail(main) -> None:
    worker_dies()
    main.pause("Refused with 401")
    look()
    RaisedAlert.objects.update(raised_at=timezone.now() - timedelta(hours=25))
    for _again in range(2):
        time_passes()
        look()
    (digest,) = mail.outbox[2:]
    assert digest.subject == "eSputnik: 2 problems last for more than a day"
    assert "main: Sending is paused: Refused with 401" in digest.body

    RaisedAlert.objects.update(digested_at=timezone.now() - timedelta(hours=25))
    time_passes()
    look()
    assert len(mail.outbox) == 4


def test_a_daily_mail_that_cannot_be_sent_is_sent_the_next_time(main, settings) -> None:
    worker_dies()
    look()
    RaisedAlert.objects.update(raised_at=timezone.now() - timedelta(hours=25))
    with mail_is_down(settings):
        time_passes()
        look()
    assert len(mail.outbox) == 1

    for _again in range(2):
        time_passes()
        look()
    assert subjects()[1:] == ["eSputnik: 1 problem lasts for more than a day"]


def test_good_news_that_cannot_be_mailed_is_mailed_the_next_time(main, settings, ended) -> None:
    worker_dies()
    look()
    Heartbeat.beat("sweep")
    with mail_is_down(settings):
        time_passes()
        look()
    assert (ended, RaisedAlert.objects.count()) == ([], 1)

    time_passes()
    look()
    assert subjects()[-1] == "eSputnik: all is well again"
    assert len(ended) == 1


def test_a_look_at_the_moving_parts_ends_no_alert_of_anything_else(main) -> None:
    broker = Finding(
        level=Level.PROBLEM, code="broker_away", subject="broker", text="It is away.", area="celery"
    )
    raise_alerts([broker], Scope(areas=["celery"]))
    look()
    assert RaisedAlert.objects.filter(code="broker_away").exists()


@pytest.mark.parametrize("code", ASKED)
def test_a_look_that_asked_nobody_ends_nothing_that_only_an_answer_shows(main, code) -> None:
    refused = Finding(
        level=Level.PROBLEM, code=code, subject="main", text="No.", area="connections"
    )
    raise_alerts([refused], Scope(areas=AREAS))
    raise_alerts([], Scope(areas=AREAS, is_offline=True))
    assert RaisedAlert.objects.filter(code=code).exists()
    raise_alerts([], Scope(areas=AREAS))
    assert not RaisedAlert.objects.exists()


@pytest.mark.parametrize(
    ("key", "is_away", "code"),
    [("another key", False, "key_refused"), ("a key", True, "destination_unreachable")],
)
def test_what_the_destination_said_is_not_well_again_because_it_was_not_asked(
    main, key, is_away, code
) -> None:
    with FakeEsputnik(key=key) as server:
        main.api_url = "http://127.0.0.1:1/api" if is_away else server.api_url
        main.save()
        raise_alerts(examine([main], areas=["connections"]), Scope(areas=["connections"]))
        assert code in [one.code for one in RaisedAlert.objects.all()]
        scope = Scope(areas=["connections"], is_offline=True)
        raise_alerts(examine([main], areas=["connections"], is_offline=True), scope)
        assert code in [one.code for one in RaisedAlert.objects.all()]


def test_every_problem_of_the_moving_parts_can_end(main) -> None:
    worker_dies()
    main.pause("Refused")
    found = [each.code for each in moving(take()) if each.level is Level.PROBLEM]
    assert set(found) <= set(MOVING)
    assert {"celery", "connections", "feeds", "environment", "periodic"} == set(AREAS)


# --- who looks ------------------------------------------------------------------------------------


def test_a_dead_worker_is_told_of_by_whoever_opens_the_overview(main) -> None:
    worker_dies()
    merchant = Client()
    merchant.force_login(get_user_model().objects.create_superuser("merchant"))
    for view in ("admin:esputnik_connector_overview", "admin:index"):
        assert merchant.get(reverse(view)).status_code == 200
    assert len(subjects()) == 1
    assert "beat" in subjects()[0]


def test_the_mail_is_in_the_language_of_the_shop_whoever_looks(main, settings) -> None:
    worker_dies()
    settings.LANGUAGE_CODE = "en"
    with translation.override("uk"):
        look()
    assert "The sweep ran" in subjects()[0]


def test_a_dead_worker_is_told_of_by_a_monitor(main, client) -> None:
    worker_dies()
    url = reverse("esputnik_connector:health")
    assert client.get(url, {"token": "wrong"}).status_code == 401
    assert subjects() == []
    assert client.get(url, {"token": TOKEN}).status_code == 503
    assert len(subjects()) == 1


def test_a_worker_tells_of_all_but_itself(main) -> None:
    main.pause("Refused with 401")
    tasks.sweep.run()
    assert len(subjects()) == 1


def test_who_looks_too_soon_makes_two_queries_and_tells_nothing(main) -> None:
    look()
    worker_dies()
    with CaptureQueriesContext(database) as queries:
        look()
    assert len(queries) <= 2
    assert subjects() == []


def test_a_mail_server_that_hangs_does_not_keep_a_page_waiting(main, settings) -> None:
    """Nobody answers behind this socket; Django would wait for ever."""
    import socket
    import time

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        worker_dies()
        started = time.monotonic()
        look()
        assert time.monotonic() - started < 15
    assert not RaisedAlert.objects.exists()  # it is tried again


# --- what is a problem now ------------------------------------------------------------------------


def codes() -> set[str]:
    return {each.code for each in moving(take()) if each.level is Level.PROBLEM}


def test_an_import_that_stopped_by_itself_is_a_problem_and_one_that_was_paused_is_not(main) -> None:
    run = Backfill.objects.create(connection=main, kind="order", total=10, state="paused")
    assert "import_stopped" not in codes()
    Backfill.objects.filter(pk=run.pk).update(detail="Paused by itself: 9 of 10 were refused.")
    assert "import_stopped" in codes()


@pytest.mark.parametrize(
    ("delivered", "rejected", "is_problem"),
    [(100, 4, False), (100, 20, False), (10, 10, True), (0, 5, True), (0, 4, False)],
)
def test_many_refusals_of_late_are_a_problem(main, delivered, rejected, is_problem) -> None:
    now = timezone.now()
    for outcome, records in (("delivered", delivered), ("rejected", rejected), ("skipped", 999)):
        OutcomeHour.objects.create(
            connection=main, kind="order", outcome=outcome, records=records, hour=hour_of(now)
        )
    OutcomeHour.objects.create(
        connection=main, kind="order", outcome="rejected", records=999,
        hour=hour_of(now - timedelta(hours=3)),
    )  # fmt: skip
    assert ("many_refused" in codes()) is is_problem


def test_what_waits_for_half_an_hour_is_told_of_though_it_is_tried_again(main) -> None:
    now = timezone.now()
    OutboxMessage.objects.create(
        connection=main, kind="order", key="1", attempts=4,
        captured_at=now - timedelta(minutes=31), due_at=now + timedelta(minutes=20),
    )  # fmt: skip
    look()
    (letter,) = mail.outbox
    assert "changes_delayed" in letter.body
