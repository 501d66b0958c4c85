"""The cart of a visitor, and the id of each state of it that their browser tells of.

eSputnik wants a new GUID for every state, and the last one again with the purchase: that closes the
cart (esputnik-api.md#web-tracking). What was told last, ``CartState`` knows of each cart, by
whichever way it was told: so a purchase repeats it from another device and after a logout, too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType, Route, Visitor
from esputnik_connector.carts import Cart, CartItem
from esputnik_connector.destinations.esputnik.orders.money import cents, portions
from esputnik_connector.models import CartState, Storefront
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Order
from esputnik_connector.shops.pages import SupportsBehaviour

VISITOR = "esputnik_cart_visitor"  # in the session: a mark of whose cart was remembered
TOLD = "esputnik_cart_told"  # in the session: the key of the cart that was told last


def cart_now(request: HttpRequest, storefront: Storefront) -> Behaviour | None:
    """The cart as it is, with the GUID of this state; ``None`` while there is nothing to tell: no
    cart, or an empty one, and of none anything was told. One query, and an insert for a new state.
    """
    shop = registry.shop()
    cart = shop.cart(request) if isinstance(shop, SupportsBehaviour) else None
    if cart is None or not (cart.key and cart.is_live):
        return None
    connection = storefront.connection
    session: Any = getattr(request, "session", None)
    former = "" if session is None else session.get(TOLD, "")
    states = CartState.objects.all()
    if not (cart.items or former or states.last_guid(connection.pk, cart.key)):
        return None
    if session is not None and former != cart.key:
        session[TOLD] = cart.key
    return Behaviour(
        type=BehaviourType.STATUS_CART,
        key=BehaviourType.STATUS_CART.new_key(),
        items=cart.items,
        currency=cart.currency,
        guid=states.guid_of(connection, cart.key, _state_of(cart)),
    )


def bought(request: HttpRequest, storefront: Storefront, purchase: Behaviour) -> Behaviour:
    """A purchase with what was bought, and the GUID of the cart that it closes: the last one under
    which it was told. The next cart begins anew.

    :raises KeyError: the shop does not know the order.
    """
    order = registry.shop().orders([purchase.order_number])[purchase.order_number]
    session: Any = getattr(request, "session", None)
    if session is not None:
        session.pop(TOLD, None)
    guid = ""
    if storefront.route_of(purchase.type) is Route.BROWSER:  # elsewhere the worker looks
        guid = CartState.objects.last_guid(storefront.connection_id, order.cart_key)
    return replace(
        purchase,
        items=items_of(order),
        currency=order.currency,
        guid=guid,
        cart_key=order.cart_key,
    )


def items_of(order: Order) -> tuple[CartItem, ...]:
    """The lines that the account gets with the order itself, to the cent."""
    return tuple(
        CartItem(
            product_key=item.product_key,
            quantity=part.quantity,
            unit_price=Decimal(part.cost) / 100,
            name=item.name,
        )
        for item in order.items
        if item.quantity > 0
        for part in portions(cents(item.total), item.quantity)
    )


def remember_visitor(request: HttpRequest, storefront: Storefront, visitor: Visitor) -> None:
    """Where the tracker is told of carts: whose cart this is, once for each cart and browser."""
    if storefront.route_of(BehaviourType.STATUS_CART) is not Route.TRACKER or not visitor.cookie:
        return
    shop = registry.shop()
    cart = shop.cart(request) if isinstance(shop, SupportsBehaviour) else None
    session: Any = getattr(request, "session", None)
    if cart is None or not cart.key or session is None:
        return
    mark = salted_hmac(VISITOR, f"{cart.key} {visitor.cookie} {visitor.user_agent}").hexdigest()[
        :32
    ]
    if session.get(VISITOR) != mark:
        session[VISITOR] = mark
        capture.cart_visited(cart.key, visitor)


def _state_of(cart: Cart) -> str:
    """A mark of what is in the cart; two carts with the same things have marks of their own."""
    lines = [(item.product_key, item.quantity, str(item.unit_price)) for item in cart.items]
    said = json.dumps([cart.key, cart.currency, lines])
    return salted_hmac("esputnik_connector.carts", said).hexdigest()[:32]
