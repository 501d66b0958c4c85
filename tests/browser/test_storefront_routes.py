"""The same walk by the tracker and by events, and with a banner that must be answered first."""

from __future__ import annotations

import time
from typing import Any

import pytest

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.delivery.relay import Relay
from tests.browser.in_front import PageCache
from tests.browser.shop_window import Visit, customer
from tests.browser.storefront import in_front, route, shop, visit

__all__ = ["in_front", "shop", "visit"]

BY_TRACKER = (
    "ProductPage", "CategoryPage", "SearchRequest", "AddToWishlist", "CustomerData",
    "PurchasedItems",
)  # fmt: skip
BY_EVENT = ("ProductPage", "CategoryPage", "SearchRequest", "AddToWishlist")


@pytest.fixture
def by_tracker(shop):
    route(**dict.fromkeys(BY_TRACKER, "tracker"), StatusCart="off")


@pytest.fixture
def by_event(shop):
    route(**dict.fromkeys(BY_EVENT, "event"), StatusCart="event")


def work_off() -> None:
    """Until nothing more was captured for a while."""
    while True:
        Relay(Connection.objects.get()).run()
        time.sleep(1)
        if not OutboxMessage.objects.filter(kind="behaviour").exists():
            return


def tracked(fake: Any) -> list[tuple[str, dict[str, Any]]]:
    """Event names and bodies that the tracker got, in their order."""
    work_off()
    bodies = [entry.body for entry in fake.requests("/api/v2", "POST")]
    return [(body["GeneralInfo"]["eventName"], body) for body in bodies]


def walk(one: Visit) -> str:
    """Home, search, product, cart."""
    one.open()
    one.open("search/?q=nosuchthing")
    return one.add("mug-01")


def test_by_the_tracker_an_anonymous_visitor_is_told_by_their_cookie(by_tracker, visit, fake):
    olena = visit()
    key = walk(olena)
    told = tracked(fake)
    assert [name for name, _body in told] == ["SearchRequest", "ProductPage", "ProductPage"]
    assert {body["GeneralInfo"]["cookies"]["sc"] for _name, body in told} == {olena.sc}
    assert told[1][1]["ProductPage"]["Product"]["productKey"] == key
    assert olena.names() == ["MainPage"]  # by no second way


def test_by_the_tracker_the_first_page_of_all_is_told_once_the_cookie_is_there(
    by_tracker, visit, fake
):
    olena = visit()
    key = olena.see("mug-01")
    olena.page.wait_for_timeout(500)
    ((name, body),) = tracked(fake)
    assert (name, body["ProductPage"]["Product"]["productKey"]) == ("ProductPage", key)
    assert body["GeneralInfo"]["cookies"]["sc"] == olena.sc


def test_by_the_tracker_a_customer_is_told_before_the_purchase(by_tracker, visit, fake):
    customer("taras")
    taras = visit()
    taras.open()
    taras.log_in("taras@example.com")
    taras.see("mug-02")
    taras.page.locator("#add_to_wishlist_form button").click()
    taras.settle()
    taras.add("mug-02")
    number = taras.check_out()
    taras.page.reload()
    taras.settle()
    told = [(name, body) for name, body in tracked(fake) if name != "ProductPage"]
    assert [name for name, _body in told] == [
        "CustomerData", "AddToWishlist", "CustomerData", "PurchasedItems",
    ]  # fmt: skip
    assert {body["GeneralInfo"]["user_email"] for _name, body in told} == {"taras@example.com"}
    assert told[-1][1]["PurchasedItems"]["OrderNumber"] == number


def test_by_the_tracker_a_guest_is_known_from_the_check_out_on(by_tracker, visit, fake):
    guest = visit()
    guest.open()
    guest.add("mug-02")
    guest.check_out(email="guest@example.com")
    names = [name for name, _body in tracked(fake) if name != "ProductPage"]
    assert names == ["CustomerData", "PurchasedItems"]


def test_by_events_a_customer_is_told_and_a_stranger_is_not(by_event, visit, fake):
    owner = customer("taras")
    stranger, taras = visit(), visit()
    walk(stranger)
    taras.log_in("taras@example.com")
    walk(taras)
    work_off()
    events = fake.events(source="event")
    assert [one["type"] for one in events if one["type"] != "cartUpdated"] == [
        "searchRequest", "productViewed", "productViewed",
    ]  # fmt: skip
    assert {one["params"]["externalCustomerId"] for one in events} == {str(owner.pk)}
    assert stranger.names() == ["MainPage"]


def send_carts() -> None:
    """A worker sends each state of a cart before the next one comes."""
    Relay(Connection.objects.get()).run()


def change_and_empty(one: Visit) -> str:
    """Two, then three of a mug, then none; each state is sent. The mug's key."""
    key = one.add("mug-01", quantity=2)
    send_carts()
    one.change_quantity(3)
    send_carts()
    one.empty()
    send_carts()
    return key


