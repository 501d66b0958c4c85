"""The shop takes orders and none of them arrives: told of, whatever the cause may be."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import connection as database
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector import signals
from esputnik_connector.admin.overview import checklist
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.models import (
    Attempt,
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeCount,
    Reconciliation,
    SyncState,
)
from esputnik_connector.operations.alerts.raised import look
from esputnik_connector.operations.health.examine import examine, moving
from esputnik_connector.operations.health.findings import Finding, Level
from esputnik_connector.operations.health.judgement import judge
from esputnik_connector.operations.health.sentences import Action
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.operations.record.send_again import Resending, send_again
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.run import reconcile_all
from esputnik_connector.records import Kind, Order

pytestmark = pytest.mark.django_db

CODE = "no_order_arrived"


@pytest.fixture
def main(connection, settings) -> Connection:
    """A connection of last year, with a worker; it tells one person, and the shop sells."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "ALERT_EMAILS": ["olena@shop.example"],
    }
    connection.created_at = timezone.now() - timedelta(days=365)
    connection.verified_at = timezone.now()
    connection.save()
    Heartbeat.beat("sweep")
    return connection


def takes(plain_shop, count: int, **ago: float) -> None:
    """The shop takes orders of which nothing is noted: its receivers are gone."""
    for _number in range(count):
        key = str(len(plain_shop.purchases) + 1)
        plain_shop.purchases[key] = Order(
            key=key, placed_at=timezone.now() - timedelta(**ago), status="New", currency="UAH",
            total=Decimal(100), email=f"buyer{key}@example.com",
        )  # fmt: skip


def arrived(connection: Connection, **ago: float) -> None:
    """eSputnik took an order then, because it had changed."""
    moment = timezone.now() - timedelta(**ago)
    OutcomeCount.objects.create(
        connection=connection, kind="order", outcome="delivered", last_at=moment, live_at=moment
    )


def found(connection: Connection) -> list[Finding]:
    connection.refresh_from_db()
    return [each for each in moving(take(connections=[connection])) if each.code == CODE]


def test_orders_of_which_nothing_was_noted_are_told_of(main, plain_shop) -> None:
    takes(plain_shop, 3, hours=1)
    (problem,) = found(main)
    assert problem.level is Level.PROBLEM
    assert problem.numbers == {"count": 3}
    assert "3 orders" in problem.text
    assert "esputnik_reconcile" in problem.remedy


def test_two_orders_are_too_few_to_say_so(main, plain_shop) -> None:
    takes(plain_shop, 2, hours=1)
    assert found(main) == []


def test_an_order_of_this_minute_may_still_arrive(main, plain_shop) -> None:
    takes(plain_shop, 9, minutes=2)
    assert found(main) == []


def test_orders_before_the_stretch_are_the_business_of_the_reconciliation(main, plain_shop) -> None:
    takes(plain_shop, 9, hours=4)
    assert found(main) == []


def test_one_that_arrived_lately_says_that_orders_arrive(main, plain_shop) -> None:
    takes(plain_shop, 9, hours=1)
    arrived(main, minutes=170)
    assert found(main) == []
    OutcomeCount.objects.all().delete()
    arrived(main, minutes=190)
    assert len(found(main)) == 1


def test_one_that_a_catching_up_brought_along_is_no_longer_missing(main, plain_shop) -> None:
    takes(plain_shop, 4, hours=1)
    SyncState.objects.create(
        connection=main, kind="order", key="2", delivered_at=timezone.now(), digest="d"
    )
    (problem,) = found(main)
    assert problem.numbers == {"count": 3}


# --- what shows that live orders arrive -----------------------------------------------------------


def imported(connection: Connection, clock) -> None:
    """The history of orders is imported to its end."""
    run, _is_new = control.start(connection, Kind.ORDER, route="past_events")
    while run.is_open:
        wake_at = BackfillWorker(run, clock=clock).work(seconds=60)
        clock.ahead += max(wake_at - clock(), timedelta()) if wake_at else timedelta()
        run.refresh_from_db()


