"""What a monitor asks by HTTP: a verdict that is the doctor's, and numbers for Prometheus."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from prometheus_client.parser import text_string_to_metric_families

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import (
    Backfill,
    Connection,
    Feed,
    FeedBuild,
    Heartbeat,
    Lane,
    OutboxMessage,
    Reconciliation,
)
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.operations.health.examine import examine
from esputnik_connector.operations.health.metrics import FINDING, METRICS
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "a-token-that-nobody-guesses"
HEALTH, METRICS_ADDRESS = "/esputnik/health", "/esputnik/metrics"
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def with_token(plain_shop, settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "HEALTH_TOKEN": TOKEN}


@pytest.fixture
def ask(client, with_token):
    def answer(address: str, token: str = TOKEN) -> Any:
        return client.get(address, headers={"Authorization": f"Bearer {token}"})

    return answer


def numbers(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(sample, labels) → value, by Prometheus' own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def number(text: str, name: str, **labels: str) -> float:
    return numbers(text)[name, tuple(sorted(labels.items()))]


def verified(connection: Connection) -> None:
    Connection.objects.update(verified_at=timezone.now(), organisation="Shop")
    Heartbeat.beat("sweep")


# -- the door --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [HEALTH, METRICS_ADDRESS])
def test_without_a_token_in_the_settings_there_is_nothing(client, connection, address):
    assert client.get(address).status_code == 404
    assert client.get(address, {"token": ""}).status_code == 404


@pytest.mark.parametrize("address", [HEALTH, METRICS_ADDRESS])
def test_only_who_has_the_token_may_read(client, connection, ask, address):
    for given in ("", "a-token", TOKEN + "x"):
        refused = ask(address, given)
        assert refused.status_code == 401
        assert "main" not in refused.content.decode()
    assert client.get(address).status_code == 401
    assert ask(address).status_code == 200
    assert client.get(address, {"token": TOKEN}).status_code == 200
    assert ask(address)["Cache-Control"].startswith("max-age=0")
    assert client.post(address).status_code == 405


def test_a_token_that_can_be_guessed_opens_nothing(client, connection, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "HEALTH_TOKEN": "secret"}
    assert client.get(HEALTH, {"token": "secret"}).status_code == 404


def test_the_token_is_compared_in_constant_time(ask, connection, monkeypatch):
    compared = []

    def compare(given: str, token: str) -> bool:
        compared.append((given, token))
        return False

    monkeypatch.setattr("esputnik_connector.views.constant_time_compare", compare)
    assert ask(HEALTH).status_code == 401
    assert compared == [(TOKEN, TOKEN)]


# -- the verdict -----------------------------------------------------------------------------------


def test_a_shop_that_is_well_answers_200(ask, connection):
    verified(connection)
    answer = ask(HEALTH)
    told = answer.json()
    assert (answer.status_code, told["verdict"], told["findings"]) == (200, "ok", [])
    assert told["beat_seen"] == told["worker_seen"] is not None


def test_what_waits_too_long_answers_503_and_says_where(ask, connection):
    verified(connection)
    then = timezone.now() - timedelta(hours=2)
    OutboxMessage.objects.create(
        connection=connection, kind="order", key="1", captured_at=then, due_at=then
    )
    OutboxMessage.objects.create(connection=connection, kind="cart", key="2", is_dead=True)
    answer = ask(HEALTH)
    told = answer.json()
    assert (answer.status_code, told["verdict"]) == (503, "problem")
    assert (told["pending"], told["dead"]) == (1, 1)
    assert told["oldest_pending_seconds"] == pytest.approx(7200, abs=60)
    assert {one["code"] for one in told["findings"]} == {"changes_overdue", "changes_set_aside"}
    (lane,) = [one for one in told["lanes"] if one["kind"] == "order"]
    assert (lane["connection"], lane["pending"], lane["last_success"]) == ("main", 1, None)


def test_a_delivery_is_the_lanes_last_success(ask, connection, plain_shop):
    plain_shop.people["1"] = Contact(key="1", email="olena@example.com")
    capture.contact_changed("1")
    Relay(connection).run()
    (lane,) = ask(HEALTH).json()["lanes"]
    assert lane["kind"] == "contact"
    assert lane["last_success"] is not None


def trouble(connection: Connection) -> None:
    """Much that may be wrong at once."""
    now = timezone.now()
    then = now - timedelta(hours=3)
    old = now - timedelta(days=30)
    Connection.objects.update(created_at=old, paused_at=now, pause_detail="401")
    Connection.objects.create(name="elsewhere", destination="recording", environment="another")
    OutboxMessage.objects.create(
        connection=connection, kind="order", key="1", captured_at=then, due_at=then
    )
    OutboxMessage.objects.create(connection=connection, kind="cart", key="2", is_dead=True)
    Lane.objects.create(
        connection=connection, kind="order", paused_until=now + timedelta(minutes=9), failures=2
    )
    Reconciliation.objects.create(connection=connection, kind="order", held=9, finished_at=now)
    held = Feed.objects.create(name="held", language="en", currency="UAH")
    FeedBuild.objects.create(feed=held, status=BuildStatus.HELD, detail="smaller")
    FeedBuild.objects.create(feed=held, status=BuildStatus.PUBLISHED)
    failed = Feed.objects.create(name="failed", language="uk", currency="UAH")
    FeedBuild.objects.create(feed=failed, status=BuildStatus.PUBLISHED)
    FeedBuild.objects.create(feed=failed, status=BuildStatus.FAILED, detail="no disk")
    Feed.objects.update(created_at=old)
    Heartbeat.objects.update_or_create(name="sweep", defaults={"beaten_at": then})


def test_the_verdict_is_the_doctors(ask, connection):
    """Of each finding that both can see, to the letter."""
    trouble(connection)
    connections = list(Connection.objects.order_by("name"))
    areas = ("connections", "periodic", "feeds")
    doctors = {
        (one.level.value, *one.cause)
        for one in examine(connections, is_offline=True, areas=areas)
        if one.level.value != "ok"
    }
    ours = {
        tuple(one[name] for name in ("level", "code", "connection", "feed", "task", "kind"))
        for one in ask(HEALTH).json()["findings"]
    }
    late = ("problem", "sweep_late", "", "", "sweep", "")
    assert late in ours
    assert ours - {late} == {one for one in doctors if one[1] in {each[1] for each in ours}}
    unseen = {one[1] for one in doctors - ours}
    assert unseen <= {"consent_not_chosen", "statuses_unmapped"}
    expected = """
        connection_paused environment_elsewhere feed_build_held feed_build_failed key_missing
        lane_rests reconciliation_held task_never_ran
    """
    assert set(expected.split()) <= {one[1] for one in ours}


def test_a_database_that_is_away_is_an_answer_too(ask, connection, monkeypatch):
    def fail(**_options: object) -> None:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr("esputnik_connector.views.take", fail)
    for address in (HEALTH, METRICS_ADDRESS):
        answer = ask(address)
        assert (answer.status_code, answer.json()) == (503, {"verdict": "unknown"})


@pytest.mark.parametrize("address", [HEALTH, METRICS_ADDRESS])
def test_it_costs_the_same_queries_however_much_there_is(ask, connection, address):
    trouble(connection)
    ask(address)  # the first look tells of what is wrong; the next ones within minutes do not
    with CaptureQueriesContext(database) as few:
        ask(address)
    for number_ in range(5):
        more = Connection.objects.create(name=f"more{number_}", destination="recording")
        for kind in ("contact", "order", "cart"):
            OutboxMessage.objects.create(connection=more, kind=kind, key="1")
            Lane.objects.create(connection=more, kind=kind)
        feed = Feed.objects.create(name=f"feed{number_}", language="en", currency="UAH")
        FeedBuild.objects.create(feed=feed, status=BuildStatus.FAILED)
    with CaptureQueriesContext(database) as many:
        ask(address)
    assert len(few) == len(many) <= 14


# -- the numbers -----------------------------------------------------------------------------------


def test_prometheus_reads_what_became_of_the_records(ask, connection, plain_shop, recording):
    for key in ("1", "2"):
        plain_shop.people[key] = Contact(
            key=key, email=f"olena{key}@example.com", first_name="Olena"
        )
        capture.contact_changed(key)
    recording.answer = lambda envelopes: [
        Receipt(
            kind=one.kind,
            key=one.key,
            outcome=Outcome.DELIVERED if one.key == "1" else Outcome.REJECTED,
            reason=None if one.key == "1" else Reason.REFUSED,
        )
        for one in envelopes
    ]
    OutboxMessage.objects.update(captured_at=timezone.now() - timedelta(seconds=40))
    Relay(connection).run()
    answer = ask(METRICS_ADDRESS)
    text = answer.content.decode()
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lane = {"connection": "main", "kind": "contact"}
    assert number(text, "esputnik_records_total", **lane, outcome="delivered", reason="") == 1
    refused = {"outcome": "rejected", "reason": "refused"}
    assert number(text, "esputnik_records_total", **lane, **refused) == 1
    assert number(text, "esputnik_dead_changes", **lane) == 1
    assert number(text, "esputnik_pending_changes", **lane) == 0
    assert number(text, "esputnik_delivery_seconds_bucket", **lane, le="15.0") == 0
    assert number(text, "esputnik_delivery_seconds_bucket", **lane, le="60.0") == 1
    assert number(text, "esputnik_delivery_seconds_bucket", **lane, le="+Inf") == 1
    assert number(text, "esputnik_delivery_seconds_count", **lane) == 1
    assert number(text, "esputnik_delivery_seconds_sum", **lane) == pytest.approx(40, abs=5)
    assert number(text, "esputnik_last_success_timestamp_seconds", **lane) > 1.7e9
    assert "olena" not in text.lower()
    assert "example.com" not in text


def test_prometheus_reads_feeds_imports_and_heartbeats(ask, connection):
    trouble(connection)
    Backfill.objects.create(
        connection=connection, kind="order", total=1000, counts={"delivered": 400, "skipped": 20}
    )
    text = ask(METRICS_ADDRESS).content.decode()
    age = number(text, "esputnik_feed_age_seconds", feed="failed")
    assert age == pytest.approx(30 * 86_400, abs=60)
    lane = {"connection": "main", "kind": "order"}
    assert number(text, "esputnik_import_done_records", **lane) == 420
    assert number(text, "esputnik_import_expected_records", **lane) == 1000
    assert number(text, "esputnik_lane_resting", **lane) == 1
    assert number(text, "esputnik_connection_paused", connection="main") == 1
    assert number(text, "esputnik_heartbeat_timestamp_seconds", task="sweep") > 1.7e9
    place = {"connection": "main", "feed": "", "task": "", "kind": ""}
    assert number(text, FINDING, level="problem", code="changes_overdue", **place) == 1


def test_a_strange_name_cannot_break_the_format(ask, connection):
    Connection.objects.filter(pk=connection.pk).update(name='a"b\\c\nd')
    text = ask(METRICS_ADDRESS).content.decode()
    assert number(text, "esputnik_connection_paused", connection='a"b\\c\nd') == 0


@pytest.mark.parametrize("language", ["en", "uk"])
def test_no_language_changes_the_numbers(ask, connection, language, settings):
    settings.LANGUAGE_CODE = language
    trouble(connection)
    with translation.override(language):
        found = numbers(ask(METRICS_ADDRESS).content.decode())
    assert any(name == FINDING for name, _labels in found)
    assert all(value == value for value in found.values())


def exported() -> set[str]:
    return {metric.name for metric in METRICS} | {FINDING}


def test_every_metric_is_documented_with_its_type_and_no_other():
    page = (DOCS / "reference" / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(esputnik_\w+)` \| (\w+) \|", page, re.MULTILINE))
    assert rows == {**{metric.name: metric.type for metric in METRICS}, FINDING: "gauge"}


def test_the_example_dashboard_asks_for_metrics_that_there_are():
    board = json.loads((DOCS / "howto" / "grafana-dashboard.json").read_text())
    asked: set[str] = set()
    for panel in board["panels"]:
        assert panel["title"]
        for target in panel["targets"]:
            asked |= set(re.findall(r"\besputnik_\w+", target["expr"]))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert families <= exported()
    assert len(families) >= 10
    rules = (DOCS / "howto" / "monitor.md").read_text()
    for name in re.findall(r"\besputnik_\w+(?=\{|\[| >| ==)", rules):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in exported()
