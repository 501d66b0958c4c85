"""``esputnik_doctor`` for programs: codes, numbers, exit codes, and alerts that come once."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from celery import current_app
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from esputnik_connector import signals
from esputnik_connector.models import Connection, Feed, Heartbeat, Lane, OutboxMessage, RaisedAlert
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "findings.schema.json").read_text())
KEY = "0123456789ABCDEF0123456789ABCDEF"
HERE = "this installation"
AWAY = ("--only", "connections", "periodic", "feeds")  # no broker is asked


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def troubled(fake, settings) -> Connection:
    """One of everything that a program may want to count."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENVIRONMENT": HERE}
    now = timezone.now()
    connection = Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, environment=HERE,
        created_at=now - timedelta(days=30), send_back_in_stock=True,
    )  # fmt: skip
    then = now - timedelta(hours=2)
    for key in ("1", "2"):
        OutboxMessage.objects.create(
            connection=connection, kind="order", key=key, captured_at=then, due_at=then
        )
    OutboxMessage.objects.create(connection=connection, kind="cart", key="3", is_dead=True)
    Lane.objects.create(
        connection=connection, kind="order", failures=4, pause_detail="Answered 500",
        paused_until=now + timedelta(minutes=5),
    )  # fmt: skip
    Feed.objects.create(name="all", language="en", currency="UAH")
    Heartbeat.beat("sweep")
    return connection


def doctor(*arguments: str) -> tuple[list[dict[str, Any]], int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_doctor", "--json", *arguments, stdout=output)
    except SystemExit as end:
        code = int(end.code or 0)
    found: list[dict[str, Any]] = json.loads(output.getvalue())
    return found, code


def by_code(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in found}


@pytest.mark.parametrize("language", ["en", "uk"])
def test_a_program_reads_the_same_in_every_language(troubled, language):
    with translation.override("en"):
        english, _code = doctor()
    with translation.override(language):
        found, code = doctor()
    jsonschema.validate(found, SCHEMA)
    assert code == 1
    stable = ("level", "code", "area", "connection", "feed", "task", "kind")
    assert [[one[name] for name in stable] for one in found] == [
        [one[name] for name in stable] for one in english
    ]
    if language == "uk":
        assert [one["text"] for one in found] != [one["text"] for one in english]


def test_numbers_are_numbers_and_places_are_named(troubled):
    found = by_code(doctor("--offline")[0])
    overdue = found["changes_overdue"]
    assert overdue["connection"] == "main"
    assert overdue["numbers"]["count"] == 2
    assert overdue["numbers"]["overdue_seconds"] == pytest.approx(7200, abs=60)
    assert found["changes_set_aside"]["numbers"] == {"count": 1}
    assert found["lane_rests"]["kind"] == "order"
    assert found["lane_rests"]["numbers"]["failures"] == 4
    assert (found["task_never_ran"]["task"], found["task_never_ran"]["area"]) == (
        "feeds",
        "periodic",
    )
    assert found["sweep_ran"]["numbers"]["age_seconds"] < 60


def test_only_what_was_asked_for_is_looked_at(troubled, monkeypatch, fake):
    def fail(*_args: object) -> None:
        raise AssertionError("the broker was asked")

    monkeypatch.setattr(current_app, "connection_for_write", fail)
    found, _code = doctor("--offline", "--only", "periodic", "feeds")
    assert {one["area"] for one in found} == {"periodic", "feeds"}
    assert fake.log == []
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("esputnik_doctor", "--only", "weather")


def test_wrong_arguments_end_with_two(troubled):
    with pytest.raises(CommandError) as caught:
        call_command("esputnik_doctor", "--connection", "mian")
    assert caught.value.returncode == 2


@pytest.fixture
def heard():
    told: list[dict[str, Any]] = []

    def hear(sender, **named):
        told.append(named)

    signals.alert.connect(hear)
    yield told
    signals.alert.disconnect(hear)


@pytest.fixture
def on_call(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "ALERT_EMAILS": ["on-call@shop.example"],
        "ENVIRONMENT": HERE,
    }


def test_each_problem_is_told_once_until_it_is_well_again(troubled, heard, on_call):
    Feed.objects.all().delete()
    for _again in range(2):
        doctor("--alert", "--offline", *AWAY)
    assert [(one["code"], one["connection"]) for one in heard] == [("changes_overdue", troubled)]
    (letter,) = mail.outbox
    assert letter.to == ["on-call@shop.example"]
    assert "2 changes wait" in letter.subject
    assert "changes_overdue" in letter.body
    OutboxMessage.objects.filter(is_dead=False).delete()
    doctor("--alert", "--offline", *AWAY)
    assert not RaisedAlert.objects.exists()
    then = timezone.now() - timedelta(hours=2)
    OutboxMessage.objects.create(connection=troubled, kind="order", key="9", due_at=then)
    doctor("--alert", "--offline", *AWAY)
    assert len(heard) == 2
    assert [letter.subject for letter in mail.outbox[1:2]] == ["eSputnik: all is well again"]
    assert len(mail.outbox) == 3


def test_what_was_not_looked_at_is_not_well(troubled, fake, heard, on_call):
    fake.configure(key="another")
    doctor("--alert", *AWAY)
    assert {"changes_overdue", "key_refused"} <= {one["code"] for one in heard}
    before = RaisedAlert.objects.count()
    doctor("--alert", "--offline", "--only", "periodic")
    doctor("--alert", "--only", "feeds", "--offline")
    assert RaisedAlert.objects.filter(code="changes_overdue").exists()
    assert RaisedAlert.objects.count() == before


def test_a_mail_that_cannot_be_sent_is_tried_again(troubled, on_call, settings, heard):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    doctor("--alert", "--offline", *AWAY)
    assert not RaisedAlert.objects.exists()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    doctor("--alert", "--offline", *AWAY)
    assert len(mail.outbox) == 1


def test_nothing_is_told_without_the_option(troubled, heard, on_call):
    doctor("--offline", *AWAY)
    assert heard == mail.outbox == []
