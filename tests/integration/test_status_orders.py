"""A status gets another word, and a person says whether its orders go again: none but those."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from esputnik_connector import api
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Backfill, Connection, OutboxMessage, SyncState
from esputnik_connector.models.backfill import State
from esputnik_connector.operations.connection import status_orders
from esputnik_connector.operations.connection.status_orders import (
    Change,
    changes,
    concerned,
    send_concerned,
)
from esputnik_connector.operations.connection.statuses import put
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind, Order
from esputnik_connector.shops import status_orders as walking
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = pytest.mark.django_db(transaction=True)

ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
NOW = datetime.now(timezone.utc)
LONG_AGO = NOW - timedelta(days=400)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    """“Done” is sent and “New” is not; of each there is an order from before the connection."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": ESPUTNIK, "OPTIONS": {"rate": "1000/second"}}},
    }
    main = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, created_at=NOW - timedelta(days=1)
    )
    put(main, {"Done": "IN_PROGRESS", "New": "DO_NOT_SEND"})
    for key, status in (("done-old", "Done"), ("new-old", "New")):
        plain_shop.purchases[key] = order(key, status, LONG_AGO)
    for key, status in (("done-1", "Done"), ("done-2", "Done"), ("new-1", "New")):
        plain_shop.purchases[key] = order(key, status, NOW - timedelta(hours=1))
        capture.order_changed(key)
    send(main)
    assert told(fake) == {"done-1": "IN_PROGRESS", "done-2": "IN_PROGRESS"}
    return main


def order(key: str, status: str, placed_at: datetime) -> Order:
    return Order(
        key=key, placed_at=placed_at, status=status, currency="UAH", total=Decimal(10),
        contact_key="7", email="ada@example.com",
    )  # fmt: skip


def send(connection: Connection) -> None:
    OutboxMessage.objects.update(due_at=NOW)
    connection.refresh_from_db()
    Relay(connection).run()


def told(fake: FakeEsputnik) -> dict[str, str]:
    return {key: one["body"]["status"] for key, one in fake.orders.items()}


def of(connection: Connection, **table: str) -> dict[str, set[str]]:
    """The orders that these words concern, by status."""
    found = concerned(connection, changes(connection, table))
    return {status: set(keys) for status, keys in found.keys.items()}


def again(connection: Connection, **table: str) -> int:
    orders = concerned(connection, changes(connection, table))
    put(connection, table)
    return send_concerned(connection, orders)


def test_a_change_is_what_is_sent_as_something_else(main):
    assert changes(main, {"Done": "IN_PROGRESS"}) == []
    assert changes(main, {"Done": "DELIVERED"}) == [
        Change(status="Done", before="IN_PROGRESS", after="DELIVERED")
    ]
    taken_away = changes(main, {"New": ""})
    assert [(one.status, one.after) for one in taken_away] == [("New", "INITIALIZED")]


def test_a_new_word_concerns_the_orders_that_went_out_by_the_former_one(main):
    assert of(main, Done="DELIVERED") == {"Done": {"done-1", "done-2"}}


def test_an_order_in_an_upload_of_which_nothing_is_known_yet_is_not_concerned(main):
    SyncState.objects.create(
        connection=main, kind=Kind.ORDER.value, key="done-old", session="s", session_since=NOW
    )
    assert of(main, Done="DELIVERED") == {"Done": {"done-1", "done-2"}}


def test_a_released_status_concerns_those_that_were_held_back_since_the_connection(main):
    assert of(main, New="IN_PROGRESS") == {"New": {"new-1"}}


def test_after_an_import_of_the_history_all_of_them_were_held_back(main):
    Backfill.objects.create(
        connection=main, kind="order", state=State.FINISHED, is_open=None, keys=None
    )
    assert of(main, New="IN_PROGRESS") == {"New": {"new-1", "new-old"}}


@pytest.mark.parametrize("other", [{"keys": ["1"]}, {"is_former": True}, {"kind": "contact"}])
def test_an_import_of_something_else_is_none_of_the_history(main, other):
    values = {"connection": main, "kind": "order", "state": State.FINISHED, "is_open": None}
    Backfill.objects.create(**values | other)
    assert of(main, New="IN_PROGRESS") == {"New": {"new-1"}}


def test_an_order_that_was_sent_before_it_was_held_back_is_among_them(main, plain_shop):
    plain_shop.purchases["done-1"] = order("done-1", "New", LONG_AGO)
    assert of(main, New="IN_PROGRESS") == {"New": {"done-1", "new-1"}}


def test_what_is_not_sent_any_more_concerns_none(main):
    assert of(main, Done="DO_NOT_SEND") == {}


def test_they_go_again_with_the_new_word_and_nobody_else_does(main, fake, plain_shop):
    before = len(fake.log)
    assert again(main, Done="DELIVERED", New="CANCELLED") == 3
    send(main)
    assert told(fake) == {"done-1": "DELIVERED", "done-2": "DELIVERED", "new-1": "CANCELLED"}
    assert len(fake.log) > before
    api.reconcile(main, Kind.ORDER)
    assert not OutboxMessage.objects.exists()


def test_nothing_goes_again_where_nothing_is_concerned(main):
    assert again(main, Done="DO_NOT_SEND") == 0
    assert not OutboxMessage.objects.exists()


def test_a_shop_that_cannot_tell_says_why(main, plain_shop, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.integration.test_capabilities.BareShop",
    }
    found = concerned(main, [Change(status="Done", before="A", after="B")])
    assert "SupportsStatusOrders" in found.obstacle
    with pytest.raises(ConfigurationError, match="SupportsStatusOrders"):
        send_concerned(main, found)