def at_night(connection: Connection, clock) -> None:
    """A reconciliation put in line what was missed, and a worker sends it."""
    reconcile_all(seconds=9)
    night = timezone.now() - timedelta(minutes=150)
    Reconciliation.objects.update(started_at=night, finished_at=night)
    Relay(connection, clock=clock).run()


def by_hand(connection: Connection, clock) -> None:
    """A person sends an order again."""
    send_again(connection, Resending(kind=Kind.ORDER, keys=("1",), route="orders"))
    clock.ahead += timedelta(minutes=10)
    Relay(connection, clock=clock).run()


@pytest.mark.parametrize("catch_up", [imported, at_night, by_hand])
def test_what_is_caught_up_with_does_not_show_that_live_orders_arrive(
    main, plain_shop, recording, clock, catch_up
) -> None:
    takes(plain_shop, 2, minutes=170)
    catch_up(main, clock)
    assert SyncState.objects.exclude(delivered_at=None).exists()
    takes(plain_shop, 3, hours=1)
    missing = 3 if catch_up is not by_hand else 4  # of the first two it sent one
    (problem,) = found(main)
    assert problem.numbers == {"count": missing}


def test_a_live_order_shows_it_beside_an_import(main, plain_shop, recording, clock) -> None:
    takes(plain_shop, 2, minutes=170)
    imported(main, clock)
    capture.order_changed("1")
    Relay(main, clock=clock).run()
    (attempt,) = Attempt.objects.filter(key="1")
    assert attempt.reason == "unchanged"  # noted, and the import had been there before
    takes(plain_shop, 3, hours=1)
    assert found(main) == []


def test_a_change_beside_a_catching_up_of_the_same_order_is_live(
    main, plain_shop, recording, clock
) -> None:
    takes(plain_shop, 1, minutes=170)
    OutboxMessage.objects.create(connection=main, kind="order", key="1", is_catch_up=True)
    capture.order_changed("1")
    recording.error = TemporaryError("busy")
    Relay(main, clock=clock).run()
    recording.error = None
    clock.ahead += timedelta(minutes=10)
    Relay(main, clock=clock).run()
    assert SyncState.objects.exclude(delivered_at=None).exists()
    takes(plain_shop, 3, hours=1)
    assert found(main) == []


def test_the_first_live_order_is_none_of_an_import_or_a_night(
    main, plain_shop, recording, clock
) -> None:
    def is_ticked() -> bool:
        step = checklist.first_order(main, take(connections=[main]), HttpRequest())
        assert step is not None
        return step.is_done

    takes(plain_shop, 2, minutes=170)
    at_night(main, clock)
    assert not is_ticked()
    takes(plain_shop, 1, minutes=1)
    capture.order_changed("3")
    Relay(main, clock=clock).run()
    assert is_ticked()


def test_orders_that_are_not_sent_by_the_merchants_rules_do_not_count(main, plain_shop) -> None:
    takes(plain_shop, 4, hours=1)
    for key in ("1", "2"):
        Attempt.objects.create(
            connection=main, kind="order", key=key, outcome="skipped", reason="status_not_sent"
        )
    assert found(main) == []


def test_orders_that_all_were_refused_count(main, plain_shop) -> None:
    takes(plain_shop, 3, hours=1)
    for key in ("1", "2", "3"):
        OutboxMessage.objects.create(
            connection=main, kind="order", key=key, is_dead=True, reason="refused"
        )
    assert len(found(main)) == 1


def test_history_that_arrived_says_nothing_of_the_orders_since(main, plain_shop) -> None:
    takes(plain_shop, 1, hours=2)
    SyncState.objects.create(
        connection=main, kind="order", key="1", delivered_at=timezone.now(), digest="d"
    )
    Connection.objects.update(created_at=timezone.now() - timedelta(minutes=90))
    takes(plain_shop, 3, hours=1)
    assert len(found(main)) == 1


