"""The cart of a visitor, and the id of each state of it that their browser tells of.

eSputnik wants a new GUID for every state, and the last one again with the purchase: that closes the
cart (esputnik-api.md#web-tracking). What was told last stands in the visitor's own session, so that
two visitors never share one, and a login carries it on.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.carts import Cart, CartItem
from esputnik_connector.records import OrderItem
from esputnik_connector.shops.pages import SupportsBehaviour

CENT = Decimal("0.01")
TOLD = "esputnik_cart"  # in the session: what the last state was, and its GUID


def cart_now(request: HttpRequest) -> Behaviour | None:
    """The cart as it is, with the GUID of this state; ``None`` while there is nothing to tell: no
    cart, or an empty one of which nothing was told."""
    shop = registry.shop()
    cart = shop.cart(request) if isinstance(shop, SupportsBehaviour) else None
    told = _told(request)
    if cart is None or not cart.is_live or not (cart.items or told):
        return None
    state = _state_of(cart)
    if told.get("state") != state:
        session: Any = request.session  # type: ignore[attr-defined, unused-ignore]
        told = session[TOLD] = {"state": state, "guid": str(uuid4())}
    return Behaviour(
        type=BehaviourType.STATUS_CART,
        key=BehaviourType.STATUS_CART.new_key(),
        items=cart.items,
        currency=cart.currency,
        guid=told["guid"],
    )


def bought(request: HttpRequest, purchase: Behaviour) -> Behaviour:
    """A purchase with what was bought, and the GUID of the cart that it closes. The next cart
    begins anew.

    :raises KeyError: the shop does not know the order.
    """
    order = registry.shop().orders([purchase.order_number])[purchase.order_number]
    items = tuple(map(_item, order.items))
    guid = _told(request).get("guid", "")
    if guid:
        del request.session[TOLD]
    return replace(purchase, items=items, currency=order.currency, guid=guid)


def _item(item: OrderItem) -> CartItem:
    one = (item.total / item.quantity).quantize(CENT) if item.quantity else item.total
    return CartItem(product_key=item.product_key, quantity=item.quantity, unit_price=one)


def _told(request: HttpRequest) -> dict[str, str]:
    session: Any = getattr(request, "session", None)
    return {} if session is None else session.get(TOLD, {})


def _state_of(cart: Cart) -> str:
    """A mark of what is in the cart; two carts with the same things have marks of their own."""
    lines = [(item.product_key, item.quantity, str(item.unit_price)) for item in cart.items]
    said = json.dumps([cart.key, cart.currency, lines])
    return salted_hmac("esputnik_connector.carts", said).hexdigest()[:32]
