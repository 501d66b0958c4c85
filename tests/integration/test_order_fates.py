"""Where each order of the shop is: every one counted once, whatever was pruned meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector.models import Attempt, Connection, OutboxMessage, Reconciliation, SyncState
from esputnik_connector.operations.order_fates import Fate, OrderFates, order_fates, placed_since
from esputnik_connector.operations.prune import prune
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Order
from esputnik_connector.registry import shop
from tests.second_database import SECOND, second_database  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db


def place(plain_shop, key: str, *, status: str = "New", **ago: float) -> datetime:
    placed_at = timezone.now() - timedelta(**ago)
    plain_shop.purchases[key] = Order(
        key=key, placed_at=placed_at, status=status, currency="UAH", total=Decimal(100),
        email=f"buyer{key}@example.com",
    )  # fmt: skip
    return placed_at


def fates(connection: Connection, days: int = 40) -> OrderFates:
    now = timezone.now()
    return order_fates(connection, placed_since(shop(), now - timedelta(days=days)), now=now)


@pytest.fixture
def old(connection) -> Connection:
    """A connection that has been there for a year."""
    connection.created_at = timezone.now() - timedelta(days=365)
    connection.save()
    return connection


def test_an_order_arrives_as_the_relay_sends_it(old, plain_shop, recording, clock) -> None:
    place(plain_shop, "1")
    capture.order_changed("1")
    assert fates(old).fates == {"1": Fate.ON_THE_WAY}

    Relay(old, clock=clock).run()

    assert fates(old).fates == {"1": Fate.ARRIVED}


def test_each_order_has_one_fate_and_the_sums_are_exact(old, plain_shop) -> None:
    for number in range(12):
        place(plain_shop, str(number), days=number)
    waiting = {"connection": old, "kind": "order"}
    state = {**waiting, "delivered_at": timezone.now()}
    for key in ("0", "1", "2", "3"):
        SyncState.objects.create(**state, key=key)
    OutboxMessage.objects.create(**waiting, key="0")  # arrived, and its status changed since
    OutboxMessage.objects.create(**waiting, key="1", is_dead=True, reason="refused")
    OutboxMessage.objects.create(**waiting, key="4", is_dead=True, reason="refused")
    OutboxMessage.objects.create(**waiting, key="4")
    OutboxMessage.objects.create(**waiting, key="5")
    SyncState.objects.create(**waiting, key="6", session="an-upload")
    Attempt.objects.create(**waiting, key="7", outcome="skipped", reason="status_not_sent")
    Attempt.objects.create(**waiting, key="8", outcome="skipped", reason="status_not_sent")
    Attempt.objects.create(**waiting, key="8", outcome="deferred", reason="busy")

    found = fates(old)

    assert found.counts(timezone.now() - timedelta(days=40)) == {
        Fate.ARRIVED: 3,  # 0, 2, 3
        Fate.NEEDS_YOU: 2,  # 1, 4
        Fate.NOT_SENT: 1,  # 7
        Fate.ON_THE_WAY: 6,  # 5, 6, 8; nobody noted 9, 10 and 11 yet
    }
    assert found.reasons == {"7": "status_not_sent"}
    week = timezone.now() - timedelta(days=6, hours=12)
    assert sum(found.counts(week).values()) == 7
    assert found.of_fate(Fate.NEEDS_YOU, week) == ["1", "4"]


def test_what_nobody_noted_is_not_sent_once_a_reconciliation_has_passed_it(old, plain_shop) -> None:
    place(plain_shop, "1", days=2)
    place(plain_shop, "2", hours=1)
    run = Reconciliation.objects.create(
        connection=old, kind="order", started_at=timezone.now() - timedelta(days=1)
    )
    assert set(fates(old).fates.values()) == {Fate.ON_THE_WAY}

    run.finished_at = timezone.now()
    run.save()

    assert fates(old).fates == {"1": Fate.NOT_SENT, "2": Fate.ON_THE_WAY}


def test_what_a_reconciliation_held_back_is_not_passed_over(old, plain_shop) -> None:
    place(plain_shop, "1", days=2)
    Reconciliation.objects.create(
        connection=old, kind="order", finished_at=timezone.now(), held=600
    )
    assert fates(old).fates == {"1": Fate.ON_THE_WAY}


def test_nothing_is_on_its_way_to_a_connection_that_is_off(old, plain_shop) -> None:
    """What it noted before stays in line, and goes when it is on again."""
    for key in ("noted", "missed"):
        place(plain_shop, key, hours=1)
    capture.order_changed("noted")
    Connection.objects.update(is_enabled=False)
    old.refresh_from_db()

    found = fates(old)

    assert found.fates == {"noted": Fate.ON_THE_WAY, "missed": Fate.NOT_SENT}
    assert found.reasons == {"missed": "sync_off"}


def test_an_order_older_than_the_connection_waits_for_an_import(connection, plain_shop) -> None:
    place(plain_shop, "1", days=3)
    assert fates(connection).fates == {"1": Fate.NOT_SENT}


def test_what_arrived_is_known_after_the_history_was_pruned(
    old, plain_shop, recording, clock
) -> None:
    for key in ("1", "2"):
        place(plain_shop, key, days=20)
        capture.order_changed(key)
    Relay(old, clock=clock).run()
    Attempt.objects.update(created_at=timezone.now() - timedelta(days=19))

    prune(days=7)

    assert not Attempt.objects.exists()
    assert set(fates(old).fates.values()) == {Fate.ARRIVED}


def test_many_orders_take_no_more_queries_than_few(old, plain_shop) -> None:
    def asked() -> int:
        with CaptureQueriesContext(database) as queries:
            fates(old)
        return len(queries)

    place(plain_shop, "first")
    few = asked()
    for number in range(300):
        place(plain_shop, str(number))
    assert asked() == few


class OurselvesElsewhere:
    """The connector's tables are on the second database."""

    def db_for_write(self, model, **_hints):
        return SECOND if model._meta.app_label == "esputnik_connector" else None

    db_for_read = db_for_write


@pytest.mark.django_db(transaction=True, databases=["default", SECOND])
@pytest.mark.usefixtures("second_database")
def test_the_shop_may_be_in_another_database(plain_shop, recording, clock, settings) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.OurselvesElsewhere"]
    there = Connection.objects.create(name="there", destination="recording", api_key="a key")
    place(plain_shop, "1")
    capture.forget_connections()
    capture.order_changed("1")
    assert fates(there).fates == {"1": Fate.ON_THE_WAY}

    Relay(there, clock=clock).run()

    assert fates(there).fates == {"1": Fate.ARRIVED}
