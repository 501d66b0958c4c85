"""The cart of a visitor, and the id of each state of it that their browser tells of.

eSputnik wants a new GUID for every state, and the last one again with the purchase: that closes the
cart (esputnik-api.md#web-tracking). What was told last, ``CartState`` knows of each cart, by
whichever way it was told: so a purchase repeats it from another device and after a logout, too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType, Route, Visitor
from esputnik_connector.carts import Cart, CartItem
from esputnik_connector.destinations.esputnik.orders.money import cents, portions
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import CartState, Storefront
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import JSONObject, Order
from esputnik_connector.shops.pages import SupportsBehaviour

VISITOR = "esputnik_cart_visitor"  # in the session: a mark of whose cart was remembered
TOLD = "esputnik_cart_told"  # in the session: the key of the cart that was told last
MOST_TRIES = 3  # to find a moment in which no other tab changes the cart


@dataclass(frozen=True, kw_only=True)
class PageCart:
    """A cart as a page tells it, and which state of it that is."""

    cart: Cart
    state: CartState

    @property
    def behaviour(self) -> Behaviour:
        """As eSputnik hears of it."""
        return Behaviour(
            type=BehaviourType.STATUS_CART,
            key=BehaviourType.STATUS_CART.new_key(),
            items=self.cart.items,
            currency=self.cart.currency,
            guid=self.state.guid,
        )

    @property
    def place(self) -> JSONObject:
        """By which a browser with several tabs knows the younger one of two states of a cart."""
        mark = salted_hmac("esputnik_connector.places", self.cart.key).hexdigest()[:8]
        return {"of": mark, "at": int(self.state.created_at.timestamp() * 1000)}


def cart_now(request: HttpRequest, storefront: Storefront) -> PageCart | None:
    """The cart as it is, and this state of it; ``None`` while there is nothing to tell: no cart, or
    an empty one, and of none anything was told. One query; a new state is read, noted, looked at.
    """
    with fresh_reads():  # what the browser has just changed, a replica may not have
        cart = _cart_of(request)
        if cart is None:
            return None
        session: Any = getattr(request, "session", None)
        former = "" if session is None else session.get(TOLD, "")
        known = CartState.objects.last_of(storefront.connection_id, cart.key)
        if not (cart.items or former or known):
            return None
        if session is not None and former != cart.key:
            session[TOLD] = cart.key
        if known is not None and known.digest == _digest_of(cart):
            return PageCart(cart=cart, state=known)
        return _new_state(request, storefront, cart.key, known)


def _new_state(
    request: HttpRequest, storefront: Storefront, key: str, known: CartState | None
) -> PageCart | None:
    """The cart and its state, where another tab may change and tell it in this very moment.

    Nobody waits for anybody: a cart that is older than the last state is read again, and two that
    note different states at once look at what the other one did.
    """
    states, seen, told = CartState.objects, known, None
    for _try in range(MOST_TRIES):
        cart = _cart_of(request)
        if cart is None or cart.key != key:  # ordered by now, or merged into another one
            return None
        digest = _digest_of(cart)
        if known is not None and known.digest == digest:
            return PageCart(cart=cart, state=known)
        made = states.note(storefront.connection, key, digest, known=known, seen=seen)
        told = PageCart(cart=cart, state=made)
        if states.is_alone(made, known=known):
            break
        known = states.last_of(storefront.connection_id, key)
    return told


def _cart_of(request: HttpRequest) -> Cart | None:
    shop = registry.shop()
    cart = shop.cart(request) if isinstance(shop, SupportsBehaviour) else None
    return cart if cart is not None and cart.key and cart.is_live else None


def bought(request: HttpRequest, storefront: Storefront, purchase: Behaviour) -> Behaviour:
    """A purchase with what was bought, and the GUID of the cart that it closes: the last one under
    which it was told. The next cart begins anew.

    :raises KeyError: the shop does not know the order.
    """
    with fresh_reads():  # placed a moment ago
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


def _digest_of(cart: Cart) -> str:
    """A mark of what is in the cart; two carts with the same things have marks of their own."""
    lines = [(item.product_key, item.quantity, str(item.unit_price)) for item in cart.items]
    said = json.dumps([cart.key, cart.currency, lines])
    return salted_hmac("esputnik_connector.carts", said).hexdigest()[:32]
