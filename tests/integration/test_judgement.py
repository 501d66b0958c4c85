"""One sentence on a connection: the worst cause first, and “sent” only when it is true."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone, translation

from esputnik_connector.models import (
    Connection,
    Feed,
    FeedBuild,
    Heartbeat,
    Lane,
    OutboxMessage,
    OutcomeCount,
)
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.operations.health.duration import brief
from esputnik_connector.operations.health.examine import moving
from esputnik_connector.operations.health.findings import Level, worst
from esputnik_connector.operations.health.judgement import Judgement, judge, judge_all, overall
from esputnik_connector.operations.health.sentences import SENTENCES, Action
from esputnik_connector.operations.health.snapshot import take

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.get_fixed_timezone(0))


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(name="main", api_key="a key", created_at=NOW)
    connection.accept_key("Kobzar", "1")
    return connection


@pytest.fixture
def alive(main: Connection) -> Connection:
    """A worker was there a moment ago, and the last order arrived 40 seconds ago."""
    beat(seconds=20)
    arrived(main, seconds=40)
    return main


def beat(**ago: float) -> None:
    Heartbeat.objects.update_or_create(name="sweep", defaults={"beaten_at": NOW - timedelta(**ago)})


def arrived(connection: Connection, **ago: float) -> None:
    OutcomeCount.objects.update_or_create(
        connection=connection, kind="order", outcome="delivered",
        defaults={"records": 1, "last_at": NOW - timedelta(**ago)},
    )  # fmt: skip


def waits(connection: Connection, count: int = 1, **ago: float) -> None:
    noted = NOW - timedelta(**ago)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            connection=connection, kind="order", key=str(key), captured_at=noted, due_at=noted
        )
        for key in range(count)
    )


def said(connection: Connection) -> Judgement:
    connection.refresh_from_db()
    return judge(connection, take(now=NOW, connections=[connection]))


def test_all_is_sent_when_a_worker_was_seen_and_nothing_old_waits(alive: Connection) -> None:
    waits(alive, 3, seconds=5)
    found = said(alive)
    assert (found.level, found.code, found.action) == (Level.OK, "all_sent", Action.NONE)
    assert found.sentence == "Everything is being sent. The last change: 40 s ago."


def test_what_waits_for_minutes_is_not_called_sent(alive: Connection) -> None:
    waits(alive, 2, minutes=12)
    OutboxMessage.objects.update(due_at=NOW + timedelta(minutes=1))
    assert said(alive).sentence == "2 changes are on their way, the oldest for 12 min."


def test_nothing_is_called_sent_without_a_worker_whoever_does_the_work(
    alive: Connection, settings
) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    Heartbeat.objects.all().delete()
    found = said(alive)
    assert found.text == "The sending service on the server has never run."
    assert found.action is Action.TELL_ADMINISTRATOR


def test_a_worker_that_is_gone_is_told_with_what_waits(alive: Connection) -> None:
    beat(hours=7)
    waits(alive, 12, hours=7)
    found = said(alive)
    assert (found.level, found.action) == (Level.PROBLEM, Action.TELL_ADMINISTRATOR)
    assert found.text == "The sending service on the server has not run for 7 h."
    assert found.detail == "12 changes wait, nothing is lost."
    assert found.remedy == "Start beat: celery -A <project> beat"


def test_a_refused_key_comes_before_all_that_follows_from_it(alive: Connection) -> None:
    waits(alive, 212, hours=3)
    Connection.objects.update(
        paused_at=NOW - timedelta(hours=3), pause_detail="Refused with 401: Unauthorized"
    )
    beat(hours=1)
    found = said(alive)
    assert found.sentence == (
        "Sending stopped 3 h ago: the key was refused. 212 changes wait, nothing is lost."
    )
    assert (found.action, found.why) == (Action.PASTE_KEY, "Refused with 401: Unauthorized")


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"api_key": ""}, Action.PASTE_KEY),
        ({"environment": "elsewhere"}, Action.BIND),
        ({"verified_at": None}, Action.TEST),
        ({"is_enabled": False}, Action.SWITCH_ON),
    ],
)
def test_each_cause_has_the_action_that_helps(alive, changes, action) -> None:
    Connection.objects.update(**changes)
    found = said(alive)
    assert found.action is action
    assert found.level is not Level.OK


def test_a_rest_says_when_it_ends(alive: Connection) -> None:
    Lane.objects.create(
        connection=alive, kind="order", paused_until=NOW + timedelta(minutes=4), pause_detail="429"
    )
    assert said(alive).text.endswith("the next try is in 4 min.")


def test_what_was_set_aside_needs_somebody_and_holds_nothing_back(alive: Connection) -> None:
    waits(alive, 2, days=9)
    OutboxMessage.objects.update(is_dead=True)
    found = said(alive)
    assert (found.code, found.action, found.detail) == ("changes_set_aside", Action.PROBLEMS, "")


def test_a_new_connection_does_not_boast(main: Connection) -> None:
    beat(seconds=5)
    assert said(main).text == "Connected to Kobzar; there was nothing to send yet."


def test_of_several_connections_the_worst_speaks_and_one_that_is_off_does_not(
    alive: Connection,
) -> None:
    off = Connection.objects.create(name="old", is_enabled=False)
    second = Connection.objects.create(name="second", created_at=NOW)
    snapshot = take(now=NOW, connections=[alive, second])
    judged = judge_all([alive, off, second], snapshot)
    assert [each.connection for each in judged] == [alive, off, second]
    assert overall(judged).connection == second
    assert overall(judged[:2]).code == "all_sent"
    assert overall([]).action is Action.CONNECT


def test_a_feed_that_waits_for_a_person_counts_in_all_and_not_in_the_connection(
    alive: Connection,
) -> None:
    feed = Feed.objects.create(name="shop", built_at=NOW, created_at=NOW)
    FeedBuild.objects.create(feed=feed, status=BuildStatus.HELD, started_at=NOW, finished_at=NOW)
    judged = judge_all([alive], take(now=NOW, connections=[alive]))
    assert judged[0].code == "all_sent"
    assert {each.code for each in judged[1:]} >= {"feed_build_held", "task_never_ran"}
    assert overall(judged).action is Action.FEEDS


def test_the_sentence_is_never_better_than_what_the_monitor_is_told(alive: Connection) -> None:
    """Whatever a monitor calls a problem, no page calls well."""
    disasters = [
        lambda: Connection.objects.update(paused_at=NOW),
        lambda: Connection.objects.update(api_key=""),
        lambda: Connection.objects.update(environment="elsewhere"),
        lambda: beat(hours=2),
        lambda: waits(alive, 2, hours=2),
    ]
    for disaster in disasters:
        disaster()
        alive.refresh_from_db()
        snapshot = take(now=NOW, connections=[alive])
        assert worst(moving(snapshot)) is Level.PROBLEM
        assert overall(judge_all([alive], snapshot)).level is Level.PROBLEM


def test_every_code_that_a_sentence_is_for_is_one_of_the_doctors() -> None:
    import json
    from pathlib import Path

    page = Path(__file__).parents[2] / "docs" / "reference" / "findings.schema.json"
    known = json.loads(page.read_text())["items"]["properties"]["code"]["anyOf"][0]["enum"]
    assert set(SENTENCES) <= set(known)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (40.9, "40 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_length_of_time_is_short(seconds: float, text: str) -> None:
    with translation.override("en"):
        assert brief(seconds) == text
