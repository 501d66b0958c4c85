"""A visitor walks through the shop in a real Chromium, and eS.js is told what they do."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Storefront
from tests.browser.in_front import PageCache
from tests.browser.shop_window import Visit, customer, product_of
from tests.browser.storefront import change, in_front, shop, visit

__all__ = ["in_front", "shop", "visit"]

STRICT = "tests.browser.in_front.StrictPolicy"
CACHE = "tests.browser.in_front.PageCache"


def seen(key: str, price: str) -> list[object]:
    told = {"productKey": key, "price": price, "isInStock": 1}
    return ["sendEvent", "ProductPage", {"ProductPage": told}]


def line(key: str, price: str, quantity: int) -> dict[str, str]:
    return {"productKey": key, "price": price, "quantity": str(quantity), "currency": "UAH"}


def guids(visitor: Visit) -> list[str]:
    return [call[2]["GUID"] for call in visitor.calls("StatusCart")]


def without_guids(calls: list[list[object]]) -> list[list[object]]:
    return [
        [
            {k: v for k, v in part.items() if k != "GUID"} if isinstance(part, dict) else part
            for part in call
        ]
        for call in calls
    ]


def browse_and_empty_the_cart(olena: Visit) -> str:
    olena.open()
    olena.open("search/?q=nosuchthing")
    key = olena.add("mug-01", 2)
    olena.change_quantity(3)
    olena.empty()
    olena.open("no-such-page/")
    return key


def expected_of_browsing(key: str) -> list[list[object]]:
    page = seen(key, "237.50")
    basket = ["sendEvent", "StatusCartPage"]
    return [
        ["sendEvent", "MainPage"],
        ["sendEvent", "SearchRequest", {"SearchRequest": {"search": "nosuchthing", "isFound": 0}}],
        page,
        page,  # Oscar shows it again after "add to basket"
        ["sendEvent", "StatusCart", {"StatusCart": [line(key, "237.50", 2)]}],
        basket,
        basket,
        ["sendEvent", "StatusCart", {"StatusCart": [line(key, "237.50", 3)]}],
        basket,
        basket,
        ["sendEvent", "StatusCart", {"StatusCart": []}],
        ["sendEvent", "NotFound"],
    ]


def test_an_anonymous_visitor_browses_and_changes_the_cart(visit):
    olena = visit()
    key = browse_and_empty_the_cart(olena)
    assert without_guids(olena.calls()) == expected_of_browsing(key)
    assert len(set(guids(olena))) == 3


def test_a_customer_wishes_and_buys_and_is_told_before_the_purchase(visit):
    owner = customer("taras")
    taras = visit()
    taras.see("mug-02")
    taras.log_in("taras@example.com")
    key = taras.see("mug-02")
    taras.page.locator("#add_to_wishlist_form button").click()
    taras.settle()
    taras.add("mug-02")
    number = taras.check_out()
    taras.page.reload()
    taras.settle()
    taras.open()

    names = [name for name in taras.names() if name not in ("ProductPage", "MainPage")]
    assert names == [
        "CustomerData", "AddToWishlist", "StatusCart", "CustomerData", "PurchasedItems",
    ]  # fmt: skip
    first, last = taras.calls("CustomerData")
    known = {"externalCustomerId": str(owner.pk), "user_email": "taras@example.com"}
    assert first[2]["CustomerData"] == known
    assert last[2]["CustomerData"] == {**known, "user_phone": "380631234567"}
    wish = taras.calls("AddToWishlist")[0][2]["AddToWishlist"]
    assert wish == {"productKey": key, "price": "255.00", "isInStock": 1}
    (bought,) = taras.calls("PurchasedItems")
    assert bought[2] == {
        "OrderNumber": number,
        "PurchasedItems": [line(key, "255.00", 1)],
        "GUID": guids(taras)[-1],
    }


def test_a_guest_is_known_from_the_address_at_check_out_on(visit):
    guest = visit()
    guest.add("mug-02")
    number = guest.check_out(email="guest@example.com")
    guest.page.reload()
    guest.settle()
    names = [name for name in guest.names() if name != "ProductPage"]
    assert names == ["StatusCart", "CustomerData", "PurchasedItems"]
    (told,) = guest.calls("CustomerData")
    assert told[2]["CustomerData"] == {"user_email": "guest@example.com"}
    (bought,) = guest.calls("PurchasedItems")
    assert (bought[2]["OrderNumber"], bought[2]["GUID"]) == (number, guids(guest)[-1])


def test_a_variation_that_the_page_itself_changes_is_told_with_its_price(visit):
    """A select of the shop's own, and the event for whoever has no form."""
    olena = visit()
    small, large = product_of("shirt-02-s"), product_of("shirt-02-l")
    key = olena.see("shirt-02-m")
    olena.page.evaluate(
        """key => {
          const select = document.createElement('select');
          select.name = 'child_id';
          select.add(new Option('S', key));
          document.body.append(select);
          select.dispatchEvent(new Event('change', {bubbles: true}));
        }""",
        str(small.pk),
    )
    olena.settle()
    for _ in range(2):  # the same again is no new view
        olena.page.evaluate(
            """key => document.dispatchEvent(
              new CustomEvent('esputnik:product', {detail: {productKey: key}}))""",
            large.pk,
        )
        olena.settle()
    told = [call[2]["ProductPage"] for call in olena.calls("ProductPage")]
    assert [one["productKey"] for one in told] == [key, str(small.pk), str(large.pk)]
    assert len({one["price"] for one in told}) == 3


