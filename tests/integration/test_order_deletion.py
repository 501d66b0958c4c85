"""An order that the shop deleted is deleted at eSputnik, where the merchant wants that."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone as django_timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import Veto
from esputnik_connector.models import Attempt, Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.operations.record.preview import preview
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.run import Reconciler, new_run
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.accounts import account_at

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
DELETE = {"path": "/api/v1/orders", "method": "DELETE"}


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server
        server.assert_contract_kept()


@pytest.fixture
def account(plain_shop, fake, settings) -> Connection:
    return account_at(fake, settings, consent_policy="confirmed", delete_orders=True)


@pytest.fixture
def run(account, clock):
    def run_relay() -> dict[str, int]:
        account.refresh_from_db()
        return dict(Relay(account, clock=clock).run())

    return run_relay


def order(key: str = "100", **values: Any) -> Order:
    common = {
        "key": key, "placed_at": datetime(2026, 11, 21, 12, tzinfo=timezone.utc),
        "status": "New", "currency": "UAH", "total": Decimal(10), "email": "ann@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def buy(plain_shop, *keys: str, **values: Any) -> None:
    for key in keys:
        plain_shop.purchases[key] = order(key, **values)
        capture.order_changed(key)


def remove(plain_shop, *keys: str) -> None:
    for key in keys:
        del plain_shop.purchases[key]
        capture.order_changed(key)


def deletions(fake: FakeEsputnik) -> list[str]:
    return [one.query["externalOrderId"] for one in fake.requests(**DELETE)]


def outcomes(key: str = "100") -> list[tuple[str, str]]:
    return list(Attempt.objects.filter(key=key).order_by("pk").values_list("outcome", "reason"))


@pytest.fixture
def bought(plain_shop, run) -> None:
    buy(plain_shop, "100", "101")
    assert run() == {"delivered": 2}


# -- by choice -------------------------------------------------------------------------------------


def test_nothing_is_deleted_unless_the_merchant_wants_it(plain_shop, fake, account, run):
    assert not Connection._meta.get_field("delete_orders").get_default()
    Connection.objects.update(delete_orders=False)
    buy(plain_shop, "100")
    run()
    remove(plain_shop, "100")
    assert run() == {"skipped": 1}
    assert outcomes()[-1] == ("skipped", "gone")
    assert list(fake.orders) == ["100"]


def test_an_order_that_the_shop_deleted_is_deleted(plain_shop, fake, run, bought):
    remove(plain_shop, "100")

    assert run() == {"delivered": 1}

    assert list(fake.orders) == ["101"]
    attempt = Attempt.objects.filter(key="100").latest("pk")
    assert attempt.notes == ["deletion_queued"]  # when it is done, no answer tells
    assert not OutboxMessage.objects.exists()


def test_a_deletion_is_made_once(plain_shop, fake, run, bought):
    remove(plain_shop, "100")
    run()
    capture.order_changed("100")

    assert run() == {"skipped": 1}

    assert outcomes()[-1] == ("skipped", "unchanged")
    assert deletions(fake) == ["100"]


def test_an_order_that_was_never_sent_needs_no_deletion(plain_shop, fake, run):
    buy(plain_shop, "100")
    remove(plain_shop, "100")
    assert run() == {"skipped": 1}
    assert deletions(fake) == []


def test_one_that_was_sent_and_not_answered_does(plain_shop, fake, run, clock):
    """eSputnik may have it."""
    fake.script(Fault("reset", path="/api/v1/orders", method="POST", when="after"))
    buy(plain_shop, "100")
    assert run() == {"deferred": 1}
    assert list(fake.orders) == ["100"]
    remove(plain_shop, "100")
    clock.forward(hours=1)
    Lane.objects.update(paused_until=None)

    assert run() == {"delivered": 1}

    assert fake.orders == {}


# -- answers ---------------------------------------------------------------------------------------


def test_that_it_is_not_there_is_what_it_is_for(plain_shop, fake, run, bought):
    words = {"message": "Order with externalOrderId 100 not found"}
    fake.script(Fault("status", **DELETE, status=404, body=words))
    remove(plain_shop, "100")
    assert run() == {"delivered": 1}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", **DELETE, status=404, body="No such page"),
        Fault("status", **DELETE, status=503),
        Fault("maintenance", **DELETE),
        Fault("html_ok", **DELETE),
    ],
    ids=["wrong address", "down", "maintenance", "page"],
)
def test_an_answer_that_says_nothing_of_it_is_no_proof(plain_shop, fake, run, clock, bought, fault):
    fake.script(fault)
    remove(plain_shop, "100")
    assert run() == {"deferred": 1}
    clock.forward(hours=1)
    Lane.objects.update(paused_until=None)
    assert run() == {"delivered": 1}
    assert list(fake.orders) == ["101"]


def test_a_refusal_is_shown_and_holds_no_other_order_back(plain_shop, fake, run, bought):
    fake.script(Fault("status", **DELETE, status=400, body={"message": "bad number"}, times=1))
    remove(plain_shop, "100")
    buy(plain_shop, "102")
    assert run() == {"rejected": 1, "delivered": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.is_dead, row.detail) == ("100", True, "Refused with 400: bad number")


# -- an order that comes back ----------------------------------------------------------------------


def test_an_order_that_comes_back_waits_for_its_deletion(plain_shop, fake, run, clock, bought):
    """eSputnik makes the deletion later, and would take the new order for the old one."""
    fake.configure(order_deletion_seconds=0.5)
    remove(plain_shop, "100")
    run()
    buy(plain_shop, "100", total=Decimal(99))
    assert run() == {"deferred": 1}
    row = OutboxMessage.objects.get()
    assert (row.reason, row.attempts) == ("order_deletion", 0)
    assert clock() < row.due_at < clock() + timedelta(minutes=16)
    assert Lane.objects.get(kind="order").paused_until is None

    fake.wait_for(lambda: "100" not in fake.orders)
    deleted_before(minutes=16)
    clock.forward(minutes=16)
    assert run() == {"delivered": 1}
    assert fake.orders["100"]["body"]["totalCost"] == 99


def test_one_that_comes_back_before_its_deletion_was_sent_stays(plain_shop, fake, run, bought):
    """A row deleted and written again in one transaction."""
    remove(plain_shop, "100")
    buy(plain_shop, "100")
    assert run() == {"skipped": 1}
    assert deletions(fake) == []


def deleted_before(**ago: float) -> None:
    SyncState.objects.filter(kind="order").update(
        delivered_at=django_timezone.now() - timedelta(**ago)
    )


# -- whose it was ----------------------------------------------------------------------------------


def test_orders_that_moved_to_another_account_are_not_deleted(plain_shop, fake, run):
    buy(plain_shop, "100", contact_key="1")
    run()
    plain_shop.purchases["100"] = order(contact_key="2", email="bee@example.com")
    capture.order_changed("100")
    capture.contact_deleted("1", locators=["ann@example.com"], orders=["100"])
    run()
    assert deletions(fake) == []
    assert fake.orders["100"]["body"]["externalCustomerId"] == "2"


def test_the_order_of_a_deleted_customer_is_deleted_all_the_same(plain_shop, fake, run):
    plain_shop.people["1"] = Contact(key="1", email="ann@example.com")
    capture.contact_changed("1")
    buy(plain_shop, "100", contact_key="1")
    run()
    plain_shop.people.clear()
    capture.contact_deleted("1", locators=["ann@example.com"], orders=["100"])
    remove(plain_shop, "100")
    run()
    assert deletions(fake) == ["100"]
    assert fake.all_contacts == []


# -- many ------------------------------------------------------------------------------------------


def test_years_of_deleted_orders_hold_no_new_one_back(plain_shop, fake, run, clock):
    old = [str(number) for number in range(1000, 1060)]
    buy(plain_shop, *old)
    run()
    remove(plain_shop, *old)
    buy(plain_shop, "2000")

    run()
    assert "2000" in fake.orders
    assert len(deletions(fake)) <= 30  # most of them have made room
    assert Lane.objects.get(kind="order").paused_until is None
    for _ in range(12):
        clock.forward(minutes=2)
        run()

    assert list(fake.orders) == ["2000"]
    assert not OutboxMessage.objects.exists()


# -- what nothing told of --------------------------------------------------------------------------


def reconcile(connection: Connection) -> dict[str, int]:
    with closing(registry.destination(connection)) as destination:
        run = new_run(connection, Kind.ORDER)
        run.save()
        Reconciler(run, Comparer(connection, destination, registry.shop())).work()
    return {name: count for name, count in run.counts.items() if count}


def test_the_night_finds_what_was_deleted_by_raw_sql(plain_shop, fake, account, run, bought):
    del plain_shop.purchases["100"]

    assert reconcile(account)["differs"] == 1
    run()
    assert list(fake.orders) == ["101"]

    assert "differs" not in reconcile(account)  # and once is enough
    assert not OutboxMessage.objects.exists()


def test_and_leaves_it_where_the_merchant_wants_nothing_deleted(
    plain_shop, fake, account, run, bought
):
    account.delete_orders = False
    account.save()
    del plain_shop.purchases["100"]
    assert reconcile(account)["order_deleted"] == 1
    assert not OutboxMessage.objects.exists()


def test_a_shop_that_only_hides_an_order_deletes_nothing(
    plain_shop, fake, run, bought, monkeypatch
):
    """It is asked twice: an adapter may leave out what is not to be sent any more."""
    hidden = {key: one for key, one in plain_shop.purchases.items() if key != "100"}
    monkeypatch.setattr(plain_shop, "orders", lambda self, keys: self._read(hidden, keys))
    capture.order_changed("100")
    assert run() == {"skipped": 1}
    assert deletions(fake) == []


def test_a_preview_shows_the_deletion(plain_shop, account, run, bought):
    del plain_shop.purchases["100"]
    shown = preview(account, Kind.ORDER, "100")
    assert shown.request is not None
    assert shown.request.method == "DELETE"
    assert shown.request.url.endswith("/v1/orders?externalOrderId=100")
    assert len(shown.warnings) == 1


def test_the_hook_of_a_shop_is_asked_of_no_deletion(plain_shop, fake, settings, run, bought):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": "tests.integration.test_order_deletion.forbid",
    }
    remove(plain_shop, "100")
    assert run() == {"delivered": 1}


def forbid(record: object, _connection: Connection) -> None:
    raise Veto(type(record).__name__)
