"""Reconciling an Oscar shop: changes without a signal, versions, samples from eSputnik, reports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.models import (
    Connection,
    OutboxMessage,
    StatusMapping,
    SyncState,
    Tombstone,
)
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile import run
from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.servers import free_port

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"
shop = OscarShop()
User = get_user_model()
Order, Line = get_model("order", "Order"), get_model("order", "Line")


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def connection(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0, "WAKE": "", "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": "esputnik_connector.destinations.esputnik.destination."
                "EsputnikDestination",
                "OPTIONS": {"rate": "1000/second", "bulk_from": 1000},
            }
        },
    }  # fmt: skip
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url,
        created_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip


def person(number: int) -> Any:
    return User.objects.create(
        username=f"u{number}", email=f"u{number}@example.com", first_name="Ада"
    )


def order(user: Any, total: str = "20.00") -> Any:
    made = factories.OrderFactory(
        user=user, total_incl_tax=Decimal(total), total_excl_tax=Decimal(total), currency="UAH",
        date_placed=timezone.now(), shipping_address=factories.ShippingAddressFactory(),
    )  # fmt: skip
    factories.OrderLineFactory(order=made, product=factories.ProductFactory())
    return made


@pytest.fixture
def synced(connection, fake) -> list[Any]:
    """Three customers with an order each, all delivered."""
    orders = [order(person(number)) for number in range(3)]
    send(connection)
    assert len(fake.orders) == len(fake.contacts) == 3
    return orders


def send(connection: Connection) -> None:
    connection.refresh_from_db()
    Relay(connection).run()
    assert not OutboxMessage.objects.exists()


def command(*arguments: str) -> tuple[str, int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_reconcile", *arguments, stdout=output, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return output.getvalue(), code


def counts(*arguments: str) -> dict[str, dict[str, int]]:
    return {run["kind"]: run["counts"] for run in json.loads(command("--json", *arguments)[0])}


def queued() -> list[tuple[str, str]]:
    return sorted(OutboxMessage.objects.values_list("kind", "key"))


# -- changes without a signal ----------------------------------------------------------------------


def test_an_unchanged_shop_makes_no_request_and_no_row(synced, fake):
    before = len(fake.log)
    for _night in range(2):
        found = counts()
        assert found.pop("cart").keys() <= {"anonymous"}  # the baskets of Oscar's order factory
        assert found == {"contact": {"unchanged": 3}, "order": {"unchanged": 3}}
    assert len(fake.log) == before
    assert queued() == []


def test_bulk_updates_are_found_and_arrive(synced, fake, connection):
    counts()  # writes etags
    Order.objects.filter(pk=synced[0].pk).update(status="Paid")
    Line.objects.filter(order=synced[1]).update(title="Renamed by an importer")
    User.objects.filter(pk=synced[2].user_id).update(first_name="Марія")
    found = counts()
    assert found["order"] == {"unchanged": 1, "differs": 2}
    assert found["contact"] == {"unchanged": 2, "differs": 1}
    assert queued() == sorted(
        [("order", synced[0].number), ("order", synced[1].number),
         ("contact", str(synced[2].user_id))]
    )  # fmt: skip
    send(connection)
    assert fake.orders[synced[0].number]["body"]["statusDescription"] == "Paid"
    assert fake.contact(str(synced[2].user_id))["firstName"] == "Марія"
    assert counts()["order"] == {"unchanged": 3}


def test_what_was_created_without_a_signal_is_found(synced, connection):
    User.objects.bulk_create([User(username="bulk", email="bulk@example.com")])
    copy = Order.objects.get(pk=synced[0].pk)
    copy.pk, copy.number = None, "bulk-1"
    Order.objects.bulk_create([copy])
    found = counts()
    assert found["contact"]["missing"] == 1
    assert found["order"]["missing"] == 1
    assert ("order", "bulk-1") in queued()


def test_customers_and_orders_that_went_by_raw_sql(synced, fake, connection):
    gone_user, gone_order = synced[0].user_id, synced[1].number
    with database.cursor() as cursor:
        cursor.execute("UPDATE order_order SET user_id = NULL WHERE user_id = %s", [gone_user])
        cursor.execute("DELETE FROM auth_user WHERE id = %s", [gone_user])
        cursor.execute("DELETE FROM order_line WHERE order_id = %s", [synced[1].pk])
        cursor.execute("DELETE FROM order_order WHERE id = %s", [synced[1].pk])
    found = counts()
    assert found["contact"].pop("deleted") == 1
    assert found["contact"].pop("history") == 1  # the e-mail on the order is a guest's now
    assert found["contact"] == {"unchanged": 2}
    assert found["order"]["order_deleted"] == 1
    assert ("erasure", str(gone_user)) in queued()
    send(connection)
    assert fake.contact(str(gone_user)) is None
    assert Tombstone.objects.exists()
    assert fake.recreated_after_erase == []
    assert gone_order in fake.orders  # eSputnik keeps it


def test_orders_of_a_status_that_is_not_sent_are_left_alone(synced, connection):
    Order.objects.filter(pk=synced[0].pk).update(status="Draft")
    StatusMapping.objects.create(connection=connection, shop_status="Draft", status="DO_NOT_SEND")
    assert counts()["order"] == {"unchanged": 2, "status_not_sent": 1}
    assert queued() == []


def test_a_cart_whose_line_was_updated_in_bulk(connection, fake):
    basket = factories.BasketFactory(owner=person(9))
    basket.add_product(factories.ProductFactory())
    send(connection)
    assert counts()["cart"] == {"unchanged": 1}
    basket.lines.update(quantity=3)
    assert counts()["cart"] == {"differs": 1}
    assert queued() == [("cart", str(basket.pk))]


def test_an_old_cart_is_not_woken_because_a_price_rose(connection):
    basket = factories.BasketFactory(owner=person(9))
    basket.add_product(factories.ProductFactory())
    send(connection)
    long_ago = timezone.now() - run.CART_WINDOW * 2
    type(basket).objects.update(date_created=long_ago)
    basket.lines.update(date_updated=long_ago)
    SyncState.objects.filter(kind="cart").update(delivered_at=long_ago)
    get_model("partner", "StockRecord").objects.update(price=Decimal(99))
    assert counts()["cart"] == {}


def test_a_renamed_category_sends_no_old_order_again_by_night(synced, connection):
    counts()
    get_model("catalogue", "Category").objects.update(name="Renamed")
    assert counts()["order"] == {"unchanged": 3}
    assert counts("--thorough", "--dry-run", "--kind", "order")["order"] == {"differs": 3}


# -- versions --------------------------------------------------------------------------------------


def version(made: Any) -> str:
    return shop.versions(Kind.ORDER, [made.number])[made.number]


@pytest.mark.parametrize(
    "change",
    [
        lambda made: Order.objects.filter(pk=made.pk).update(status="X"),
        lambda made: Order.objects.filter(pk=made.pk).update(total_incl_tax=Decimal("1.00")),
        lambda made: Line.objects.filter(order=made).update(quantity=9),
        lambda made: Line.objects.filter(order=made).delete(),
        lambda made: factories.OrderDiscountFactory(order=made, category="Shipping", amount=1),
        lambda made: made.surcharges.create(name="N", code="n", incl_tax=1, excl_tax=1),
        lambda made: made.sources.create(
            source_type=get_model("payment", "SourceType").objects.create(name="Visa")
        ),
        lambda made: type(made.shipping_address).objects.update(phone_number="+380671112233"),
        lambda made: type(made.shipping_address).objects.update(line1="Elsewhere"),
        lambda made: User.objects.filter(pk=made.user_id).update(email="new@example.com"),
    ],
)
def test_a_version_changes_with_every_part_of_the_order(change):
    made = order(person(1))
    other = order(person(2))
    before, of_other = version(made), version(other)
    assert version(made) == before
    change(made)
    assert version(made) != before
    if change.__code__.co_names[0] != "type":  # those change all addresses
        assert version(other) == of_other


def test_where_an_order_is_billed_to_changes_no_version():
    """Of a billing address the name alone is ever told."""
    made = order(person(1))
    made.billing_address = get_model("order", "BillingAddress").objects.create(
        first_name="Ada", line1="1 Bill Street", country=made.shipping_address.country
    )
    made.save()
    before = version(made)
    type(made.billing_address).objects.update(line1="Elsewhere")
    assert version(made) == before
    type(made.billing_address).objects.update(first_name="Adele")
    assert version(made) != before


def test_a_login_changes_no_version():
    made = order(person(1))
    before = version(made)
    User.objects.update(last_login=timezone.now())
    assert version(made) == before


def test_a_shop_that_reads_orders_in_its_own_way_has_no_versions_of_ours():
    class OwnShop(OscarShop):
        def orders(self, keys):
            return {}

    assert OwnShop().versions(Kind.ORDER, ["1"]) == {}


def test_versions_and_existence_cost_the_same_for_two_and_for_twelve():
    def queries_for(count: int) -> int:
        keys = [order(person(1000 + count * 100 + number)).number for number in range(count)]
        with CaptureQueriesContext(database) as queries:
            assert len(shop.versions(Kind.ORDER, keys)) == count
            assert set(shop.existing(Kind.ORDER, [*keys, "no"])) == set(keys)
        return len(queries)

    assert queries_for(2) == queries_for(12) == 6


def test_a_whole_night_costs_the_same_queries_for_three_orders_and_for_thirty(synced, connection):
    counts("--kind", "order")
    with CaptureQueriesContext(database) as few:
        counts("--kind", "order")
    for number in range(100, 127):
        order(person(number))
    send(connection)
    counts("--kind", "order")
    with CaptureQueriesContext(database) as many:
        assert counts("--kind", "order") == {"order": {"unchanged": 30}}
    assert len(few) == len(many)


# -- the command -----------------------------------------------------------------------------------


def test_dry_run_tells_by_reason_and_puts_nothing_in_line(synced):
    Order.objects.filter(pk=synced[0].pk).update(status="Paid")
    output, code = command("--dry-run", "--kind", "order")
    assert f"1  differs from what was delivered: {synced[0].number}" in output
    assert "2  unchanged since the last delivery" in output
    assert "Nothing was put in line" in output
    assert code == 0
    assert queued() == []


def test_what_is_held_back_ends_with_one_and_a_person_lets_it_through(synced, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "RECONCILE_LIMIT": 1}
    Order.objects.update(status="Paid")
    output, code = command("--kind", "order")
    assert "3 were held back" in output
    assert code == 1
    _output, code = command("--kind", "order", "--no-limit")
    assert code == 0
    assert len(queued()) == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--since", "2999-01-01"], "has not come yet"),
        (["--since", "31.01.2026"], "neither a day"),
        (["--since", "2026-02-31"], "neither a day"),
        (["--connection", "none"], "no connection “none”"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_with_a_sentence(connection, arguments, why):
    with pytest.raises(CommandError, match=why):
        command(*arguments)


def test_the_report_adds_up_by_day(synced, tmp_path):
    Order.objects.filter(pk=synced[0].pk).update(status="Paid")
    Order.objects.filter(pk=synced[1].pk).update(currency="EUR")
    file = tmp_path / "report.csv"
    command("--report", "--csv", str(file), "--kind", "order")
    rows = {row["currency"]: row for row in csv.DictReader(file.read_text().splitlines())}
    today = timezone.localdate().isoformat()
    assert rows["UAH"] == {
        "kind": "order", "day": today, "currency": "UAH", "shop_count": "2", "shop_sum": "40.00",
        "delivered_count": "1", "delivered_sum": "20.00", "differences": "differs: 1",
    }  # fmt: skip
    assert (rows["EUR"]["shop_sum"], rows["EUR"]["delivered_sum"]) == ("20.00", "0")
    assert queued() == []
    printed, _code = command("--report")
    assert f"contact\t{today}\t\t3\t\t3" in printed


def test_a_sample_tells_what_esputnik_really_holds(synced, fake, connection):
    keys = [str(made.user_id) for made in synced]
    _edit(fake, keys[0], firstName="Edited in eSputnik")
    _forget(fake, keys[1])
    before = len(fake.log)
    found = json.loads(command("--remote-sample", "10", "--json")[0])
    assert found["main · contact"] == {
        "asked": 3, "equal": 1, "absent": [keys[1]], "differing": {keys[0]: ["firstName"]},
        "skipped": {},
    }  # fmt: skip
    assert found["main · order"]["skipped"] == {"not_supported": 3}
    requests = fake.log[before:]
    assert {entry.method for entry in requests} == {"GET"}
    # Each is searched, then read as a whole; the one that is gone is searched by e-mail, too.
    assert len(requests) == 6
    assert fake.violations == []
    output, _code = command("--remote-sample", "10", "--kind", "contact")
    assert f"{keys[1]}: it is not there" in output
    assert "@" not in output  # names, no values
    assert queued() == []


def test_a_sample_without_an_answer_is_an_error_with_a_sentence(synced, connection):
    Connection.objects.update(api_url=f"http://127.0.0.1:{free_port()}/api")
    with pytest.raises(CommandError, match="connection failed"):
        command("--remote-sample", "1")


def _edit(fake: FakeEsputnik, key: str, **scalars: str) -> None:
    state = fake._state
    with state.lock:
        state.contacts.by_external_id(key).scalars.update(scalars)


def _forget(fake: FakeEsputnik, key: str) -> None:
    state = fake._state
    with state.lock:
        state.contacts.erase(state.contacts.by_external_id(key))