@pytest.fixture
def at_once(settings):
    """What follows a state that was just sent is not gathered first."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}


@pytest.fixture
def carts_by_tracker(by_tracker, at_once):
    route(StatusCart="tracker")


def test_by_the_tracker_each_state_of_a_cart_is_told_of_its_visitor(carts_by_tracker, visit, fake):
    olena = visit()
    olena.open()
    key = change_and_empty(olena)
    told = [body for name, body in tracked(fake) if name == "StatusCart"]
    quantities = [[one["quantity"] for one in body["StatusCart"]["Products"]] for body in told]
    assert quantities == [[2], [3], []]
    assert told[0]["StatusCart"]["Products"][0]["productKey"] == key
    assert {body["GeneralInfo"]["cookies"]["sc"] for body in told} == {olena.sc}
    assert len({body["StatusCart"]["GUID"] for body in told}) == 3
    assert olena.calls("StatusCart") == []  # by no second way
    assert fake.events("cartUpdated") == []


def test_by_the_tracker_two_visitors_carts_are_never_mixed_up(carts_by_tracker, visit, fake):
    olena, taras = visit(), visit()
    for one in (olena, taras):
        one.open()
    keys = {olena.sc: olena.add("mug-01"), taras.sc: taras.add("mug-02")}
    send_carts()
    told = {
        body["GeneralInfo"]["cookies"]["sc"]: body["StatusCart"]["Products"][0]["productKey"]
        for name, body in tracked(fake)
        if name == "StatusCart"
    }
    assert told == keys


def test_by_the_tracker_a_guest_s_purchase_closes_the_last_state(carts_by_tracker, visit, fake):
    guest = visit()
    guest.open()
    guest.add("mug-02")
    send_carts()
    number = guest.check_out(email="guest@example.com")
    told = tracked(fake)
    (bought,) = [body["PurchasedItems"] for name, body in told if name == "PurchasedItems"]
    states = [body["StatusCart"]["GUID"] for name, body in told if name == "StatusCart"]
    assert (bought["OrderNumber"], bought["GUID"]) == (number, states[-1])


def test_by_events_each_state_of_a_customer_s_cart_is_told(by_event, at_once, visit, fake):
    customer("taras")
    taras = visit()
    taras.log_in("taras@example.com")
    change_and_empty(taras)
    carts = [one["params"] for one in fake.events("cartUpdated")]
    assert [[one["quantity"] for one in cart["products"]] for cart in carts] == [[2], [3], []]
    assert len({cart["recycleStateId"] for cart in carts}) == 3
    assert taras.calls("StatusCart") == []  # by no second way
    assert tracked(fake) == []


def test_a_cart_of_the_browser_is_closed_by_a_purchase_of_the_tracker(by_tracker, visit, fake):
    route(StatusCart="browser")
    guest = visit()
    guest.open()
    guest.add("mug-02")
    number = guest.check_out(email="guest@example.com")
    (bought,) = [body["PurchasedItems"] for name, body in tracked(fake) if name == "PurchasedItems"]
    last = guest.calls("StatusCart")[-1][2]["GUID"]
    assert (bought["OrderNumber"], bought["GUID"]) == (number, last)


def test_a_variation_that_the_page_changes_is_told_by_the_tracker_too(by_tracker, visit, fake):
    olena = visit()
    olena.open()
    key = olena.see("mug-01")
    olena.page.evaluate(
        """() => document.dispatchEvent(
          new CustomEvent('esputnik:product', {detail: {productKey: '%s'}}))"""
        % (int(key) + 1)
    )
    olena.page.wait_for_timeout(300)
    olena.settle()
    keys = [body["ProductPage"]["Product"]["productKey"] for _name, body in tracked(fake)]
    assert keys == [key, str(int(key) + 1)]


class TestBehindACacheOfWholePages:
    @pytest.fixture
    def in_front(self) -> list[str]:
        return ["tests.browser.in_front.PageCache"]

    def test_each_visitor_of_a_cached_page_is_told(self, by_tracker, visit, fake, settings):
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": True}
        customer("taras")
        olena, taras = visit(), visit()
        taras.log_in("taras@example.com")
        for one in (olena, taras):
            one.see("mug-01")
            one.page.wait_for_timeout(500)
        assert PageCache.served > 0
        told = [body["GeneralInfo"] for name, body in tracked(fake) if name == "ProductPage"]
        assert [one["cookies"]["sc"] for one in told] == [olena.sc, taras.sc]
        assert [one.get("user_email") for one in told] == [None, "taras@example.com"]


def agreed(request: Any) -> list[BehaviourType]:
    return list(BehaviourType) if request.COOKIES.get("agreed") == "yes" else []


@pytest.fixture
def banner(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONSENT": f"{__name__}.agreed"}


AGREE = """() => {
  document.cookie = 'agreed=yes; path=/';
  document.dispatchEvent(new Event('esputnik:consent'));
}"""


def test_nothing_is_loaded_before_the_visitor_agreed_and_then_this_page_is_told(
    banner, visit, fake
):
    olena = visit()
    olena.open()
    olena.see("mug-01")
    assert (olena.sc, fake.visits) == ("", [])
    assert olena.page.evaluate("typeof window.eS") == "undefined"
    olena.page.evaluate(AGREE)
    olena.page.wait_for_function("window.esCalls && window.esCalls.length > 1")
    assert olena.names() == ["ProductPage"]
    olena.open()
    assert olena.names() == ["ProductPage", "MainPage"]


def test_who_has_not_agreed_is_not_told_by_a_worker_either(banner, by_tracker, visit, fake):
    olena = visit()
    walk(olena)
    assert tracked(fake) == []
