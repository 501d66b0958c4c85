"""What a visitor does, by which ways a platform may hear of it, and why not by others."""

from __future__ import annotations

import uuid
from dataclasses import fields

import pytest

from esputnik_connector.behaviour import (
    ALLOWED_ROUTES,
    DEFAULT_ROUTES,
    Behaviour,
    BehaviourType,
    Route,
    Visitor,
    drawback,
    purchase_id,
    purchase_key,
    why_impossible,
)

WAYS = [(each, route) for each in BehaviourType for route in Route]
BY_BROWSER_ALONE = {"MainPage", "NotFound", "StatusCartPage"}
NOT_IN_THE_TRACKER = BY_BROWSER_ALONE | {"PageView"}
NO_EVENT_OF_THE_ACCOUNT = BY_BROWSER_ALONE | {"PurchasedItems", "CustomerData", "ProductUpdate"}


def test_every_type_has_a_default_that_is_possible():
    assert set(ALLOWED_ROUTES) == set(DEFAULT_ROUTES) == set(BehaviourType)
    assert all(DEFAULT_ROUTES[each] in ALLOWED_ROUTES[each] for each in BehaviourType)


def test_the_cart_goes_as_the_event_that_exists_and_an_update_of_a_product_not_at_all():
    others = {BehaviourType.STATUS_CART: Route.EVENT, BehaviourType.PRODUCT_UPDATE: Route.OFF}
    for each in BehaviourType:
        assert DEFAULT_ROUTES[each] is others.get(each, Route.BROWSER)


@pytest.mark.parametrize("each", BehaviourType)
def test_a_type_travels_by_what_the_platform_has_for_it(each):
    allowed = ALLOWED_ROUTES[each]
    assert Route.OFF in allowed
    assert (Route.TRACKER in allowed) is (each.value not in NOT_IN_THE_TRACKER)
    assert (Route.EVENT in allowed) is (each.value not in NO_EVENT_OF_THE_ACCOUNT)
    assert (Route.BROWSER in allowed) is (each is not BehaviourType.PRODUCT_UPDATE)


@pytest.mark.parametrize(("each", "route"), WAYS)
def test_what_is_impossible_is_said_in_a_sentence(each, route):
    sentence = why_impossible(each, route)
    assert bool(sentence) is (route not in ALLOWED_ROUTES[each])
    assert not sentence or sentence.endswith(".")


def test_a_cart_from_the_server_costs_recommendations_by_the_cart():
    for route in (Route.TRACKER, Route.EVENT):
        assert "recommends nothing" in drawback(BehaviourType.STATUS_CART, route)
    assert drawback(BehaviourType.STATUS_CART, Route.BROWSER) == ""
    assert "recommendations" in drawback(BehaviourType.PRODUCT_PAGE, Route.TRACKER).lower()
    assert "name" in drawback(BehaviourType.PRODUCT_PAGE, Route.EVENT)


@pytest.mark.parametrize("each", BehaviourType)
def test_a_key_tells_its_type_and_is_never_twice_the_same(each):
    keys = {each.new_key() for _ in range(50)}
    assert len(keys) == 50
    assert {BehaviourType.of(key) for key in keys} == {each}


def test_a_key_of_no_type_is_an_error():
    with pytest.raises(ValueError, match="back_in_stock"):
        BehaviourType.of("back_in_stock:17")


def test_a_purchase_has_one_id_whenever_it_is_told():
    assert purchase_id("100017") == purchase_id("100017") != purchase_id("100018")
    assert uuid.UUID(purchase_id("100017")).version == 5
    assert purchase_key("100017") == f"PurchasedItems:{purchase_id('100017')}"


def test_the_id_of_a_purchase_stays_what_it_was_in_former_versions():
    assert purchase_id("100017") == "60058ea3-083d-58f8-8223-019a1efeea76"


def test_nothing_personal_is_shown():
    visitor = Visitor(
        cookie="c00k1e",
        user_agent="Firefox",
        page_url="https://shop.example/?q=secret",
        contact_key="17",
        email="ann@example.com",
        phone="+380501234567",
        name="Ann",
    )
    behaviour = Behaviour(type=BehaviourType.SEARCH_REQUEST, key="k", visitor=visitor, search="ill")
    shown = f"{visitor!r} {behaviour!r}"
    for field in fields(Visitor):
        value = getattr(visitor, field.name)
        assert not value or value == "17" or value not in shown
    assert "ill" not in shown
    assert "17" in shown


def test_a_visitor_is_named_by_any_of_three():
    assert not Visitor(cookie="c", name="Ann").is_named
    for known in ({"contact_key": "1"}, {"email": "a@b.c"}, {"phone": "+380501234567"}):
        assert Visitor(**known).is_named


def test_behaviour_names_its_person_as_other_records_do():
    visitor = Visitor(contact_key="17", email="ann@example.com", phone="+380501234567")
    behaviour = Behaviour(type=BehaviourType.CUSTOMER_DATA, key="k", visitor=visitor)
    assert (behaviour.contact_key, behaviour.email) == ("17", "ann@example.com")
    assert behaviour.phone == "+380501234567"