def test_more_than_a_page_can_wait_for_are_not_even_looked_at(main, plain_shop, monkeypatch):
    monkeypatch.setattr(status_orders, "MOST", 2)
    monkeypatch.setattr(plain_shop, "keys_by_status", None)  # it would raise
    assert (
        "3 orders have these statuses"
        in concerned(main, changes(main, {"Done": "DELIVERED"})).obstacle
    )


def test_many_orders_take_a_query_for_thousands_of_them(main, plain_shop, monkeypatch):
    for number in range(40):
        key = f"more-{number}"
        plain_shop.purchases[key] = order(key, "Done", NOW)
        SyncState.objects.create(connection=main, kind="order", key=key, delivered_at=NOW)
    changed = changes(main, {"Done": "DELIVERED"})
    with CaptureQueriesContext(database) as few:
        assert len(concerned(main, changed).all_keys) == 42
    monkeypatch.setattr(walking, "CHUNK", 10)
    with CaptureQueriesContext(database) as more:
        assert len(concerned(main, changed).all_keys) == 42
    assert len(few) == 1
    assert len(more) == 5


# -- the command, for any number of them -----------------------------------------------------------


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("esputnik_send_again", *arguments, "--yes", stdout=output, no_color=True)
    return output.getvalue()


def test_the_command_sends_all_orders_of_a_status(main, fake):
    put(main, {"Done": "DELIVERED"})
    said = command("--kind", "order", "--status", "Done", "--route", "orders")
    assert "3 records go again" in said
    assert "3 records are in line" in said
    send(main)
    assert told(fake) == {"done-1": "DELIVERED", "done-2": "DELIVERED", "done-old": "DELIVERED"}


def test_the_command_finds_none_of_a_status_that_no_order_has(main):
    assert "0 records go again" in command(
        "--kind", "order", "--status", "Dreamt", "--route", "orders"
    )
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--kind", "contact", "--status", "Done"),
        ("--kind", "order", "--status", "Done", "--all"),
        ("--kind", "order", "--status", "Done", "--ids", "1"),
    ],
)
def test_the_command_takes_a_status_alone_and_of_orders(main, arguments):
    with pytest.raises(CommandError, match="stands alone"):
        command(*arguments)


def test_the_command_says_when_the_shop_cannot_tell(main, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.integration.test_capabilities.BareShop",
    }
    with pytest.raises(CommandError, match="SupportsStatusOrders"):
        command("--kind", "order", "--status", "Done", "--route", "orders")


# --- many of them ---------------------------------------------------------------------------------


@pytest.fixture
def woken(main, monkeypatch) -> list[int]:
    """The imports for which a worker was called."""
    called: list[int] = []
    main.consent_policy = "confirmed"
    main.save()
    monkeypatch.setattr(status_orders, "FEW", 1)
    monkeypatch.setattr(status_orders, "wake_backfill", called.append)
    return called


def work(run: Backfill) -> Backfill:
    while run.is_open:
        wake_at = BackfillWorker(run).work(seconds=60)
        assert wake_at is None or wake_at < datetime.now(timezone.utc) + timedelta(seconds=30)
        run.refresh_from_db()
    return run


def test_many_are_left_to_a_worker_who_tells_how_far_it_is(main, fake, woken):
    assert again(main, Done="DELIVERED") == 2
    assert not OutboxMessage.objects.exists()
    run = Backfill.objects.get()
    assert woken == [run.pk]
    assert (run.total, run.done, run.route) == (2, 0, "orders")
    work(run)
    assert told(fake) == {"done-1": "DELIVERED", "done-2": "DELIVERED"}
    assert (run.state, run.done) == (State.FINISHED, 2)


def test_one_of_many_that_was_refused_goes_later_by_the_new_word(main, fake, woken):
    again(main, Done="DELIVERED")
    fake.script(Fault("refuse", path="/api/v1/orders", ids=["done-1"], times=None))
    work(Backfill.objects.get())
    assert told(fake) == {"done-1": "IN_PROGRESS", "done-2": "DELIVERED"}
    fake.clear_faults()
    assert OutboxMessage.objects.revive() == 1
    send(main)
    assert told(fake) == {"done-1": "DELIVERED", "done-2": "DELIVERED"}


def test_many_go_by_the_way_of_new_orders_also_where_history_has_no_such(main, fake, woken):
    Connection.objects.update(order_route="events")
    main.refresh_from_db()
    assert again(main, Done="DELIVERED") == 2
    run = work(Backfill.objects.get())
    assert (run.route, run.state, run.done) == ("events", State.FINISHED, 2)


def test_an_import_of_orders_comes_first(main, woken):
    control.start(main, Kind.ORDER, route="past_events")
    found = concerned(main, changes(main, {"Done": "DELIVERED"}))
    assert "An import of orders is under way" in found.obstacle
    with pytest.raises(ConfigurationError, match="under way"):
        send_concerned(main, found)
    assert woken == []


def test_a_worker_is_called_for_what_is_stored_and_for_nothing_else(main, woken):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        again(main, Done="DELIVERED")
        raise ZeroDivisionError
    assert woken == []
    assert not Backfill.objects.exists()


def test_many_cost_the_same_however_many_they_are(main, plain_shop, woken):
    def asked() -> int:
        with CaptureQueriesContext(database) as queries:
            again(main, Done="DELIVERED")
        Backfill.objects.all().delete()
        put(main, {"Done": "IN_PROGRESS", "New": "DO_NOT_SEND"})
        return len(queries)

    few = asked()
    for number in range(200):
        key = f"more-{number}"
        plain_shop.purchases[key] = order(key, "Done", NOW)
        SyncState.objects.create(connection=main, kind="order", key=key, delivered_at=NOW)
    assert asked() == few
