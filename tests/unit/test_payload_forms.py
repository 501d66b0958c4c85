"""A digest belongs to a form of the payload. Who changes the form and not its number would have
every old order sent again, each with its event."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.destinations.esputnik.events.payload import CART_FORM, cart_envelope
from esputnik_connector.destinations.esputnik.orders.payload import ORDER_FORM, order_envelope
from tests.unit.samples import ACCOUNT, CART, ORDER

# Never change a line: add one, with the next number, and raise the number in the code.
ORDERS = {1: "37856e48131fa9d640bb61c12b5b38dfbdd03f2556297d3265972f34cb22fee0"}
CARTS = {1: "941a1f689e8e303c275f686de3fc03c33a88465afd6eefaadaf3c81a8339cc09"}


@pytest.mark.parametrize("route", ["orders", "events", "past_events"])
def test_an_order_has_the_digest_of_its_form(route: str) -> None:
    account = replace(ACCOUNT, order_route=route)
    assert ORDERS[ORDER_FORM] == order_envelope(ORDER, account=account, last=None).digest
    assert max(ORDERS) == ORDER_FORM


def test_a_cart_has_the_digest_of_its_form() -> None:
    assert CARTS[CART_FORM] == cart_envelope(CART, account=ACCOUNT, last=None).digest
    assert max(CARTS) == CART_FORM


def test_the_envelopes_tell_their_form() -> None:
    assert order_envelope(ORDER, account=ACCOUNT, last=None).form == ORDER_FORM
    assert cart_envelope(CART, account=ACCOUNT, last=None).form == CART_FORM
