"""Behaviour as eSputnik spells it, on each of the three ways."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from esputnik_connector.behaviour import (
    ALLOWED_ROUTES,
    BehaviourType,
    Route,
    ViewedProduct,
    Visitor,
    purchase_id,
)
from esputnik_connector.destinations.digest import digest
from esputnik_connector.destinations.esputnik.behaviour import browser, event, parts, tracker
from esputnik_connector.destinations.esputnik.behaviour.envelopes import (
    BODY,
    USER_AGENT,
    behaviour_envelope,
)
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Kind, Note, Reason
from esputnik_connector.testing.fake_esputnik.inspection import request_problems
from tests.unit.behaviour_samples import (
    COOKIE,
    GUID,
    ITEMS,
    PRODUCT,
    SITE,
    STRANGER,
    VISITOR,
    behaviour,
)
from tests.unit.samples import ACCOUNT

GOLDEN = Path(__file__).parents[1] / "golden" / "behaviour"
T = BehaviourType


def tracked(record):
    return tracker.body(record, site_id=SITE)


WRITERS = {Route.BROWSER: browser.call, Route.TRACKER: tracked, Route.EVENT: event.event}
WAYS = [(each, route) for each in T for route in WRITERS if route in ALLOWED_ROUTES[each]]
IMPOSSIBLE = [(each, route) for each in T for route in WRITERS if route not in ALLOWED_ROUTES[each]]


def golden(route: Route) -> dict[str, object]:
    """Payloads reviewed by hand. When one of these fails, read both before changing either."""
    return json.loads((GOLDEN / f"{route.value}.json").read_text("utf-8"))


def skipped(write, *args, **kwargs) -> Reason:
    with pytest.raises(Skip) as caught:
        write(*args, **kwargs)
    return caught.value.reason


@pytest.mark.parametrize(("each", "route"), WAYS)
def test_each_type_is_spelled_as_the_golden_file_of_its_way_has_it(each, route):
    assert WRITERS[route](behaviour(each)) == golden(route)[each.value]


@pytest.mark.parametrize("route", WRITERS)
def test_a_golden_file_has_the_types_of_its_way_and_no_other(route):
    assert set(golden(route)) == {each.value for each, way in WAYS if way is route}


@pytest.mark.parametrize(("each", "route"), IMPOSSIBLE)
def test_a_way_that_does_not_exist_is_a_reason_to_skip(each, route):
    assert skipped(WRITERS[route], behaviour(each)) is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("each", [each for each, route in WAYS if route is Route.TRACKER])
def test_the_tracker_finds_no_fault_in_any_body(each):
    assert request_problems("POST", "/api/v2", tracked(behaviour(each))) == []


@pytest.mark.parametrize("each", [each for each, route in WAYS if route is Route.EVENT])
@pytest.mark.parametrize(("version", "as_text"), [("v3", False), ("v2", False), ("v2", True)])
def test_the_api_finds_no_fault_in_any_event(each, version, as_text):
    made = event.event(behaviour(each))
    made = event.nested_as_text(made) if as_text else made
    if version == "v2":
        pairs = [{"name": name, "value": value} for name, value in made["params"].items()]
        made = {**made, "params": pairs}
    assert request_problems("POST", f"/api/{version}/event", made) == []


# One id, one price, one currency, one category key


def test_every_way_tells_the_same_product_at_the_same_price():
    seen = behaviour(T.PRODUCT_PAGE)
    browsers = browser.call(seen)[2]["ProductPage"]
    trackers = tracked(seen)["ProductPage"]["Product"]
    events = event.event(seen)["params"]
    keys = {browsers["productKey"], trackers["productKey"], events["product"]["productId"]}
    assert keys == {"301"}
    amount, code = trackers["price"].split()
    assert {Decimal(browsers["price"]), Decimal(amount)} == {Decimal("33.40")}
    assert events["product"]["price"] == 33.4
    assert {code, events["currencyCode"]} == {"UAH"}


def test_every_way_tells_the_same_cart_under_the_same_guid():
    cart = behaviour(T.STATUS_CART)
    browsers, trackers = browser.call(cart)[2], tracked(cart)["StatusCart"]
    events = event.event(cart)["params"]
    assert browsers["GUID"] == trackers["GUID"] == events["recycleStateId"] == GUID
    told = [
        [(line["productKey"], Decimal(line["price"]), int(line["quantity"]), line["currency"])
         for line in browsers["StatusCart"]],
        [(line["productKey"], Decimal(str(line["price"])), line["quantity"],
          line["price_currency_code"]) for line in trackers["Products"]],
        [(line["productId"], Decimal(str(line["price"])), line["quantity"], events["currencyCode"])
         for line in events["products"]],
    ]  # fmt: skip
    assert told[0] == told[1] == told[2]


def test_every_way_names_the_category_as_a_name_of_the_feeds_path():
    seen = behaviour(T.CATEGORY_PAGE)
    names = {
        browser.call(seen)[2]["CategoryPage"]["categoryKey"],
        tracked(seen)["CategoryPage"]["Category"]["categoryKey"],
        event.event(seen)["params"]["category"]["productCategoryId"],
    }
    assert names == {"Socks / Stockings"}
    assert names <= set(seen.category_key.split(" > "))


@pytest.mark.parametrize("name", ["Socks", "Socks / Stockings", "Men's <b>"])
def test_a_category_that_is_given_by_its_name_alone_is_that_name(name):
    assert parts.category(behaviour(T.CATEGORY_PAGE, category_key=name)) == name


def test_a_purchase_repeats_the_guid_of_the_cart_and_the_lines_of_the_order():
    bought = behaviour(T.PURCHASED_ITEMS)
    browsers, trackers = browser.call(bought)[2], tracked(bought)["PurchasedItems"]
    assert browsers["GUID"] == trackers["GUID"] == GUID
    assert [line["productKey"] for line in browsers["PurchasedItems"]] == ["301", "303"]
    assert [line["product_id"] for line in trackers["Products"]] == ["301", "303"]


# The purchase


def test_a_purchase_has_the_same_id_however_often_it_is_told():
    first, again = behaviour(T.PURCHASED_ITEMS), behaviour(T.PURCHASED_ITEMS, visitor=STRANGER)
    assert tracked(first)["TrackedOrderId"] == tracked(again)["TrackedOrderId"]
    assert tracked(first)["TrackedOrderId"] == purchase_id("100012")


def test_a_purchase_by_one_click_has_no_guid():
    bought = behaviour(T.PURCHASED_ITEMS, guid="")
    assert "GUID" not in browser.call(bought)[2]
    assert "GUID" not in tracked(bought)["PurchasedItems"]


def test_a_purchase_of_which_nothing_is_known_is_not_told():
    assert skipped(tracked, behaviour(T.PURCHASED_ITEMS, guid="", items=())) is Reason.GONE


def test_the_recommendation_block_is_told_only_where_the_address_has_one():
    plain = replace(VISITOR, page_url="https://shop.test/thank-you?utm_content=77")
    assert "Tags" not in browser.call(behaviour(T.PURCHASED_ITEMS, visitor=plain))[2]
    assert "s_location" not in tracked(behaviour(T.PRODUCT_PAGE, visitor=plain))["GeneralInfo"]


# Carts


def test_an_emptied_cart_is_an_empty_list_on_every_way():
    cart = behaviour(T.STATUS_CART, items=())
    assert browser.call(cart)[2] == {"StatusCart": [], "GUID": GUID}
    assert tracked(cart)["StatusCart"] == {"GUID": GUID, "Products": []}
    assert event.event(cart)["params"]["products"] == []
    assert request_problems("POST", "/api/v2", tracked(cart)) == []


def test_a_line_without_a_quantity_is_left_out_and_noted():
    bought = behaviour(T.PURCHASED_ITEMS, items=(*ITEMS, replace(ITEMS[0], quantity=0)))
    account = replace(ACCOUNT, site_id=SITE, routes={T.PURCHASED_ITEMS: Route.TRACKER})
    assert len(tracked(bought)["PurchasedItems"]["Products"]) == 2
    assert behaviour_envelope(bought, account=account).notes == (Note.ITEM_DROPPED,)


# Bad input


@pytest.mark.parametrize("each", [T.PRODUCT_PAGE, T.ADD_TO_WISHLIST])
def test_a_product_without_a_price_is_told_by_the_browser_alone(each):
    seen = behaviour(each, product=replace(PRODUCT, price=None))
    assert skipped(tracked, seen) is skipped(event.event, seen) is Reason.NO_PRICE
    if each is T.PRODUCT_PAGE:
        assert "price" not in browser.call(seen)[2]["ProductPage"]
        assert browser.call(seen)[2]["ProductPage"]["productKey"] == "301"
    else:
        assert skipped(browser.call, seen) is Reason.NO_PRICE


@pytest.mark.parametrize("each", [T.PRODUCT_PAGE, T.ADD_TO_WISHLIST])
@pytest.mark.parametrize("product", [None, ViewedProduct(product_key="")])
@pytest.mark.parametrize("route", WRITERS)
def test_a_product_that_is_not_named_is_not_told(each, product, route):
    assert skipped(WRITERS[route], behaviour(each, product=product)) is Reason.GONE


@pytest.mark.parametrize("price", [Decimal("NaN"), Decimal("Infinity"), Decimal(10) ** 20])
def test_a_price_that_is_none_is_an_error_of_this_record(price):
    with pytest.raises(ValueError, match="not an amount"):
        tracked(behaviour(T.PRODUCT_PAGE, product=replace(PRODUCT, price=price)))


@pytest.mark.parametrize("route", WRITERS)
def test_markup_in_a_name_travels_as_text(route):
    made = WRITERS[route](behaviour(T.SEARCH_REQUEST))
    assert "</script><b>socks" in json.dumps(made)


@pytest.mark.parametrize("route", WRITERS)
def test_a_search_of_five_thousand_characters_is_cut_to_what_a_person_types(route):
    made = json.dumps(WRITERS[route](behaviour(T.SEARCH_REQUEST, search="шкарпетки " * 500)))
    assert len(made) < 3000
    assert "\\u0448\\u043a" in made


@pytest.mark.parametrize("words", ["", " \n\t", "\u200d"])
@pytest.mark.parametrize("route", WRITERS)
def test_a_search_for_nothing_is_not_told(words, route):
    assert skipped(WRITERS[route], behaviour(T.SEARCH_REQUEST, search=words)) is Reason.NOT_WANTED


@pytest.mark.parametrize(
    ("email", "is_told"), [("o'neil@example.com", False), ("oneil@example.com", True)]
)
def test_an_identifier_with_a_forbidden_sign_stays_out_of_an_event(email, is_told):
    visitor = Visitor(email=email, phone="+380501234567")
    params = event.event(behaviour(T.SEARCH_REQUEST, visitor=visitor))["params"]
    assert ("email" in params) is is_told
    assert params["phone"] == "380501234567"


def test_whoever_can_be_named_by_nothing_but_forbidden_signs_is_skipped_with_the_reason():
    visitor = Visitor(email="o'neil@example.com")
    found = skipped(event.event, behaviour(T.SEARCH_REQUEST, visitor=visitor))
    assert found is Reason.NO_IDENTIFIER


@pytest.mark.parametrize("each", [each for each, route in WAYS if route is Route.EVENT])
def test_an_event_needs_somebody_whom_the_shop_can_name(each):
    assert skipped(event.event, behaviour(each, visitor=STRANGER)) is Reason.ANONYMOUS


@pytest.mark.parametrize(
    "cookie", ["", " ", "a" * 201, "be\r\nSet-Cookie: x", "тест", "a\x00b"], ids=repr
)
def test_the_tracker_is_told_nothing_by_a_cookie_that_is_none(cookie):
    visitor = replace(STRANGER, cookie=cookie)
    assert skipped(tracked, behaviour(T.PRODUCT_PAGE, visitor=visitor)) is Reason.NO_VISITOR


def test_a_stranger_is_told_by_the_cookie_alone():
    general = tracked(behaviour(T.PRODUCT_PAGE, visitor=STRANGER))["GeneralInfo"]
    assert general.keys() == {"eventName", "siteId", "datetime", "cookies"}
    assert general["cookies"] == {"sc": COOKIE}


def test_without_a_site_the_tracker_is_told_nothing():
    assert skipped(tracker.body, behaviour(T.PRODUCT_PAGE), site_id="") is Reason.NO_SITE


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("Mozilla/5.0\r\nX-Evil: 1", "Mozilla/5.0X-Evil: 1"),
        ("Opera/9.80 (тест)", "Opera/9.80 ()"),
        ("x" * 900, "x" * 500),
    ],
)
def test_a_browser_whose_name_no_header_can_hold_is_cleaned(given, sent):
    seen = behaviour(T.PRODUCT_PAGE, visitor=replace(VISITOR, user_agent=given))
    assert tracker.user_agent(seen) == sent


@pytest.mark.parametrize("given", ["", "  ", "\r\n", "тест"])
def test_without_the_name_of_a_browser_nothing_is_told(given):
    seen = behaviour(T.PRODUCT_PAGE, visitor=replace(VISITOR, user_agent=given))
    assert skipped(tracker.user_agent, seen) is Reason.NO_VISITOR


@pytest.mark.parametrize("write", [browser.call, tracked])
def test_customer_data_without_anybody_is_not_told(write):
    assert skipped(write, behaviour(T.CUSTOMER_DATA, visitor=STRANGER)) is Reason.NO_CONTACT_DATA


@pytest.mark.parametrize("each", [each for each, way in WAYS if way is Route.BROWSER])
def test_nothing_personal_is_in_what_a_cached_page_may_hold(each):
    told = json.dumps(browser.call(behaviour(each)), ensure_ascii=False)
    is_personal = any(word in told for word in ("olena", "380501234567", "Олена", COOKIE))
    assert is_personal is (each is T.CUSTOMER_DATA)


def test_own_properties_never_take_the_place_of_eSputniks_fields():  # noqa: N802
    odd = replace(PRODUCT, tags={"productId": ("9",), "price": ("0",)})
    product = event.event(behaviour(T.PRODUCT_PAGE, product=odd))["params"]["product"]
    assert (product["productId"], product["price"]) == ("301", 33.4)


# Objects as text


def test_objects_become_text_in_one_place_and_only_those():
    made = event.nested_as_text(event.event(behaviour(T.PRODUCT_PAGE)))
    assert json.loads(made["params"]["product"])["productId"] == "301"
    assert made["params"]["currencyCode"] == "UAH"
    assert made["params"]["externalCustomerId"] == "42"


def test_an_event_that_is_no_behaviour_keeps_its_objects():
    other = {"eventTypeKey": "orderCreated", "params": {"products": [{"a": 1}]}}
    assert event.nested_as_text(other) == other


def test_a_cart_that_would_grow_too_large_as_text_stays_as_it_is():
    items = [{"productId": str(number), "quantity": 1, "price": 1.0} for number in range(420)]
    params = event.cart_params(items, currency="UAH", guid=GUID)
    made = {"eventTypeKey": "cartUpdated", "keyValue": "42", "params": params}
    assert event.nested_as_text(made) is made
    few = {**made, "params": {**params, "products": items[:10]}}
    assert isinstance(event.nested_as_text(few)["params"]["products"], str)


# Envelopes


def envelope(each, route, **changes):
    account = replace(ACCOUNT, site_id=SITE, routes={each: route})
    return behaviour_envelope(behaviour(each, **changes), account=account)


def test_the_tracker_gets_a_body_and_the_visitors_own_browser():
    made = envelope(T.PRODUCT_PAGE, Route.TRACKER)
    assert made.kind is Kind.BEHAVIOUR
    assert made.payload == {
        BODY: tracked(behaviour(T.PRODUCT_PAGE)),
        USER_AGENT: VISITOR.user_agent,
    }


@pytest.mark.parametrize(
    ("route", "reason"), [(Route.OFF, Reason.SYNC_OFF), (Route.BROWSER, Reason.BY_BROWSER)]
)
def test_what_the_merchant_wants_on_another_way_is_not_sent_by_a_worker(route, reason):
    assert skipped(envelope, T.PRODUCT_PAGE, route) is reason


def test_without_a_storefront_nothing_but_carts_travels():
    assert ACCOUNT.route_of(T.PRODUCT_PAGE) is Route.OFF
    assert ACCOUNT.route_of(T.STATUS_CART) is Route.EVENT


def test_the_digest_is_of_the_key_alone_whatever_is_told():
    one = envelope(T.PURCHASED_ITEMS, Route.TRACKER)
    other = envelope(T.PURCHASED_ITEMS, Route.TRACKER, visitor=STRANGER, items=ITEMS[:1])
    assert one.digest == other.digest == digest({"behaviour": one.key})


def test_only_a_purchase_is_remembered_after_it_was_told():
    assert envelope(T.PURCHASED_ITEMS, Route.TRACKER).is_remembered
    for each in (T.PRODUCT_PAGE, T.CUSTOMER_DATA, T.SEARCH_REQUEST):
        assert not envelope(each, Route.TRACKER).is_remembered


def test_an_update_of_a_product_names_no_visitor():
    made = envelope(T.PRODUCT_UPDATE, Route.TRACKER)
    assert made.payload[BODY]["GeneralInfo"] == {"eventName": "ProductUpdate", "siteId": SITE}
    assert made.payload[USER_AGENT] == ""
