"""Of carts each state has a GUID of its own: the judge of ``make chaos`` still knows which of a
basket's states is the older one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.evidence import Evidence, Exchange, ShopCart
from tests.chaos.judge.history import no_older_state_came_after_a_newer_one


def broken(evidence: Evidence) -> list[str]:
    """The records of which an older state came after a newer one."""
    return [breach.record for breach in no_older_state_came_after_a_newer_one(evidence)]


def post_cart(arrived: float, guid: str, count: int) -> Exchange:
    products = [{"productId": "7", "quantity": count}] if count else []
    params = {"recycleStateId": guid, "products": products}
    body = {"eventTypeKey": "cartUpdated", "params": params}
    return Exchange(arrived=arrived, method="POST", path="/api/v3/event", body=body)


@pytest.fixture
def told() -> Evidence:
    """Of basket 5 three states were told, the last of which ended it, and of basket 6 one."""
    carts = [
        ShopCart(key="5", token="g3", owner="1", items={}, guids=["g1", "g2", "g3"]),
        ShopCart(key="6", token="h1", owner="1", items={"7": 1}, guids=["h1"]),
    ]
    states = [post_cart(5, "g1", 1), post_cart(6, "g2", 2), post_cart(7, "g3", 0)]
    return Evidence(carts=carts, exchanges=states)


def test_states_of_a_cart_in_their_order_are_no_breach_though_each_has_its_guid(told):
    assert broken(told) == []
    assert broken(replace(told, exchanges=[*told.exchanges, told.exchanges[-1]])) == []


@pytest.mark.parametrize("late", [post_cart(8, "g1", 1), post_cart(8, "g2", 2)])
def test_an_older_state_of_a_cart_behind_a_newer_one_of_its_basket_is_a_breach(told, late):
    assert broken(replace(told, exchanges=[*told.exchanges, late])) == ["cart 5"]


def test_the_age_of_a_cart_is_the_place_of_its_guid_where_its_contents_do_not_tell(told):
    alike = [post_cart(5, "g2", 2), post_cart(6, "g1", 2)]
    assert broken(replace(told, exchanges=alike)) == ["cart 5"]
    assert broken(replace(told, exchanges=alike[::-1])) == []


def test_older_contents_under_a_newer_guid_are_a_breach_too(told):
    """A sender that read the basket long ago makes the newest GUID of what is no longer true."""
    stale = [post_cart(5, "g1", 3), post_cart(6, "g2", 2)]
    assert broken(replace(told, exchanges=stale)) == ["cart 5"]
    emptied = [post_cart(5, "g1", 0), post_cart(6, "g2", 3)]
    assert broken(replace(told, exchanges=emptied)) == ["cart 5"]


def test_a_state_of_another_basket_is_no_older_one(told):
    """It has fewer pieces than the cart before it, and the first GUID of its own basket."""
    among = [*told.exchanges[:2], post_cart(6.5, "h1", 1), told.exchanges[2]]
    assert broken(replace(told, exchanges=among)) == []


def test_a_cart_that_the_shop_no_longer_has_is_judged_by_its_guid_alone(told):
    assert broken(replace(told, carts=[])) == []
    again = [post_cart(5, "g1", 3), post_cart(6, "g1", 2)]
    assert broken(replace(told, carts=[], exchanges=again)) == ["cart g1"]


def test_a_breach_of_a_cart_shows_all_requests_of_its_basket_and_no_others(told):
    late = [*told.exchanges, post_cart(8, "g1", 1), post_cart(8.5, "h1", 1)]
    (breach,) = no_older_state_came_after_a_newer_one(replace(told, exchanges=late))
    moments = [line.split(" s ")[0].strip() for line in breach.history]
    assert moments == ["5.00", "6.00", "7.00", "8.00"]
