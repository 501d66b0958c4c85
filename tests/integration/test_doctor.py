"""``manage.py esputnik_doctor``: what it sees, what it says, how it ends."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from cryptography.fernet import Fernet
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector.fields import reveal
from esputnik_connector.management.commands.esputnik_doctor import Command
from esputnik_connector.models import (
    CartSession,
    Connection,
    FieldMapping,
    Heartbeat,
    Lane,
    OutboxMessage,
    OutcomeCount,
    Reconciliation,
    StatusMapping,
)
from esputnik_connector.operations.health import celery, environment
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.servers import free_port

KEY = "0123456789ABCDEF0123456789ABCDEF"
HERE = "this installation"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings, monkeypatch, db) -> None:
    """A worker answers and the sweep ran just now; what is otherwise is in test_doctor_alive.py."""
    answer = celery.ok("workers_answer", "worker", "Workers of Celery that answer: 1.")
    monkeypatch.setattr(celery, "worker", lambda: answer)
    Heartbeat.beat("sweep")
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENVIRONMENT": HERE}


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake: FakeEsputnik) -> Connection:
    """A connection about which there is nothing to say."""
    connection = Connection.objects.create(
        name="main",
        api_key=KEY,
        api_url=fake.api_url,
        environment=HERE,
        consent_policy="confirmed",
    )
    for status in ("New", "Paid", "Shipped", "Delivered", "Returned", "Cancelled"):
        StatusMapping.objects.create(
            connection=connection, shop_status=status, status="IN_PROGRESS"
        )
    return connection


def doctor(*arguments: str) -> tuple[str, int]:
    """What it printed, and its exit code."""
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_doctor", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return output.getvalue(), code


def findings(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(doctor("--json", *arguments)[0])
    return found


def told(level: str, *arguments: str) -> str:
    """The texts of one level."""
    return " ".join(each["text"] for each in findings(*arguments) if each["level"] == level)


# --- the examination ------------------------------------------------------------------------------


def test_a_healthy_shop_is_ok_on_every_line(main):
    output, code = doctor()

    assert code == 0
    assert {line.split()[0] for line in output.splitlines()} == {"ok"}
    assert "the organisation is Fake organisation" in output


def test_nothing_secret_is_printed(main, fake):
    fake.script(Fault("status", status=401, body={"message": f"bad {KEY}"}))

    for output in (doctor()[0], doctor("--json")[0]):
        assert KEY not in output
        assert reveal(Connection.objects.get().salt) not in output
        assert "redis://" not in output


def test_warnings_alone_end_with_zero(main):
    StatusMapping.objects.filter(shop_status="Paid").delete()
    FieldMapping.objects.create(connection=main, attribute="shoe_size", field_id=9)
    OutboxMessage.objects.create(connection=main, kind="order", key="1", is_dead=True)
    Lane.objects.create(
        connection=main, kind="order", pause_detail="Answered 429",
        paused_until=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip

    output, code = doctor("--offline")

    assert code == 0
    warnings = told("warning", "--offline")
    assert "sent as “INITIALIZED" in warnings
    assert ": Paid" in warnings
    assert "shoe_size" in warnings
    assert "set aside: 1" in warnings
    assert "Answered 429" in warnings
    assert "→" in output


def test_a_refused_key_is_a_problem_and_ends_with_one(main, fake):
    fake.configure(key="another")

    assert doctor()[1] == 1
    assert "eSputnik refused the key" in told("problem")
    main.refresh_from_db()
    assert main.paused_at is not None
    assert "Sending is paused" in told("problem", "--offline")


def test_an_unreachable_esputnik_is_a_problem(main, fake):
    fake.stop()

    output, code = doctor()

    assert code == 1
    assert "cannot be reached" in output


def test_offline_asks_nobody(main, fake):
    assert "never accepted" in told("warning", "--offline")
    assert fake.log == []


def test_a_connection_that_is_off_is_not_asked_about(main, fake):
    Connection.objects.update(is_enabled=False)

    assert "It is off" in told("warning")
    assert fake.log == []


def test_a_missing_key_and_a_lost_encryption_key_are_problems(main, settings):
    Connection.objects.create(name="empty", environment=HERE)
    lost = {"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **lost}

    problems = told("problem")

    assert "It has no API key" in problems
    assert "The API key cannot be read" in problems
    assert "salt cannot be read" in problems


def test_a_copied_database_is_a_problem(main):
    Connection.objects.update(environment="elsewhere")

    assert "bound to another installation" in told("problem")


@pytest.mark.parametrize(
    ("age", "level"), [(timedelta(0), "ok"), (timedelta(minutes=10), "warning"),
                       (timedelta(hours=2), "problem")],
)  # fmt: skip
def test_what_waits_too_long_is_told(main, age, level):
    then = timezone.now() - age
    OutboxMessage.objects.create(
        connection=main, kind="order", key="1", captured_at=then, due_at=then
    )

    assert "1 changes wait" in told(level)


def test_what_a_reconciliation_held_back_is_a_problem_until_the_next_one(main):
    now = timezone.now()
    Reconciliation.objects.create(connection=main, kind="order", held=1200, finished_at=now)
    output, code = doctor()
    assert "held 1200 records of the kind “order” back" in output
    assert "--no-limit" in output
    assert code == 1
    Reconciliation.objects.create(connection=main, kind="order", finished_at=now)
    output, code = doctor()
    assert "held" not in output
    assert code == 0


def test_a_retry_in_the_future_is_not_late(main):
    now = timezone.now()
    OutboxMessage.objects.create(
        connection=main, kind="order", key="1", attempts=8,
        captured_at=now - timedelta(minutes=9), due_at=now + timedelta(hours=3),
    )  # fmt: skip

    assert "1 changes wait" in told("ok")


@pytest.mark.parametrize(("minutes_ago", "level"), [(5, "warning"), (50, "problem")])
def test_what_waits_for_hours_is_told_of_and_is_a_problem_when_nothing_else_goes(
    main, minutes_ago, level
):
    now = timezone.now()
    OutboxMessage.objects.create(
        connection=main, kind="order", key="1", attempts=8,
        captured_at=now - timedelta(hours=9), due_at=now + timedelta(hours=3),
    )  # fmt: skip
    OutcomeCount.objects.create(
        connection=main, kind="order", outcome="delivered", records=1,
        last_at=now - timedelta(minutes=minutes_ago),
    )  # fmt: skip

    assert "1 changes wait" in told(level)


@pytest.mark.parametrize(
    ("site", "words"),
    [
        ({"SITE_ID": 1}, "Links start with https://shop.example"),
        ({"SITE_ID": 404}, "no Site 404"),
        ({}, "no SITE_ID"),
    ],
)
def test_links_that_a_worker_cannot_make_are_a_problem(main, settings, site, words):
    Site.objects.update_or_create(pk=1, defaults={"domain": "shop.example"})
    Site.objects.create(pk=2, domain="other.example")
    Site.objects.clear_cache()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": ""}
    del settings.SITE_ID
    for name, value in site.items():
        setattr(settings, name, value)

    finding = environment.shop_address()

    assert words in finding.text
    assert finding.level.value == ("ok" if site == {"SITE_ID": 1} else "problem")


def test_no_connection_is_a_warning(db):
    output, code = doctor()

    assert code == 0
    assert "no connection yet" in output


def test_one_connection_can_be_chosen(main):
    Connection.objects.create(name="other")

    assert "other" not in {each["subject"] for each in findings("--connection", "main")}
    with pytest.raises(CommandError, match="there are: main, other"):
        doctor("--connection", "mian")


def test_wrong_settings_are_told_instead_of_stopping_it(main, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "SHOP_ULR": "x", "SHOP_URL": "shop.example",
        "RATE_LIMIT_STORAGE": "",
    }  # fmt: skip

    problems = told("problem", "--offline")

    assert "has no setting 'SHOP_ULR'" in problems
    assert "not an absolute address" in problems
    assert "keeps a pace of its own" in told("warning", "--offline")


def test_a_pace_storage_that_is_away_is_a_warning(main, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{free_port()}/0",
    }

    assert "shared pace does not answer" in told("warning", "--offline")


def test_a_broker_that_is_away_is_a_problem_soon(main, monkeypatch):
    monkeypatch.setitem(current_app.conf, "broker_url", f"redis://127.0.0.1:{free_port()}/0")
    begun = time.monotonic()

    finding = celery.broker()

    assert time.monotonic() - begun < 3
    assert finding.level == "problem"
    assert "redis://" not in finding.text


def test_a_sweep_that_nobody_planned_is_a_problem(main, monkeypatch):
    monkeypatch.setitem(current_app.conf, "beat_schedule", {})

    assert "not in Celery beat's schedule" in told("problem", "--offline")


# --- deeds ----------------------------------------------------------------------------------------


def test_a_new_key_is_a_fernet_key_even_when_there_is_none_yet(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}

    Fernet(doctor("--new-key")[0].strip())
    assert list(Command.requires_system_checks) == []  # an empty list of keys is a check's error


def test_the_environment_is_confirmed_for_all_or_for_one(main):
    Connection.objects.create(name="other")
    Connection.objects.update(environment="elsewhere")

    output, _code = doctor("--confirm-environment", "--connection", "main")

    assert "main: Sends from here now." in output
    bound = dict(Connection.objects.values_list("name", "environment"))
    assert bound == {"main": HERE, "other": "elsewhere"}

    output, _code = doctor("--confirm-environment")

    assert "main: This installation sends already." in output
    assert not Connection.objects.exclude(environment=HERE).exists()


def test_keys_are_rotated_and_the_old_one_can_go(main, settings):
    CartSession.objects.create(cart_key="7", email="guest@example.com")
    salt = reveal(Connection.objects.get().salt)
    old, new = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"], Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new, *old]}

    output, _code = doctor("--rotate-keys")

    assert "Encrypted with the first key: 4" in output  # key, salt, the shop's salt, guest
    assert "guest@example.com" not in output
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    connection = Connection.objects.get()
    assert (reveal(connection.api_key), reveal(connection.salt)) == (KEY, salt)
    assert reveal(CartSession.objects.get().email) == "guest@example.com"


def test_secrets_that_no_key_opens_are_named(main, settings):
    CartSession.objects.create(cart_key="7", email="guest@example.com")
    new = Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    Connection.objects.create(name="readable", api_key=KEY)
    output = io.StringIO()

    with pytest.raises(CommandError, match="missing key"):
        call_command("esputnik_doctor", "--rotate-keys", stdout=output)

    assert "Encrypted with the first key: 1" in output.getvalue()  # the new connection's key
    for name in ("main: API key", "main: salt", "readable: salt", "guest of cart 7"):
        assert f"No key opens: {name}" in output.getvalue()
