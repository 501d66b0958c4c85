"""What capture missed is found, and exactly that is put in line."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from esputnik_connector import registry, tasks
from esputnik_connector.exceptions import Veto
from esputnik_connector.models import (
    Connection,
    OutboxMessage,
    Reconciliation,
    StatusMapping,
    SyncState,
    Tombstone,
)
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile import limits
from esputnik_connector.pipeline.reconcile import run as reconciliation
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.limits import Limits
from esputnik_connector.pipeline.reconcile.run import Reconciler, history_before, new_run
from esputnik_connector.records import Cart, CartItem, Contact, Kind, Order
from esputnik_connector.shops.base import SupportsReconciliation
from tests.memory_shop import MemoryShop

pytestmark = pytest.mark.django_db(transaction=True)

LATER = datetime(2099, 1, 1, tzinfo=timezone.utc)  # after any connection was created


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", "joined_at": LATER, **values})


def order(key: str = "100", **values: object) -> Order:
    common = {
        "key": key, "placed_at": LATER, "status": "New", "currency": "UAH", "total": Decimal(10),
        "contact_key": "1", "email": "buyer1@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def cart(key: str = "7", quantity: int = 1) -> Cart:
    item = CartItem(product_key="3", quantity=quantity, unit_price=Decimal(5))
    return Cart(key=key, currency="UAH", contact_key="1", email="a@example.com", items=(item,))


def reconciled(
    connection: Connection, kind: Kind, *, since: datetime | None = None, **options: object
) -> Reconciliation:
    """A whole run over one kind."""
    run = new_run(connection, kind, since=since)
    if not options.get("is_dry"):
        run.save()
    with closing(registry.destination(connection)) as destination:
        comparer = Comparer(
            connection, destination, registry.shop(), history_before=history_before(run),
            is_thorough=bool(options.pop("is_thorough", False)),
        )  # fmt: skip
        assert Reconciler(run, comparer, **options).work()
    return run


def queued() -> list[tuple[str, str]]:
    return sorted(OutboxMessage.objects.values_list("kind", "key"))


def deliver_all(connection: Connection) -> None:
    connection.refresh_from_db()
    Relay(connection).run()
    assert not OutboxMessage.objects.unsent().exists()


@pytest.fixture
def synced(plain_shop, connection) -> type[MemoryShop]:
    """Three customers, three orders and a cart, all delivered."""
    for key in "123":
        plain_shop.people[key] = contact(key)
        plain_shop.purchases[f"10{key}"] = order(f"10{key}", contact_key=key)
        capture.contact_changed(key)
        capture.order_changed(f"10{key}")
    plain_shop.baskets["7"] = cart()
    capture.cart_changed("7")
    deliver_all(connection)
    return plain_shop


# -- what is found ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.CONTACT, Kind.ORDER, Kind.CART], ids=lambda kind: kind.value)
def test_an_unchanged_shop_is_asked_for_nothing(synced, recording, connection, kind):
    recording.calls.clear()
    run = reconciled(connection, kind)
    assert run.counts == {"unchanged": 1 if kind is Kind.CART else 3}
    assert queued() == []
    assert recording.calls == []
    assert run.differences == run.queued == 0


def test_what_differs_and_what_was_never_captured_is_put_in_line(synced, recording, connection):
    synced.purchases["102"] = order("102", status="Done")
    synced.purchases["104"] = order("104")
    run = reconciled(connection, Kind.ORDER)
    assert run.counts == {"unchanged": 2, "differs": 1, "missing": 1}
    assert queued() == [("order", "102"), ("order", "104")]
    recording.calls.clear()
    deliver_all(connection)
    assert sorted(recording.keys()) == ["102", "104"]
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 4}


def test_a_cart_that_differs_is_put_in_line(synced, connection):
    synced.baskets["7"] = cart(quantity=2)
    assert reconciled(connection, Kind.CART).counts == {"differs": 1}
    assert queued() == [("cart", "7")]


def test_a_cart_that_the_shop_no_longer_calls_fresh_is_still_compared(
    synced, connection, monkeypatch
):
    synced.baskets["7"] = cart(quantity=2)
    monkeypatch.setattr(MemoryShop, "fresh_carts", SupportsReconciliation.fresh_carts)
    assert reconciled(connection, Kind.CART).counts == {"differs": 1}


def test_what_was_sent_without_an_answer_is_put_in_line(synced, connection):
    SyncState.objects.filter(key="101").update(digest="")
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 2, "uncertain": 1}
    assert queued() == [("order", "101")]


def test_what_is_importing_is_left_alone(synced, connection):
    SyncState.objects.filter(key="1").update(session="s", digest="")
    assert reconciled(connection, Kind.CONTACT).counts == {"unchanged": 2, "importing": 1}
    assert queued() == []


# -- what is left alone ----------------------------------------------------------------------------


def test_what_waits_or_is_set_aside_gets_no_second_row(synced, connection):
    synced.purchases["101"] = order("101", status="Done")
    synced.purchases["102"] = order("102", status="Done")
    capture.order_changed("101")
    OutboxMessage.objects.create(connection=connection, kind="order", key="102", is_dead=True)
    run = reconciled(connection, Kind.ORDER)
    assert run.counts == {"waiting": 1, "set_aside": 1, "unchanged": 1}
    assert len(queued()) == 2


def test_a_second_run_adds_nothing(synced, connection):
    synced.purchases["101"] = order("101", status="Done")
    reconciled(connection, Kind.ORDER)
    assert reconciled(connection, Kind.ORDER).counts == {"waiting": 1, "unchanged": 2}
    assert queued() == [("order", "101")]


def no_orders(record, connection):
    if isinstance(record, Order):
        raise Veto("not this one")
    return record


def test_what_is_skipped_for_a_reason_is_not_put_in_line_each_night(
    plain_shop, connection, settings
):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": "tests.integration.test_reconcile.no_orders",
    }
    plain_shop.purchases["100"] = order()
    assert reconciled(connection, Kind.ORDER).counts == {"vetoed": 1}
    assert queued() == []


def test_a_kind_that_is_off_is_not_looked_at(synced, connection):
    synced.purchases["104"] = order("104")
    connection.sync_orders = False
    connection.save()
    assert reconciled(connection, Kind.ORDER).counts == {}
    reconciliation.reconcile_all(seconds=9)
    assert set(Reconciliation.objects.values_list("kind", flat=True)) >= {"contact", "cart"}
    assert queued() == []


def test_history_is_left_to_the_import_that_asks_how_loud_it_may_be(plain_shop, connection):
    old = connection.created_at - timedelta(days=300)
    plain_shop.purchases["1"] = order("1", placed_at=old)
    plain_shop.purchases["2"] = order("2")
    assert reconciled(connection, Kind.ORDER).counts == {"history": 1, "missing": 1}
    assert queued() == [("order", "2")]
    run = reconciled(connection, Kind.ORDER, since=old)  # somebody wrote it down: they mean it
    assert run.counts == {"missing": 1, "waiting": 1}


def test_a_customer_whom_only_an_order_named_is_history_still(plain_shop, connection):
    plain_shop.people["1"] = contact("1", joined_at=connection.created_at - timedelta(days=300))
    plain_shop.purchases["100"] = order("100")
    capture.order_changed("100")
    deliver_all(connection)
    assert reconciled(connection, Kind.CONTACT).counts == {"history": 1}
    assert queued() == []


def test_a_customer_whom_only_an_order_named_is_erased_when_they_are_gone(
    plain_shop, recording, connection
):
    plain_shop.purchases["100"] = order("100")
    capture.order_changed("100")
    deliver_all(connection)
    assert reconciled(connection, Kind.CONTACT).counts == {"deleted": 1}
    deliver_all(connection)
    assert [(one.kind, one.key) for one in recording.calls[-1]] == [(Kind.ERASURE, "1")]
    capture.order_changed("100")
    deliver_all(connection)
    assert recording.calls[-1][0].kind is Kind.ERASURE, "nothing of them was sent again"


def test_a_guest_is_left_to_the_import(plain_shop, connection):
    plain_shop.people["guest"] = contact("guest", is_guest=True)
    assert reconciled(connection, Kind.CONTACT).counts == {"history": 1}


def test_a_record_that_cannot_be_read_ends_up_where_a_person_sees_it(synced, connection):
    def explode(keys):
        if "102" in keys:
            raise ValueError("poison")

    synced.before_reading = staticmethod(explode)
    run = reconciled(connection, Kind.ORDER)
    assert run.counts == {"unchanged": 2, "unreadable": 1}
    Relay(connection).run()
    assert OutboxMessage.objects.get().is_dead
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 2, "set_aside": 1}


# -- what is gone ----------------------------------------------------------------------------------


def test_a_customer_who_is_gone_is_erased_and_stays_erased(synced, recording, connection):
    del synced.people["2"]
    run = reconciled(connection, Kind.CONTACT)
    assert run.counts == {"unchanged": 2, "deleted": 1}
    assert queued() == [("erasure", "2")]
    assert reconciled(connection, Kind.CONTACT).counts == {"unchanged": 2}  # it waits already
    deliver_all(connection)
    assert recording.calls[-1][0].kind is Kind.ERASURE
    assert Tombstone.objects.count() == 4  # the key, the order, and both e-mails that were sent
    assert not SyncState.objects.filter(kind="contact", key="2").exists()
    assert reconciled(connection, Kind.ORDER).queued == 0
    assert reconciled(connection, Kind.CONTACT).counts == {"unchanged": 2}


def test_an_order_that_is_gone_is_reported(synced, connection):
    del synced.purchases["103"]
    run = reconciled(connection, Kind.ORDER)
    assert run.counts == {"unchanged": 2, "order_deleted": 1}
    assert run.examples == {"order_deleted": ["103"]}
    assert queued() == []


def test_a_customer_is_asked_for_twice_before_they_are_erased(synced, connection, monkeypatch):
    monkeypatch.setattr(MemoryShop, "existing", lambda self, kind, keys: set())
    assert reconciled(connection, Kind.CONTACT).counts == {"unchanged": 3}
    assert queued() == []


def test_a_partial_run_erases_nobody(synced, connection):
    del synced.people["2"]
    assert "deleted" not in reconciled(connection, Kind.CONTACT, since=LATER).counts


# -- too much at once ------------------------------------------------------------------------------


def test_above_the_limit_nothing_goes_and_a_person_is_told(synced, connection, settings, caplog):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "RECONCILE_LIMIT": 2}
    for key in synced.purchases:
        synced.purchases[key] = order(key, status="Done")
    run = reconciled(connection, Kind.ORDER)
    assert (run.counts, run.queued, run.held) == ({"differs": 3}, 0, 3)
    assert queued() == []
    assert "--no-limit" in caplog.text
    assert reconciled(connection, Kind.ORDER, limits=Limits.none()).queued == 3


def test_the_limit_is_of_the_whole_run_and_not_of_a_chunk(
    synced, connection, settings, monkeypatch
):
    monkeypatch.setattr(reconciliation, "CHUNK", 1)
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "RECONCILE_LIMIT": 2}
    before = dict(synced.purchases)
    for key in synced.purchases:
        synced.purchases[key] = order(key, status="Done")
    while reconciliation.reconcile_all(seconds=-1, is_continued=Reconciliation.objects.exists()):
        assert queued() == []  # nothing before all is known
    assert queued() == []
    held = Reconciliation.objects.get(kind="order")
    assert (held.held, held.queued, held.pending) == (3, 0, {})
    synced.purchases |= {key: before[key] for key in ("102", "103")}
    reconciliation.reconcile_all(seconds=9)
    assert queued() == [("order", "101")]


def test_a_shop_that_lost_its_customers_does_not_erase_them_all(synced, connection, monkeypatch):
    monkeypatch.setattr(limits, "ERASURE_LIMIT", 1)
    synced.people.clear()
    run = reconciled(connection, Kind.CONTACT)
    assert (run.counts, run.queued, run.held) == ({"deleted": 3}, 0, 3)


def test_dry_writes_nothing(synced, connection):
    synced.purchases["102"] = order("102", status="Done")
    del synced.people["2"]
    assert reconciled(connection, Kind.ORDER, is_dry=True).counts == {"unchanged": 2, "differs": 1}
    assert reconciled(connection, Kind.CONTACT, is_dry=True).counts["deleted"] == 1
    assert queued() == []
    assert not Reconciliation.objects.exists()
    assert not SyncState.objects.exclude(etag="").exists()


# -- resuming --------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_stopped(synced, connection, monkeypatch):
    monkeypatch.setattr(reconciliation, "CHUNK", 1)
    for key in synced.purchases:
        synced.purchases[key] = order(key, status="Done")
    assert reconciliation.reconcile_all(seconds=-1)  # no time at all: something is left
    assert queued() == []
    while reconciliation.reconcile_all(seconds=0.001, is_continued=True):
        pass
    assert len(queued()) == 3
    runs = Reconciliation.objects.all()
    assert all(run.finished_at for run in runs)
    assert {run.kind: run.total for run in runs} == {"contact": 3, "order": 3, "cart": 1}


def test_two_workers_on_one_run_put_each_record_in_line_once(synced, connection, monkeypatch):
    monkeypatch.setattr(reconciliation, "CHUNK", 1)
    for key in synced.purchases:
        synced.purchases[key] = order(key, status="Done")
    run = new_run(connection, Kind.ORDER)
    run.save()
    other = Reconciliation.objects.get(pk=run.pk)
    with closing(registry.destination(connection)) as destination:
        comparer = Comparer(connection, destination, registry.shop())
        Reconciler(run, comparer)._step()
        Reconciler(other, comparer).work()  # it knows an old cursor: it lets go
        assert other.cursor == run.cursor
        assert other.finished_at is None
        Reconciler(other, comparer).work()
        Reconciler(run, comparer).work()
    assert len(queued()) == 3
    run.refresh_from_db()
    assert run.counts == {"differs": 3}


def test_a_run_that_is_under_way_is_not_started_again(synced, connection):
    new_run(connection, Kind.ORDER).save()
    reconciliation.reconcile_all(seconds=9)
    assert Reconciliation.objects.filter(kind="order").count() == 1


def test_a_copy_of_the_database_finds_nothing_to_do(synced, connection):
    connection.environment = "somewhere else"
    connection.save()
    assert not reconciliation.reconcile_all(seconds=9)
    assert not Reconciliation.objects.exists()


def test_a_connection_that_cannot_be_used_holds_back_no_other(synced, connection):
    Connection.objects.create(name="lost", destination="no such destination")
    assert not reconciliation.reconcile_all(seconds=9)  # nothing is left that could go on
    assert set(Reconciliation.objects.unfinished().values_list("connection__name")) == {("lost",)}
    done = Reconciliation.objects.exclude(finished_at=None)
    assert set(done.values_list("connection__name", "kind")) == {
        ("main", "contact"), ("main", "order"), ("main", "cart"),
    }  # fmt: skip


def test_the_task_goes_on_by_itself_until_all_is_done(synced, connection, monkeypatch):
    continued = []
    monkeypatch.setattr(tasks, "RELAY_SECONDS", -1)
    monkeypatch.setattr(
        tasks.reconcile, "apply_async", lambda arguments, **_named: continued.append(arguments)
    )
    tasks.reconcile()
    while continued:
        assert continued.pop() == (True,)
        tasks.reconcile(True)
    assert not Reconciliation.objects.unfinished().exists()
    assert Reconciliation.objects.count() == 3


# -- etags -----------------------------------------------------------------------------------------


@pytest.fixture
def versioned(synced, monkeypatch) -> dict[str, str]:
    """A shop that can tell versions; a test may lie about them."""
    told = dict.fromkeys(synced.purchases, "1")
    monkeypatch.setattr(MemoryShop, "versions", lambda self, kind, keys: dict(told))
    return told


def test_what_has_an_etag_is_not_built_again(synced, versioned, connection):
    reconciled(connection, Kind.ORDER)
    assert SyncState.objects.filter(kind="order").exclude(etag="").count() == 3
    read: list[str] = []
    synced.before_reading = staticmethod(read.extend)
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 3}
    assert set(read) == set()


def test_a_thorough_run_believes_no_etag(synced, versioned, connection):
    reconciled(connection, Kind.ORDER)
    synced.purchases["102"] = order("102", status="Done")  # and its version says nothing of it
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 3}
    run = reconciled(connection, Kind.ORDER, is_thorough=True)
    assert run.counts == {"unchanged": 2, "differs": 1}


def test_an_etag_breaks_with_the_version_the_digest_and_the_settings(synced, versioned, connection):
    reconciled(connection, Kind.ORDER)
    built: list[str] = []
    synced.before_reading = staticmethod(built.extend)
    versioned["101"] = "2"
    SyncState.objects.filter(key="102").update(digest="of something else that was delivered")
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 2, "differs": 1}
    assert {"101", "102"} <= set(built)
    assert "103" not in built
    StatusMapping.objects.create(connection=connection, shop_status="New", status="DELIVERED")
    reconciled(connection, Kind.ORDER)
    assert "103" in built


def test_a_record_that_went_away_from_its_etag_and_came_back_is_not_taken_for_delivered(
    synced, versioned, connection
):
    reconciled(connection, Kind.ORDER)
    synced.purchases["101"], versioned["101"] = order("101", status="Done"), "2"
    capture.order_changed("101")
    deliver_all(connection)
    synced.purchases["101"], versioned["101"] = order("101"), "1"  # and nobody noticed
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 2, "differs": 1}


def test_a_record_that_changes_while_it_is_built_gets_no_etag(synced, versioned, connection):
    def change(keys: list[str]) -> None:
        if "101" in keys:
            versioned["101"] = "2"

    synced.before_reading = staticmethod(change)
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 3}
    doubtful = SyncState.objects.filter(kind="order", etag="")
    assert list(doubtful.values_list("key", flat=True)) == ["101"]


def test_versions_that_cannot_be_told_cost_time_and_nothing_else(synced, connection, monkeypatch):
    def broken(*_: object) -> dict[str, str]:
        raise ValueError("a table is gone")

    monkeypatch.setattr(MemoryShop, "versions", broken)
    assert reconciled(connection, Kind.ORDER).counts == {"unchanged": 3}
    assert not SyncState.objects.exclude(etag="").exists()


def same_record(record: Contact | Order | Cart, _connection: Connection) -> Contact | Order | Cart:
    return record


def test_a_hook_may_look_anywhere_so_contacts_get_no_etag(synced, versioned, connection, settings):
    versioned["1"] = "1"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RECORD_HOOK": f"{__name__}.same_record"
    }  # fmt: skip
    reconciled(connection, Kind.CONTACT)
    reconciled(connection, Kind.ORDER)
    assert not SyncState.objects.filter(kind="contact").exclude(etag="").exists()
    assert SyncState.objects.filter(kind="order").exclude(etag="").count() == 3


# -- what it costs ---------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_records(plain_shop, connection):
    def queries_for(count: int) -> int:
        for number in range(count):
            plain_shop.purchases[str(number)] = order(str(number))
            capture.order_changed(str(number))
        deliver_all(connection)
        with CaptureQueriesContext(database) as queries:
            assert reconciled(connection, Kind.ORDER).counts == {"unchanged": count}
        return len(queries)

    queries_for(1)
    assert queries_for(3) == queries_for(300)


@pytest.fixture
def only_orders(plain_shop, recording, connection) -> type[MemoryShop]:
    """Two customers of whom nothing but orders was delivered, as where customers are not sent."""
    plain_shop.people = {"1": contact("1"), "2": contact("2")}
    for number in range(6):
        owner = "2" if number % 2 else "1"
        key = str(100 + number)
        plain_shop.purchases[key] = order(key, contact_key=owner, email=f"buyer{owner}@example.com")
        capture.order_changed(key)
    deliver_all(connection)
    SyncState.objects.filter(kind="contact").delete()  # as former versions remembered it
    return plain_shop


def test_a_customer_known_by_orders_alone_is_erased_too(only_orders, recording, connection):
    del only_orders.people["2"]

    run = reconciled(connection, Kind.CONTACT)

    assert run.counts["deleted"] == 1
    assert ("erasure", "2") in queued()
    assert ("erasure", "1") not in queued()
    deliver_all(connection)
    assert Tombstone.objects.count() == 1 + 3 + 1  # the key, three orders and the e-mail
    assert "deleted" not in reconciled(connection, Kind.CONTACT).counts
    assert queued() == []


def test_such_a_customer_is_counted_once_however_many_orders_they_had(
    only_orders, connection, monkeypatch
):
    monkeypatch.setattr(reconciliation, "CHUNK", 2)
    only_orders.people.clear()

    run = reconciled(connection, Kind.CONTACT)

    assert run.counts == {"deleted": 2}
    assert queued() == [("erasure", "1"), ("erasure", "2")]


def test_customers_who_are_not_sent_are_looked_for_all_the_same(only_orders, connection):
    """Their orders brought them there."""
    connection.sync_contacts = False
    connection.save()
    del only_orders.people["2"]
    assert reconciled(connection, Kind.CONTACT).counts == {"deleted": 1}
