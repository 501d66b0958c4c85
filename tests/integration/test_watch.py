"""The walk over what people wait for: silent changes are found, and each is told once."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.apps.partner import strategy
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import tasks
from esputnik_connector.event_names import BACK_IN_STOCK, PRICE_DROP, EventName
from esputnik_connector.models import (
    Attempt,
    Connection,
    Heartbeat,
    OutboxMessage,
    SyncState,
    WatchedPrice,
)
from esputnik_connector.operations.connection.verify import forget_deliveries
from esputnik_connector.operations.health import queue
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.operations.prune import prunable, prune
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.events import back_in_stock, enqueue, price_drops, scan
from esputnik_connector.shops.base import Offer, WishedPage
from esputnik_connector.shops.oscar.catalogue import prices
from esputnik_connector.shops.oscar.events import scan as oscar_scan
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"
WALK_QUERIES = 31  # of both walks together, with all that they note
BACK, CHEAPER = BACK_IN_STOCK, PRICE_DROP

Alert = get_model("customer", "ProductAlert")
StockRecord = get_model("partner", "StockRecord")
Product = get_model("catalogue", "Product")


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0, "WAKE": "", "RATE_LIMIT_STORAGE": "",
    }  # fmt: skip
    made = Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url,
        send_back_in_stock=True, send_price_drop=True, sync_contacts=False,
    )  # fmt: skip
    made.bind()
    return made


def a_product(*, price: object = 100, stock: int = 5, currency: str = "UAH", **traits: Any) -> Any:
    return factories.ProductFactory(
        stockrecords__price=Decimal(str(price)), stockrecords__num_in_stock=stock,
        stockrecords__price_currency=currency, **traits,
    )  # fmt: skip


def variations(*prices: object) -> tuple[Any, list[Any]]:
    parent = factories.ProductFactory(structure="parent", stockrecords=None)
    traits = {"structure": "child", "parent": parent, "product_class": None, "categories": None}
    return parent, [a_product(price=price, **traits) for price in prices]


def costs(product: Any, price: object, **changes: Any) -> None:
    """Silently, as an import does."""
    changes["price"] = Decimal(str(price))
    StockRecord.objects.filter(product=product).update(**changes)


def is_there(product: Any, count: int) -> None:
    StockRecord.objects.filter(product=product).update(num_in_stock=count)


def wished_by(product: Any, email: str = "ada@example.com") -> Any:
    user = factories.UserFactory(email=email)
    return factories.WishListFactory(owner=user).lines.create(product=product, title="x")


def asked_by(product: Any, email: str = "ada@example.com") -> Any:
    return Alert.objects.create(user=factories.UserFactory(email=email), product=product)


def walk(**when: float) -> dict[EventName, int]:
    return scan.scan_for_events(now=timezone.now() + timedelta(**when))


def send(connection: Connection, **when: float) -> None:
    connection.refresh_from_db()
    Relay(connection, clock=lambda: timezone.now() + timedelta(**when)).run()


def outcomes() -> list[tuple[str, str]]:
    attempts = Attempt.objects.filter(kind="event").order_by("pk")
    return list(attempts.values_list("outcome", "reason"))


def rows() -> list[str]:
    return list(OutboxMessage.objects.filter(kind="event").values_list("key", flat=True))


def drops(fake: FakeEsputnik) -> list[tuple[str, float, float]]:
    events = [event["params"] for event in fake.events("ProductPriceDrop")]
    return [(each["email"], each["priceBefore"], each["price"]) for each in events]


# -- back in stock ---------------------------------------------------------------------------------


def test_a_silent_restock_is_found_and_told_once(main, fake):
    product = a_product(stock=0)
    alert = asked_by(product)
    assert walk()[BACK] == 0
    is_there(product, 3)
    assert walk()[BACK] == 1
    assert rows() == [f"back_in_stock:{alert.pk}"]
    assert walk()[BACK] == 0  # it waits
    send(main)
    assert walk()[BACK] == 0  # it was told
    assert len(fake.events("ProductBackInStock")) == 1
    assert fake.violations == []


def test_both_triggers_make_one_event(main, fake):
    product = a_product(stock=0)
    alert = asked_by(product)
    is_there(product, 3)
    walk()
    alert.close()  # Oscar's cron job finds it a minute later
    assert rows() == [f"back_in_stock:{alert.pk}"] * 2
    send(main)
    alert.save()
    send(main)
    assert len(fake.events("ProductBackInStock")) == 1


@pytest.mark.parametrize("status", ["Unconfirmed", "Cancelled", "Closed"])
def test_only_open_requests_are_looked_at(main, status):
    alert = asked_by(a_product(stock=3))
    Alert.objects.filter(pk=alert.pk).update(status=status)
    assert walk()[BACK] == 0


def test_of_a_parent_any_variation_will_do_unless_it_is_hidden(main):
    parent, (first, second) = variations(10, 20)
    is_there(first, 0), is_there(second, 0)
    asked_by(parent)
    assert walk()[BACK] == 0
    is_there(second, 1)
    Product.objects.filter(pk=second.pk).update(is_public=False)
    assert walk()[BACK] == 0
    Product.objects.filter(pk=second.pk).update(is_public=True)
    assert walk()[BACK] == 1


def test_what_sold_out_before_it_was_told_is_told_when_it_is_back(main, fake):
    product = a_product(stock=3)
    asked_by(product)
    walk()
    is_there(product, 0)
    send(main)
    assert outcomes() == [("skipped", "sold_out")]
    is_there(product, 3)
    assert walk()[BACK] == 1
    send(main)
    assert len(fake.events("ProductBackInStock")) == 1


def test_what_is_held_back_for_another_reason_is_asked_about_once_a_day(main):
    alert = asked_by(a_product(stock=3))
    type(alert.user).objects.update(is_active=False)
    assert walk()[BACK] == 1
    send(main)
    assert outcomes() == [("skipped", "not_wanted")]
    assert walk()[BACK] == 0
    assert walk(hours=25)[BACK] == 1


def test_of_a_customer_who_was_erased_nothing_is_found(main, fake):
    product = a_product(stock=3)
    asked_by(product).user.delete()
    assert walk()[BACK] == 0


def test_who_was_told_is_not_told_again_by_another_account(main, fake):
    is_told, is_open = (asked_by(a_product(stock=3), f"{name}@example.com") for name in "ab")
    SyncState.objects.create(  # a destination took it, and its answer is still to come
        connection=main, kind="event", key=f"back_in_stock:{is_open.pk}", session="s"
    )
    enqueue.enqueue([main], [f"back_in_stock:{is_told.pk}"], now=timezone.now())
    send(main)
    forget_deliveries(main)
    assert walk()[BACK] == 1
    assert rows() == [f"back_in_stock:{is_open.pk}"]
    is_told.close()  # noted by its own save, too
    send(main)
    assert [event["params"]["email"] for event in fake.events("ProductBackInStock")] == [
        "a@example.com", "b@example.com",
    ]  # fmt: skip


def test_what_a_former_account_was_told_is_forgotten_in_time(main):
    alert = asked_by(a_product(stock=3))
    walk()
    send(main)
    long_ago = timezone.now() - timedelta(days=32)
    SyncState.objects.update(delivered_at=long_ago)
    forget_deliveries(main)
    Alert.objects.filter(pk=alert.pk).update(status="Closed", date_closed=long_ago)
    assert prune()["esputnik_connector_syncstate"] == 1


# -- price drops -----------------------------------------------------------------------------------


def test_a_silent_drop_is_told_with_both_prices(main, fake):
    product = a_product(price=100, title="Kobzar")
    line = wished_by(product)
    assert walk()[CHEAPER] == 0  # seen for the first time: that is no drop
    costs(product, 80)
    assert walk()[CHEAPER] == 1
    today = timezone.localdate().isoformat()
    assert rows() == [f"price_drop:{line.pk}:{today}:{product.pk}:100:UAH"]
    send(main)
    assert walk()[CHEAPER] == 0
    (event,) = fake.events("ProductPriceDrop")
    owner = line.wishlist.owner
    assert event["params"] == {
        "externalCustomerId": str(owner.pk),
        "email": "ada@example.com",
        "productId": str(product.pk),
        "name": "Kobzar",
        "price": 80.0,
        "priceBefore": 100.0,
        "currencyCode": "UAH",
        "url": f"https://shop.example{product.get_absolute_url()}",
        "isInStock": True,
    }
    assert fake.violations == []


def test_small_steps_add_up_to_a_drop(main, fake):
    product = a_product(price=100)
    wished_by(product)
    for price in (100, 99, 98, 97, 96):
        costs(product, price)
        assert walk()[CHEAPER] == 0
    costs(product, 95)
    assert walk()[CHEAPER] == 1
    send(main)
    assert drops(fake) == [("ada@example.com", 100, 95)]


def test_a_price_that_rises_is_remembered_silently(main, fake):
    product = a_product(price=100)
    wished_by(product)
    for price, noted in ((100, 0), (200, 0), (189, 1)):
        costs(product, price)
        assert walk()[CHEAPER] == noted
    send(main)
    assert drops(fake) == [("ada@example.com", 200, 189)]


def test_a_second_drop_of_one_day_is_told_the_next_day(main, fake):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 90)
    walk()
    send(main)
    costs(product, 80)
    assert walk()[CHEAPER] == 0
    assert walk(days=1)[CHEAPER] == 1
    send(main, days=1)
    assert drops(fake) == [("ada@example.com", 100, 90), ("ada@example.com", 90, 80)]


def test_a_price_in_another_currency_is_another_price(main):
    product = a_product(price=100, currency="USD")
    wished_by(product)
    walk()
    costs(product, 50, price_currency="UAH")
    assert walk()[CHEAPER] == 0
    costs(product, 40)
    assert walk()[CHEAPER] == 1
    assert rows()[0].endswith(":50:UAH")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": Decimal(99)}, "not_cheaper"),
        ({"price": Decimal(100)}, "not_cheaper"),
        ({"price_currency": "USD"}, "not_cheaper"),
        ({"num_in_stock": 0}, "sold_out"),
    ],
)
def test_a_drop_that_is_gone_when_it_is_to_be_told_is_not_told(main, fake, changes, reason):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 80)
    walk()
    StockRecord.objects.update(**changes)
    send(main)
    assert outcomes() == [("skipped", reason)]
    assert drops(fake) == []


def test_a_wish_that_was_taken_back_is_not_told(main, fake):
    product = a_product(price=100)
    line = wished_by(product)
    walk()
    costs(product, 80)
    walk()
    line.delete()
    send(main)
    assert outcomes() == [("skipped", "gone")]


def test_what_is_sold_out_is_told_when_it_can_be_bought(main):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 80)
    is_there(product, 0)
    assert walk()[CHEAPER] == 0
    is_there(product, 1)
    assert walk()[CHEAPER] == 1


def test_a_forgotten_price_of_zero_is_no_bargain(main):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 0)
    assert walk()[CHEAPER] == 0
    costs(product, 100)
    assert walk()[CHEAPER] == 0


def test_who_wishes_for_a_parent_is_told_of_the_variation_that_fell(main, fake):
    """By the one with its own former price; and the others of the same sale not on each new day."""
    parent, (small, large) = variations(50, 120)
    wished_by(parent)
    wished_by(large, "large@example.com")
    walk()
    costs(large, 100)
    walk()
    send(main)
    assert sorted(drops(fake)) == [("ada@example.com", 120, 100), ("large@example.com", 120, 100)]
    costs(small, 40), costs(large, 60)
    assert walk(days=1)[CHEAPER] == 2
    assert walk(days=2)[CHEAPER] == 0
    assert {key.split(":")[3] for key in rows()} == {str(small.pk), str(large.pk)}


def test_who_wishes_for_it_in_two_lists_is_told_once(main):
    product = a_product(price=100)
    line = wished_by(product)
    factories.WishListFactory(owner=line.wishlist.owner).lines.create(product=product, title="x")
    walk()
    costs(product, 80)
    assert walk()[CHEAPER] == 1


@pytest.mark.parametrize("size", [1, 500])
def test_who_wishes_for_a_parent_and_its_variation_is_told_of_the_variation_once(
    main, monkeypatch, size
):
    monkeypatch.setattr(price_drops, "PAGE", size)
    parent, (small, large) = variations(100, 200)
    line = wished_by(small)
    other = wished_by(parent, "other@example.com")
    of_parent = line.wishlist.lines.create(product=parent, title="x")
    wish = line.wishlist.lines.create(product=large, title="x")
    walk()
    costs(small, 80), costs(large, 120)
    for _again in range(2):
        walk()
    assert {tuple(key.split(":")[1:4:2]) for key in rows()} == {
        (str(of_parent.pk), str(small.pk)),
        (str(other.pk), str(small.pk)),
        (str(wish.pk), str(large.pk)),  # another thing
    }
    assert len(rows()) == 3


def test_who_wishes_for_it_after_the_drop_is_not_told(main):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 80)
    walk()
    wished_by(product, "late@example.com")
    assert walk()[CHEAPER] == 0
    assert walk(days=1)[CHEAPER] == 0


def test_a_drop_while_nobody_looked_is_no_news(main):
    product = a_product(price=100)
    wished_by(product)
    walk()
    costs(product, 80)
    assert walk(days=4)[CHEAPER] == 0
    costs(product, 70)
    assert walk(days=4, hours=1)[CHEAPER] == 1


def test_a_price_that_stays_is_not_forgotten_and_seldom_written(main):
    wished_by(a_product(price=100))
    walk()
    before = WatchedPrice.objects.get()
    walk(hours=2)
    assert WatchedPrice.objects.get().seen_at == before.seen_at
    walk(hours=25)
    assert WatchedPrice.objects.get().seen_at > before.seen_at


def test_a_walk_that_is_killed_notes_each_drop_once(main, monkeypatch):
    """The lower price is remembered last: what was not noted yet is found again."""
    monkeypatch.setattr(price_drops, "PAGE", 1)
    lines = []
    for name in "abc":
        product = a_product(price=100)
        lines.append(wished_by(product, f"{name}@example.com"))
    walk()
    StockRecord.objects.update(price=80)
    real, calls = oscar_scan.wished, []

    def killed(**where: Any) -> Any:
        calls.append(where)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(**where)

    monkeypatch.setattr(oscar_scan, "wished", killed)
    with pytest.raises(KeyboardInterrupt):
        walk()
    assert len(rows()) == 2
    walk()
    assert [key.split(":")[1] for key in rows()] == [str(line.pk) for line in lines]


@pytest.fixture
def breaking_off(monkeypatch) -> list[int]:
    """Pages after which each walk breaks off; none: it comes to its end. One product per page."""
    monkeypatch.setattr(price_drops, "PAGE", 1)
    real, limits = oscar_scan.wished, [1]

    def wished(**where: Any) -> Any:
        if limits and where["after"]:
            raise TimeoutError
        return real(**where)

    monkeypatch.setattr(oscar_scan, "wished", wished)
    return limits


def broken_walk(**when: float) -> None:
    with pytest.raises(TimeoutError):
        walk(**when)


def test_a_drop_is_told_once_however_many_days_no_walk_comes_to_its_end(main, fake, breaking_off):
    wished_by(product := a_product(price=100)), wished_by(a_product(price=100), "b@example.com")
    WatchedPrice.objects.create(
        product_key=product.pk, currency="UAH", price=100, seen_at=timezone.now()
    )
    costs(product, 50)
    for day in range(5):
        for hour in range(2):
            broken_walk(days=day, hours=hour / 100)
            send(main, days=day, hours=hour / 100)
    assert drops(fake) == [("ada@example.com", 100, 50)]
    breaking_off.clear()
    assert walk(days=5)[CHEAPER] == 0
    price = WatchedPrice.objects.get(product_key=product.pk)
    assert (price.price, price.noted_on) == (50, None)
    costs(product, 40)
    assert walk(days=6)[CHEAPER] == 1
    send(main, days=6)
    assert drops(fake)[1:] == [("ada@example.com", 50, 40)]


def test_a_drop_that_is_over_before_a_walk_comes_to_its_end_is_no_drop_any_more(
    main, fake, breaking_off
):
    wished_by(product := a_product(price=100)), wished_by(a_product(price=100), "b@example.com")
    WatchedPrice.objects.create(
        product_key=product.pk, currency="UAH", price=100, seen_at=timezone.now()
    )
    costs(product, 50)
    broken_walk()
    send(main)
    costs(product, 98)
    broken_walk(hours=1)
    price = WatchedPrice.objects.get(product_key=product.pk)
    assert (price.price, price.noted_on) == (98, None)
    costs(product, 80)
    broken_walk(days=1)
    send(main, days=1)
    assert drops(fake) == [("ada@example.com", 100, 50), ("ada@example.com", 98, 80)]


def test_a_variation_is_told_to_all_who_wish_for_it_on_whatever_page_they_are(main, monkeypatch):
    monkeypatch.setattr(price_drops, "PAGE", 1)
    parent, (child,) = variations(100)
    lines = [wished_by(parent), wished_by(child, "child@example.com")]
    walk()
    costs(child, 80)
    assert walk()[CHEAPER] == 2
    assert {key.split(":")[1] for key in rows()} == {str(line.pk) for line in lines}


# -- one bad product must not stop the walk for all others -----------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("ada@example.com"), ZeroDivisionError()])
def test_a_product_for_which_the_strategy_raises_is_logged_and_passed_over(
    main, monkeypatch, caplog, error
):
    goods = [a_product(price=100) for _ in range(5)]
    for number, product in enumerate(goods):
        wished_by(product, f"w{number}@example.com"), asked_by(product, f"a{number}@example.com")
    walk()
    OutboxMessage.objects.all().delete()
    StockRecord.objects.update(price=50)
    real = strategy.Default.fetch_for_product

    def fetch(self: Any, product: Any, *rest: Any, **named: Any) -> Any:
        if product.pk == goods[3].pk:
            raise error
        return real(self, product, *rest, **named)

    monkeypatch.setattr(strategy.Default, "fetch_for_product", fetch)
    assert walk() == {BACK: 4, CHEAPER: 4}
    assert f"product {goods[3].pk} cannot be priced: {type(error).__name__}" in caplog.text
    assert "@example.com" not in caplog.text
    monkeypatch.undo()
    assert walk() == {BACK: 1, CHEAPER: 1}


@pytest.mark.parametrize("price", ["NaN", "Infinity", "12345678901234567", "1E+40"])
def test_a_price_that_is_none_is_passed_over(main, fake, monkeypatch, caplog, price):
    odd, sound = a_product(price=100), a_product(price=100)
    wished_by(odd), wished_by(sound, "b@example.com")
    alert = asked_by(odd, "c@example.com")
    walk()
    costs(sound, 50)
    real = prices.ThroughStrategy.quotes

    def quotes(self: Any, products: Any) -> Any:
        found = real(self, products)
        return {
            pk: quote._replace(amount=Decimal(price)) if pk == odd.pk else quote
            for pk, quote in found.items()
        }

    monkeypatch.setattr(prices.ThroughStrategy, "quotes", quotes)
    assert walk()[CHEAPER] == 1
    assert WatchedPrice.objects.get(product_key=odd.pk).price == 100
    if not Decimal(price).is_finite():  # told, without a price
        send(main)
        (event,) = fake.events("ProductBackInStock")
        assert event["params"]["productId"] == str(alert.product_id)
        assert "price" not in event["params"]


def test_what_no_row_has_room_for_is_logged_and_left_out(main, monkeypatch, caplog):
    keys = ["p" * 100, "p" * 256, "ш" * 60, "w"]  # the third is six times as long when quoted
    cost = [Decimal(100)]

    def wished(**where: Any) -> WishedPage:
        sold = {"is_in_stock": True, "price": cost[-1]}
        group = [Offer(product_key="x", currency="U" * 13, **sold)]
        offers = {key: [*group, Offer(product_key=key, currency="UAH", **sold)] for key in keys}
        return WishedPage(offers=offers)

    monkeypatch.setattr(oscar_scan, "wished", wished)
    monkeypatch.setattr(oscar_scan, "wishes", lambda found: {key: {"7": "1"} for key in found})
    walk()
    cost.append(Decimal(50))
    assert walk()[CHEAPER] == 2
    assert [key.split(":")[3] for key in rows()] == ["p" * 100, "w"]
    assert "the key of an event is too long" in caplog.text
    assert "the price of product x cannot be remembered" in caplog.text


@pytest.mark.parametrize(("broken", "other"), [("answerable", CHEAPER), ("wished", BACK)])
def test_a_walk_that_breaks_off_does_not_hold_up_the_other_and_is_seen_to_fail(
    main, monkeypatch, settings, broken, other
):
    product = a_product(price=100)
    wished_by(product), asked_by(product, "a@example.com")
    walk()
    OutboxMessage.objects.all().delete()
    Heartbeat.objects.all().delete()
    costs(product, 50)

    def fails(**where: Any) -> Any:
        raise LookupError

    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "WAKE": "tests.integration.test_watch.note_wake",
    }  # fmt: skip
    monkeypatch.setattr(oscar_scan, broken, fails)
    with pytest.raises(LookupError):
        tasks.watch_products()
    assert [EventName.of(key) for key in rows()] == [other]
    assert main.pk in woken
    assert not Heartbeat.objects.exists()


def test_a_strategy_that_cannot_be_made_is_no_fault_of_a_product(main, monkeypatch, caplog):
    def broken(self: prices.Prices) -> Any:
        raise ImportError

    asked_by(a_product())
    monkeypatch.setattr(prices.Prices, "strategy", broken)
    with pytest.raises(ImportError):
        walk()
    assert "cannot be priced" not in caplog.text


# -- for whom, and what it costs -------------------------------------------------------------------


def test_only_connections_that_send_them_get_rows(main, fake):
    Connection.objects.create(name="other", api_key=KEY, send_price_drop=True)
    Connection.objects.create(
        name="copied", api_key=KEY, send_back_in_stock=True, environment="elsewhere"
    )
    Connection.objects.create(name="off", api_key=KEY, send_price_drop=True, is_enabled=False)
    product = a_product(price=100)
    asked_by(product), wished_by(product, "w@example.com")
    walk()
    costs(product, 80)
    assert walk()[CHEAPER] == 2
    noted = sorted(OutboxMessage.objects.filter(kind="event").values_list("connection__name"))
    assert noted == [("main",), ("main",), ("other",)]


def test_switched_off_nothing_is_read(main):
    Connection.objects.update(send_back_in_stock=False, send_price_drop=False)
    asked_by(a_product())
    with CaptureQueriesContext(database) as queries:
        assert walk() == {}
    assert not [query for query in queries if "customer_productalert" in query["sql"]]
    assert not [query for query in queries if "wishlists" in query["sql"]]


def test_the_queries_of_a_page_are_the_same_for_ten_and_for_a_hundred(main):
    if database.vendor != "postgresql":
        pytest.skip("SQLite takes many rows in several statements")
    counts: list[int] = []
    for number in (10, 90):
        for each in range(number):
            product = a_product(price=100, stock=0)
            asked_by(product, f"a{number}-{each}@example.com")
            wished_by(product, f"w{number}-{each}@example.com")
        walk()
        StockRecord.objects.update(num_in_stock=1, price=50)
        OutboxMessage.objects.all().delete()
        WatchedPrice.objects.update(price=100, announced_on=None)
        with CaptureQueriesContext(database) as queries:
            found = walk(days=len(counts) + 1)
        counts.append(len(queries))
    assert found == {BACK: 100, CHEAPER: 100}
    assert counts[0] == counts[1] == WALK_QUERIES


def test_pages_follow_each_other_without_gap_or_repeat(main, monkeypatch):
    monkeypatch.setattr(back_in_stock, "PAGE", 3)
    monkeypatch.setattr(price_drops, "PAGE", 3)
    monkeypatch.setattr(enqueue, "CHUNK", 2)
    for each in range(7):
        product = a_product(price=100)
        asked_by(product, f"a{each}@example.com")
        wished_by(product, f"w{each}@example.com")
    assert walk()[BACK] == 7
    StockRecord.objects.update(price=50)
    assert walk() == {BACK: 0, CHEAPER: 7}
    assert len(set(rows())) == 14


def test_a_dry_run_counts_and_writes_nothing(main):
    product = a_product(price=100)
    asked_by(product), wished_by(product, "w@example.com")
    walk()
    OutboxMessage.objects.all().delete()
    costs(product, 80)
    before = list(WatchedPrice.objects.values())
    Heartbeat.objects.all().delete()
    Connection.objects.update(send_back_in_stock=False)  # a merchant looks before switching it on
    output = io.StringIO()
    call_command("esputnik_watch", "--dry-run", stdout=output)
    assert output.getvalue().splitlines() == [
        "back in stock: 1 to be sent", "price drop: 1 to be sent",
    ]  # fmt: skip
    assert rows() == []
    assert list(WatchedPrice.objects.values()) == before
    assert not Heartbeat.objects.exists()


def test_the_command_says_when_nothing_is_switched_on(main):
    Connection.objects.update(send_back_in_stock=False, send_price_drop=False)
    output = io.StringIO()
    call_command("esputnik_watch", stdout=output)
    assert "No connection sends such events" in output.getvalue()


def test_the_task_notes_wakes_the_relay_and_leaves_a_mark(main, settings):
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "WAKE": "tests.integration.test_watch.note_wake",
    }  # fmt: skip
    asked_by(a_product(stock=3))
    tasks.watch_products()
    assert len(rows()) == 1
    assert main.pk in woken
    assert Heartbeat.last(scan.HEARTBEAT) is not None


woken: list[int] = []


def note_wake(connection_id: int, _delay: float) -> None:
    woken.append(connection_id)


def test_the_doctor_misses_a_walk_that_does_not_run(main):
    def texts(now: datetime) -> list[str]:
        return [finding.text for finding in queue.watched(main, take(now=now))]

    now = timezone.now()
    assert "No scan" in texts(now)[0]
    walk()
    assert "were scanned" in texts(now)[0]
    assert "No scan" in texts(now + timedelta(hours=2))[0]
    main.send_back_in_stock = main.send_price_drop = False
    assert texts(now) == []


# -- shops that are otherwise ----------------------------------------------------------------------


def test_a_shop_without_alerts_and_wish_lists_has_nothing_to_watch(main, monkeypatch):
    monkeypatch.setattr(oscar_scan, "model_or_none", lambda *_: None)
    product = a_product(price=100)
    asked_by(product), wished_by(product, "w@example.com")
    assert walk() == {BACK: 0, CHEAPER: 0}
    assert oscar_scan.wishes([str(product.pk)]) == {}
    assert oscar_scan.unsettled(["back_in_stock:1"]) == set()


def test_a_plain_shop_has_nothing_to_watch(connection):
    Connection.objects.update(send_back_in_stock=True, send_price_drop=True)
    assert walk() == {BACK: 0, CHEAPER: 0}


def test_a_careful_strategy_is_asked_product_by_product(main, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP_OPTIONS": {"FEED_PRICES": "one_by_one"},
    }
    product = a_product(price=100)
    asked_by(product), wished_by(product, "w@example.com")
    assert walk() == {BACK: 1, CHEAPER: 0}
    costs(product, 80)
    assert walk() == {BACK: 0, CHEAPER: 1}


# -- what is remembered, and for how long ----------------------------------------------------------


def told_long_ago(connection: Connection, alert: Any) -> SyncState:
    return SyncState.objects.create(
        connection=connection, kind="event", key=f"back_in_stock:{alert.pk}", digest="d",
        delivered_at=timezone.now() - timedelta(days=31),
    )  # fmt: skip


def test_an_open_request_is_remembered_as_told_and_a_settled_one_is_forgotten(main):
    is_open, lately, long_ago = (asked_by(a_product(), f"{name}@example.com") for name in "abc")
    kept = {told_long_ago(main, is_open).key, told_long_ago(main, lately).key}
    told_long_ago(main, long_ago)
    capture.forget_connections()
    Alert.objects.filter(pk=lately.pk).update(status="Closed", date_closed=timezone.now())
    Alert.objects.filter(pk=long_ago.pk).update(
        status="Closed", date_closed=timezone.now() - timedelta(days=32)
    )
    assert prunable()["esputnik_connector_syncstate"] == 1
    assert prune(days=0)["esputnik_connector_syncstate"] == 1
    assert set(SyncState.objects.values_list("key", flat=True)) == kept
    assert walk()[BACK] == 0


def test_what_is_noted_again_is_not_forgotten_before_it_is_settled(main):
    alert = asked_by(a_product())
    told_long_ago(main, alert)
    Alert.objects.filter(pk=alert.pk).update(status="Cancelled")
    OutboxMessage.objects.create(connection=main, kind="event", key=f"back_in_stock:{alert.pk}")
    assert prune()["esputnik_connector_syncstate"] == 0


def test_prices_that_nobody_wishes_to_know_any_more_are_forgotten(main):
    line = wished_by(a_product(price=100))
    walk()
    line.delete()
    assert prune()["esputnik_connector_watchedprice"] == 0
    WatchedPrice.objects.update(seen_at=timezone.now() - timedelta(days=31))
    assert prune()["esputnik_connector_watchedprice"] == 1