def test_variations_are_told_as_they_were_looked_at_however_late_an_answer_comes(visit):
    olena = visit()
    small, large = product_of("shirt-02-s"), product_of("shirt-02-l")
    key = olena.see("shirt-02-m")

    olena.page.evaluate(
        """key => {
          const fetched = window.fetch;
          window.fetch = async (url, how) => {
            if (how.body.includes(key)) { await new Promise(over => setTimeout(over, 500)); }
            return fetched(url, how);
          };
        }""",
        f'"{small.pk}"',
    )
    olena.page.evaluate(
        """keys => keys.forEach(key => document.dispatchEvent(
          new CustomEvent('esputnik:product', {detail: {productKey: key}})))""",
        [small.pk, large.pk],
    )
    for _ in range(100):
        if len(olena.calls("ProductPage")) == 3:
            break
        olena.page.wait_for_timeout(100)
    told = [call[2]["ProductPage"]["productKey"] for call in olena.calls("ProductPage")]
    assert told == [key, str(small.pk), str(large.pk)]


ADD_BY_FETCH = """async () => {
  const form = document.querySelector('#add_to_basket_form');
  await fetch(form.action, {method: 'POST', body: new FormData(form), redirect: 'manual'});
}"""


def test_a_basket_that_a_script_changes_is_told_without_a_new_page(visit):
    olena = visit()
    key = olena.see("mug-01")
    olena.page.evaluate(ADD_BY_FETCH)
    olena.page.wait_for_timeout(500)
    olena.settle()
    (call,) = olena.calls("StatusCart")
    assert call[2]["StatusCart"] == [line(key, "237.50", 1)]


def test_what_htmx_swaps_into_a_page_is_told(visit):
    olena = visit()
    olena.open()
    olena.page.evaluate(
        """() => {
          const block = document.createElement('script');
          block.type = 'application/json';
          block.id = 'esputnik-more';
          block.textContent = JSON.stringify({events: [['sendEvent', 'MainPage']]});
          document.body.append(block);
          document.dispatchEvent(new Event('htmx:afterSettle'));
        }"""
    )
    assert olena.names() == ["MainPage", "MainPage"]


def test_two_visitors_at_once_are_two_visitors(visit):
    customer("olena")
    customer("taras")
    olena, taras = visit(), visit()
    olena.log_in("olena@example.com")
    taras.log_in("taras@example.com")
    mug = olena.add("mug-01")
    tea = taras.add("tea-03")
    assert olena.sc != taras.sc
    for one, name, key in ((olena, "olena", mug), (taras, "taras", tea)):
        (told,) = one.calls("CustomerData")
        assert told[2]["CustomerData"]["user_email"] == f"{name}@example.com"
        (cart,) = one.calls("StatusCart")
        assert [item["productKey"] for item in cart[2]["StatusCart"]] == [key]


def test_two_tabs_tell_of_one_cart_once(visit):
    olena = visit()
    olena.add("mug-01")
    second = olena.context.new_page()
    second.goto(f"{olena.shop_url}/en/")
    second.wait_for_load_state("networkidle")
    olena.open()
    assert len(guids(olena)) == 1


class TestBehindAStrictPolicy:
    @pytest.fixture
    def in_front(self) -> list[str]:
        return [STRICT]

    @pytest.mark.parametrize("is_direct", [False, True])
    def test_everything_is_told_all_the_same(self, visit, is_direct):
        change(loads_before_consent=is_direct)
        olena = visit()
        key = browse_and_empty_the_cart(olena)
        assert without_guids(olena.calls()) == expected_of_browsing(key)


class TestBehindACacheOfWholePages:
    @pytest.fixture
    def in_front(self) -> list[str]:
        return [CACHE]

    def test_each_visitor_is_told_as_themselves(self, visit):
        customer("olena")
        first, olena = visit(), visit()
        key = first.see("mug-01")
        olena.log_in("olena@example.com")
        olena.see("mug-01")
        assert PageCache.served > 0
        assert first.calls() == [seen(key, "237.50")]
        assert seen(key, "237.50") in olena.calls()
        (told,) = olena.calls("CustomerData")
        assert told[2]["CustomerData"]["user_email"] == "olena@example.com"
        for page in PageCache.pages.values():
            assert not page.cookies
            assert "olena" not in page.content.decode().partition('id="esputnik-page"')[2]


@pytest.mark.parametrize("blocked", ["**/scripts/*.js", "**/tracking*.js"])
def test_a_content_blocker_costs_nobody_the_shop(visit, blocked):
    olena = visit()
    olena.context.route(blocked, lambda each: each.abort())
    olena.add("mug-01")
    olena.empty()
    olena.open()
    assert olena.fake.visits == []


@pytest.mark.parametrize(
    "signal",
    [
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})",
        "Object.defineProperty(Navigator.prototype, 'doNotTrack', {get: () => '1'})",
    ],
)
def test_a_browser_that_says_no_is_left_alone(visit, signal):
    olena = visit()
    olena.context.add_init_script(signal)
    olena.add("mug-01")
    olena.open()
    assert olena.fake.visits == []
    assert olena.sc == ""


def test_a_page_keeps_quiet_when_its_storage_and_its_answers_fail(visit):
    olena = visit()
    olena.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no') }});"
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('no') }});"
    )
    olena.context.route("**/esputnik/visit", lambda each: each.fulfill(status=500, body="<html>"))
    key = olena.see("mug-01")
    assert olena.calls() == [seen(key, "237.50")]


def test_a_disconnected_storefront_leaves_no_script_behind(visit):
    Storefront.objects.all().delete()
    olena = visit()
    olena.open()
    assert olena.page.locator("script[src*=tracking], script[id^=esputnik]").count() == 0