def test_orders_before_the_connection_are_history(main, plain_shop) -> None:
    takes(plain_shop, 9, hours=1)
    Connection.objects.update(created_at=timezone.now() - timedelta(minutes=30))
    assert found(main) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"is_enabled": False},
        {"sync_orders": False},
        {"api_key": ""},
        {"environment": "another installation"},
        {"paused_at": timezone.now(), "paused_by": "olena"},
        {"paused_at": timezone.now(), "pause_detail": "Refused with 401"},
    ],
    ids=["off", "no orders", "no key", "elsewhere", "paused", "key refused"],
)
def test_a_connection_that_is_not_meant_to_send_says_only_why(main, plain_shop, changes) -> None:
    takes(plain_shop, 9, hours=1)
    Connection.objects.update(**changes)
    assert found(main) == []


def test_what_waits_for_long_is_told_of_once_and_with_its_own_cause(main, plain_shop) -> None:
    takes(plain_shop, 3, hours=2)
    long_ago = timezone.now() - timedelta(hours=2)
    for key in ("1", "2", "3"):
        OutboxMessage.objects.create(
            connection=main, kind="order", key=key, captured_at=long_ago, due_at=long_ago
        )
    look()
    codes = {line.strip() for line in mail.outbox[0].body.splitlines() if "Code:" in line}
    assert (len(mail.outbox), codes) == (1, {"Code: changes_overdue"})


@pytest.mark.parametrize(("written", "is_told"), [(0, False), (9, True), (10, False)])
def test_how_many_are_too_many_is_a_setting(main, plain_shop, settings, written, is_told) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SILENT_ORDERS": written}
    takes(plain_shop, 9, hours=1)
    assert bool(found(main)) is is_told


def test_the_stretch_is_a_setting(main, plain_shop, settings) -> None:
    takes(plain_shop, 9, hours=20)
    assert found(main) == []
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SILENT_ORDERS_MINUTES": 1440}
    (problem,) = found(main)
    assert "last 1 d" in problem.text


# --- who says so ----------------------------------------------------------------------------------


def test_a_mail_and_a_signal_tell_of_it_and_of_its_end(main, plain_shop, recording, clock) -> None:
    heard: list[str] = []

    def hear(sender, code, **_named) -> None:
        heard.append(code)

    signals.alert.connect(hear)
    signals.alert_ended.connect(hear)
    takes(plain_shop, 3, hours=1)
    look()
    Heartbeat.objects.filter(name="alerts").delete()
    look()
    (letter,) = mail.outbox
    assert letter.to == ["olena@shop.example"]
    assert "3 orders" in letter.subject

    for key in plain_shop.purchases:
        OutboxMessage.objects.create(connection=main, kind="order", key=key)
    Relay(main, clock=clock).run()
    Heartbeat.objects.filter(name="alerts").delete()
    look()
    assert heard == [CODE, CODE]
    assert "well again" in mail.outbox[-1].subject


def test_the_verdict_and_the_doctor_say_the_same(main, plain_shop) -> None:
    takes(plain_shop, 3, hours=1)
    (problem,) = found(main)
    judged = judge(main, take(connections=[main]))
    assert (judged.code, judged.level, judged.text) == (CODE, Level.PROBLEM, problem.text)
    assert judged.action is Action.ORDERS
    doctor = [each for each in examine([main], is_offline=True) if each.code == CODE]
    assert [each.text for each in doctor] == [problem.text]


# --- what it costs --------------------------------------------------------------------------------


def test_where_orders_arrive_the_shop_is_not_asked(main, plain_shop, monkeypatch) -> None:
    arrived(main, minutes=1)
    takes(plain_shop, 9, hours=1)
    asked: list[object] = []
    monkeypatch.setattr(plain_shop, "placed", lambda _shop, since: asked.append(since) or {})
    with CaptureQueriesContext(database) as queries:
        take(connections=[main])
    assert asked == []
    assert len(queries) <= 12


def test_how_many_orders_are_missing_makes_no_more_queries(main, plain_shop) -> None:
    def cost() -> int:
        with CaptureQueriesContext(database) as queries:
            take(connections=[main])
        return len(queries)

    takes(plain_shop, 3, hours=1)
    few = cost()
    takes(plain_shop, 500, hours=1)
    assert cost() == few <= 20
