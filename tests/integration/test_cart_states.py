"""Each state of a cart has a GUID of its own, and what was bought repeats the last one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.core.signals import request_started
from django.db import transaction

from esputnik_connector.behaviour import Behaviour, BehaviourType, Visitor, purchase_key
from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    CartState,
    CartVisitor,
    Connection,
    OutboxMessage,
    OutcomeCount,
    Storefront,
)
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.prune import prune
from esputnik_connector.operations.record.preview import preview
from esputnik_connector.pipeline import after_answer
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.prepare.cart_states import visitors_of
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Cart, CartItem, Kind, Order, OrderItem
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
EVENT, TRACKER = "/api/v3/event", "/api/v2"
COOKIE = "1f5f0f3e-6bb4-4d6c-a3a0-3c6f5b0a9d11"
VISITOR = Visitor(
    cookie=COOKIE, user_agent="Mozilla/5.0", page_url="https://shop.example/basket/", language="uk"
)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    esputnik = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {"esputnik": {"BACKEND": esputnik, "OPTIONS": {"rate": "10000/second"}}},
    }
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, tracker_url=fake.tracker_url
    )


@pytest.fixture
def by_tracker(main) -> Storefront:
    return Storefront.objects.create(
        connection=main,
        domain="shop.example",
        site_id="8A412DC",
        routes={"StatusCart": "tracker", "PurchasedItems": "tracker"},
    )


@pytest.fixture
def put(plain_shop):
    """The shop has this cart now."""

    def put_cart(*products: str, key: str = "7", **changes) -> None:
        items = tuple(
            CartItem(product_key=product, quantity=1, unit_price=Decimal("10.50"))
            for product in products
        )
        owner = {"contact_key": "1", "email": "buyer@example.com"}
        plain_shop.baskets[key] = Cart(
            **{"key": key, "currency": "UAH", "items": items, **owner, **changes}
        )
        capture.cart_changed(key)

    return put_cart


def send(connection: Connection, **later: float) -> dict[str, int]:
    connection.refresh_from_db()
    rested = timedelta(seconds=3)  # a purchase waits for what says who bought
    now = datetime.now(timezone.utc) + timedelta(**later) + rested
    return dict(Relay(connection, clock=lambda: now).run())


def guids(fake: FakeEsputnik, name: str = "cartUpdated") -> list[str]:
    return [event["params"]["recycleStateId"] for event in fake.events(name)]


def tracked(fake: FakeEsputnik, name: str = "StatusCart") -> list[dict]:
    return [event["params"] for event in fake.events(name, source="tracker")]


def counts() -> dict[tuple[str, str], int]:
    rows = OutcomeCount.objects.filter(kind=Kind.CART.value)
    return {(row.outcome, row.reason): row.records for row in rows}


def bought(**changes) -> Behaviour:
    item = CartItem(product_key="301", quantity=1, unit_price=Decimal("10.50"))
    values = {"visitor": VISITOR, "items": (item,), "currency": "UAH", "cart_key": "7", **changes}
    return Behaviour(
        type=BehaviourType.PURCHASED_ITEMS,
        key=purchase_key("100"),
        order_number="100",
        **values,
    )


# One GUID for each state


def test_each_state_has_a_guid_of_its_own_also_one_that_came_back(main, put, fake):
    for products in (("1",), ("1", "2"), ("1",), ()):
        put(*products)
        send(main)
    told = guids(fake)
    assert len(told) == len(set(told)) == 4
    assert all(UUID(guid) for guid in told)
    assert list(CartState.objects.order_by("pk").values_list("guid", flat=True)) == told


def test_two_carts_never_share_a_guid(main, put, fake):
    put("1", key="7")
    put("1", key="8")
    send(main)
    assert len(set(guids(fake))) == 2


def test_a_state_that_is_unchanged_is_neither_sent_nor_remembered_again(main, put, fake):
    for _time in range(3):
        put("1")
        send(main)
    assert len(guids(fake)) == CartState.objects.count() == 1


@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_state_whose_answer_was_lost_keeps_its_guid(main, put, fake, kind):
    fake.script(Fault(kind, path=EVENT, when="after"))
    put("1")
    assert send(main) == {"deferred": 1}
    assert send(main, hours=1) == {"delivered": 1}
    first, again = guids(fake)
    assert first == again
    assert CartState.objects.count() == 1


def test_what_changed_before_the_second_try_is_another_state(main, put, fake):
    fake.script(Fault("reset", path=EVENT, when="after"))
    put("1")
    send(main)
    put("1", "2")
    send(main, hours=1)
    assert len(set(guids(fake))) == 2


def test_to_look_at_a_cart_remembers_nothing(main, put, fake):
    put("1")
    shown = preview(main, Kind.CART, "7")
    assert UUID(shown.request.body["params"]["recycleStateId"])
    assert not CartState.objects.exists()


def test_what_is_shown_of_a_cart_is_what_is_sent_then(main, put, fake):
    put("1")
    shown = preview(main, Kind.CART, "7").request.body["params"]["recycleStateId"]
    send(main)
    assert guids(fake) == [shown]


def test_two_that_ask_at_once_get_the_same_guid_and_no_other_shop_can_guess_it(main):
    asked = [CartState.after(None, main, "7", "state a", salt="s").guid for _tab in range(2)]
    assert asked[0] == asked[1]
    assert CartState.after(None, main, "7", "state a", salt="t").guid != asked[0]


def test_the_page_and_the_worker_agree_by_one_rule(main):
    states = CartState.objects.all()

    def noted(key: str, digest: str) -> str:
        known = states.last_of(main.pk, key)
        return states.note(main, key, digest, known=known, seen=known).guid

    first, second = noted("7", "state a"), noted("7", "state b")
    assert second != first
    assert noted("7", "state a") not in (first, second)
    assert noted("8", "state a") != first
    assert states.last_guid(main.pk, "8") != states.last_guid(main.pk, "7")
    assert states.last_guid(main.pk, "unknown") == ""


def test_a_state_is_younger_than_the_one_before_it_whatever_the_clocks_say(main):
    ahead = CartState(created_at=datetime.now(timezone.utc) + timedelta(minutes=5), guid="x")
    made = CartState.after(ahead, main, "7", "state a", salt="s")
    assert made.created_at > ahead.created_at


# The purchase


def order(**changes) -> Order:
    item = OrderItem(
        product_key="1", quantity=1, total=Decimal("10.50"), name="Thing", category="Things",
        url="https://shop.example/1", image_url="https://shop.example/1.jpg",
    )  # fmt: skip
    values = {
        "key": "100", "placed_at": datetime.now(timezone.utc), "status": "New", "currency": "UAH",
        "total": Decimal("10.50"), "contact_key": "1", "email": "buyer@example.com",
        "items": (item,), "cart_key": "7", **changes,
    }  # fmt: skip
    return Order(**values)


def test_an_order_as_an_event_repeats_the_last_guid_and_so_does_its_next_event(
    main, put, fake, plain_shop
):
    Connection.objects.update(order_route="events")
    put("1")
    send(main)
    put("1", "2")
    send(main)
    plain_shop.purchases["100"] = order()
    capture.order_changed("100")
    put(is_ordered=True)  # the basket was submitted
    send(main)
    plain_shop.purchases["100"] = order(status="Paid")
    capture.order_changed("100")
    send(main, hours=1)
    last = guids(fake)[1]
    assert guids(fake, "orderCreated") == guids(fake, "orderUpdated") == [last]
    assert guids(fake)[2:] == [last]  # the emptied cart is no state of its own
    assert fake.events("cartUpdated")[2]["params"]["products"] == []


def test_what_was_put_in_before_the_order_is_not_sent_after_it(main, put, fake):
    put("1")
    put("1", "2")
    put(is_ordered=True)
    assert send(main) == {"skipped": 1}
    assert fake.log == []
    assert not OutboxMessage.objects.exists()


# By the tracker


def test_a_cart_goes_by_the_tracker_with_the_visitor_who_changed_it(by_tracker, put, fake):
    put("1")
    capture.cart_visited("7", VISITOR)
    assert send(by_tracker.connection) == {"delivered": 1}
    (cart,) = tracked(fake)
    assert cart["Products"] == [
        {"productKey": "1", "price": 10.5, "quantity": 1, "price_currency_code": "UAH"}
    ]
    (entry,) = fake.log
    assert entry.path == TRACKER
    assert entry.headers["User-Agent"] == VISITOR.user_agent
    assert entry.body["GeneralInfo"]["cookies"] == {"sc": COOKIE}
    assert entry.body["GeneralInfo"]["user_email"] == "buyer@example.com"


def test_a_stranger_s_cart_goes_by_the_tracker_too(by_tracker, put, fake):
    put("1", contact_key="", email="")
    capture.cart_visited("7", VISITOR)
    assert send(by_tracker.connection) == {"delivered": 1}
    assert "user_email" not in fake.log[0].body["GeneralInfo"]


def test_a_cart_of_whom_no_request_told_is_skipped_with_the_reason(by_tracker, put, fake):
    put("1")
    assert send(by_tracker.connection) == {"skipped": 1}
    assert counts() == {("skipped", "no_visitor"): 1}


def test_the_tracker_hears_each_state_once_and_an_emptied_one_as_empty(by_tracker, put, fake):
    capture.cart_visited("7", VISITOR)
    for products in (("1",), ("1",), ("1", "2"), ()):
        put(*products)
        send(by_tracker.connection)
    told = tracked(fake)
    assert [len(cart["Products"]) for cart in told] == [1, 2, 0]
    assert len({cart["GUID"] for cart in told}) == 3
    assert fake.events("cartUpdated") == []


def test_a_purchase_repeats_the_last_guid_of_its_cart_and_closes_it(by_tracker, put, fake):
    capture.cart_visited("7", VISITOR)
    for products in (("1",), ("1", "2")):
        put(*products)
        send(by_tracker.connection)
    put("1", "2", "3")  # not sent yet, when the order comes
    put(is_ordered=True)
    capture.behaviour_recorded(bought())
    send(by_tracker.connection)
    last = tracked(fake)[-1]["GUID"]
    assert len(tracked(fake)) == 2
    assert tracked(fake, "PurchasedItems")[0]["GUID"] == last
    assert fake.carts[last]["closed_by"] == "100"
    assert counts()[("skipped", "ordered")] == 1


def test_a_purchase_without_a_told_cart_has_no_guid(by_tracker, fake):
    capture.behaviour_recorded(bought())
    send(by_tracker.connection)
    assert "GUID" not in tracked(fake, "PurchasedItems")[0]


def test_a_redelivered_purchase_says_the_same(by_tracker, put, fake):
    capture.cart_visited("7", VISITOR)
    put("1")
    send(by_tracker.connection)
    fake.script(Fault("reset", path=TRACKER, when="after"))
    capture.behaviour_recorded(bought())
    send(by_tracker.connection)
    send(by_tracker.connection, hours=1)
    first, again = fake.events("PurchasedItems", source="tracker")
    assert first["params"] == again["params"]
    assert first["tracked_order_id"] == again["tracked_order_id"]


def test_a_cart_that_was_merged_ends_and_its_owner_s_goes_on(by_tracker, put, fake):
    capture.cart_visited("7", VISITOR)
    put("1", contact_key="", email="")
    send(by_tracker.connection)
    put(contact_key="", email="")  # merged: closed, and no order
    put("1", key="8")
    capture.cart_visited("8", VISITOR)
    send(by_tracker.connection)
    told = tracked(fake)
    assert [len(cart["Products"]) for cart in told[:1]] == [1]
    assert sorted(len(cart["Products"]) for cart in told[1:]) == [0, 1]
    assert len({cart["GUID"] for cart in told}) == 3


def test_two_visitors_never_get_each_other_s_cart(by_tracker, put, fake):
    other = replace(VISITOR, cookie="22222222-6bb4-4d6c-a3a0-3c6f5b0a9d22")
    put("1", key="7", contact_key="", email="")
    put("2", key="8", contact_key="", email="")
    capture.cart_visited("7", VISITOR)
    capture.cart_visited("8", other)
    send(by_tracker.connection)
    sent = {
        entry.body["GeneralInfo"]["cookies"]["sc"]:
        entry.body["StatusCart"]["Products"][0]["productKey"]
        for entry in fake.log
    }  # fmt: skip
    assert sent == {VISITOR.cookie: "1", other.cookie: "2"}


# Other routes


@pytest.mark.parametrize(("route", "reason"), [("browser", "by_browser"), ("off", "sync_off")])
def test_what_the_browser_tells_or_nobody_is_to_tell_is_not_sent(main, put, fake, route, reason):
    Storefront.objects.create(connection=main, domain="shop.example", routes={"StatusCart": route})
    put("1")
    assert send(main) == {"skipped": 1}
    assert counts() == {("skipped", reason): 1}
    assert fake.log == []


def test_without_the_tracker_no_visitor_is_remembered(main, put, fake):
    Storefront.objects.create(connection=main, domain="shop.example")
    capture.cart_visited("7", VISITOR)
    assert not CartVisitor.objects.exists()
    put("1")
    assert send(main) == {"delivered": 1}
    assert [entry.path for entry in fake.log] == [EVENT]


def rows_of_carts() -> list[tuple[str, str]]:
    rows = OutboxMessage.objects.filter(kind="cart").values_list("connection__name", "key")
    return sorted(set(rows))


@contextmanager
def within_a_request() -> Iterator[None]:
    """Whose process is killed before the answer is sent."""
    request_started.send(sender=None, environ={})
    try:
        yield
    finally:
        after_answer.forget_request()


@pytest.mark.parametrize("within", [transaction.atomic, within_a_request])
def test_a_visitor_whom_one_account_is_told_of_hides_no_change_of_the_cart_from_another(
    by_tracker, within, settings
):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 3}
    Connection.objects.create(name="other", api_key=KEY, api_url="https://other.example/api")
    with within():
        capture.cart_visited("7", VISITOR)
        assert rows_of_carts() == [("main", "7")]
        capture.cart_changed("7")
        assert rows_of_carts() == [("main", "7"), ("other", "7")]


@pytest.mark.parametrize("within", [transaction.atomic, within_a_request])
def test_a_cart_of_which_everybody_is_told_has_one_row(by_tracker, within, settings):
    """The shopper waits for one insert per record and transaction."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 3}
    with within():
        capture.cart_visited("7", VISITOR)
        capture.cart_changed("7")
        assert OutboxMessage.objects.filter(kind="cart").count() == 1


# What is kept


def test_a_visitor_is_kept_encrypted_and_follows_a_rotation(by_tracker, settings):
    capture.cart_visited("7", replace(VISITOR, email="secret@example.com", name="Ann"))
    row = CartVisitor.objects.values_list("visitor", flat=True).get()
    assert COOKIE not in str(row)
    old = settings.ESPUTNIK_CONNECTOR["ENCRYPTION_KEYS"]
    new = Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new, *old]}
    assert rotate().unreadable == []
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": [new]}
    assert visitors_of(["7"]) == {"7": VISITOR}
    assert "secret" not in reveal(CartVisitor.objects.get().visitor)


def test_old_states_and_visitors_are_removed(by_tracker, put):
    capture.cart_visited("7", VISITOR)
    put("1")
    send(by_tracker.connection)
    long_ago = datetime.now(timezone.utc) - timedelta(days=60)
    CartState.objects.update(created_at=long_ago)
    CartVisitor.objects.update(created_at=long_ago)
    prune()
    assert not CartState.objects.exists()
    assert not CartVisitor.objects.exists()
