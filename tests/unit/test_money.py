"""Money reaches eSputnik to the cent."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.destinations.esputnik.orders.money import cents, number, portions
from esputnik_connector.destinations.esputnik.orders.payload import order_payload
from esputnik_connector.records import Note, Order, OrderItem
from tests.unit.samples import ACCOUNT, ORDER

AMOUNTS = st.decimals(min_value=Decimal("-10000000"), max_value=Decimal("10000000"), places=2)
ITEMS = st.builds(OrderItem, product_key=st.just("1"), quantity=st.integers(1, 500), total=AMOUNTS)


def exact(value: object) -> Decimal:
    """A JSON number as it is written on the wire, or a number in a text."""
    return Decimal(value if isinstance(value, str) else json.dumps(value))


def order(**changes: object) -> Order:
    return replace(ORDER, **changes)  # type: ignore[arg-type]


@given(st.lists(ITEMS, max_size=8).map(tuple), AMOUNTS, AMOUNTS, AMOUNTS)
def test_the_total_is_the_sum_of_what_is_sent(items, shipping, surcharges, total):
    built = order_payload(
        order(items=items, shipping=shipping, surcharges=surcharges, total=total), account=ACCOUNT
    )
    body = built.body
    sold = sum(
        (exact(item["cost"]) * item["quantity"] for item in body.get("items", [])), Decimal(0)
    )
    adjustment = Decimal(body.get("additionalInfo", {}).get("adjustment", "0"))

    assert exact(body["totalCost"]) == total
    assert sold + exact(body.get("shipping", 0)) + adjustment == total
    assert (Note.TOTAL_DIFFERS in built.notes) == bool(adjustment)


@given(st.lists(ITEMS, max_size=8).map(tuple), AMOUNTS)
def test_a_total_that_fits_its_lines_needs_no_adjustment(items, shipping):
    total = sum((item.total for item in items), shipping)
    built = order_payload(
        order(items=items, shipping=shipping, surcharges=Decimal(0), total=total), account=ACCOUNT
    )
    assert "additionalInfo" not in built.body
    assert Note.TOTAL_DIFFERS not in built.notes


@given(AMOUNTS, st.integers(1, 1000))
def test_the_portions_of_a_line_add_up_to_it(total, quantity):
    parts = portions(cents(total), quantity)
    assert sum(part.quantity for part in parts) == quantity
    assert sum(part.cost * part.quantity for part in parts) == cents(total)
    assert len(parts) <= 2
    assert max(part.cost for part in parts) - min(part.cost for part in parts) <= 1


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=2))
def test_a_json_number_names_the_amount_to_the_cent(amount):
    assert exact(number(amount)) == amount


def test_a_line_that_divides_is_one_item():
    assert portions(1000, 4) == [(4, 250)]


@pytest.mark.parametrize(
    ("total", "quantity", "expected"),
    [
        (1000, 3, [(2, 333), (1, 334)]),
        (0, 3, [(3, 0)]),
        (1, 2, [(1, 0), (1, 1)]),
        (-5, 3, [(2, -2), (1, -1)]),
    ],
)
def test_no_cent_is_lost_by_division(total, quantity, expected):
    assert portions(total, quantity) == expected


def test_halves_of_a_cent_are_rounded_away_from_zero():
    assert [cents(Decimal(text)) for text in ("0.005", "-0.005", "-0.001")] == [1, -1, 0]
    assert json.dumps(number(Decimal("-0.001"))) == "0.0"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e14"])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(ValueError, match="not an amount of money"):
        cents(Decimal(amount))


def test_a_gift_card_is_an_adjustment_and_the_total_stays_what_was_paid():
    built = order_payload(order(total=Decimal("965.00")), account=ACCOUNT)
    assert built.body["totalCost"] == 965.0
    assert built.body["additionalInfo"] == {"adjustment": "-100.00"}
    assert Note.TOTAL_DIFFERS in built.notes


def test_a_line_without_pieces_is_dropped_and_its_money_shows_as_adjustment():
    nothing = OrderItem(product_key="9", quantity=0, total=Decimal("5.00"))
    built = order_payload(
        order(items=(*ORDER.items, nothing), total=ORDER.total + 5), account=ACCOUNT
    )
    assert len(built.body["items"]) == 3
    assert built.body["additionalInfo"] == {"adjustment": "5.00"}
    assert {Note.ITEM_DROPPED, Note.TOTAL_DIFFERS} <= set(built.notes)
