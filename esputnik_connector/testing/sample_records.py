"""One record of each kind with everything in it, as a shop would hand it over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

from esputnik_connector.behaviour import Behaviour, BehaviourType, Visitor
from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.records import (
    Address,
    Cart,
    CartItem,
    Contact,
    Erasure,
    Event,
    Kind,
    Order,
    OrderItem,
    Record,
    Subscription,
)

ADDRESS = Address(region="Kyiv region", town="Kyiv", line="Khreshchatyk 1", postcode="01001")
ORDER_ITEM = OrderItem(
    product_key="301",
    quantity=2,
    total=Decimal("200.00"),
    name="Socks",
    category="Clothes > Socks",
    url="https://shop.example/socks",
    image_url="https://shop.example/socks.jpg",
)
CART_ITEM = CartItem(
    product_key="301",
    quantity=2,
    unit_price=Decimal("100.00"),
    name="Socks",
    url="https://shop.example/socks",
)


def sample(kind: Kind, key: str, *, email: str, phone: str) -> Record:
    """A record of this kind with this key; of an event, the rest of its key."""
    makers = {
        Kind.CONTACT: _contact,
        Kind.ORDER: _order,
        Kind.CART: _cart,
        Kind.EVENT: _event,
        Kind.BEHAVIOUR: _behaviour,
        Kind.SUBSCRIPTION: _subscription,
    }
    return makers[kind](key, email, phone) if kind in makers else Erasure(key=key)


def changed(record: Record) -> Record:
    """The same record after a change that a destination must hear of."""
    if isinstance(record, Contact):
        return replace(record, first_name="Оксана")
    if isinstance(record, Order):
        return replace(record, total=record.total + 1)
    if isinstance(record, Cart):
        return replace(record, items=(replace(record.items[0], quantity=3),))
    raise TypeError(f"{type(record).__name__} has no state that changes")


def _contact(key: str, email: str, phone: str) -> Record:
    return Contact(
        key=key,
        email=email,
        phone=phone,
        first_name="Олена",
        last_name="O'Neil",
        language="uk",
        address=ADDRESS,
    )


def _order(key: str, email: str, phone: str) -> Record:
    return Order(
        key=key,
        placed_at=datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc),
        status="Pending",
        currency="UAH",
        total=Decimal("250.00"),
        shipping=Decimal("50.00"),
        contact_key="7",
        email=email,
        phone=phone,
        first_name="Олена",
        address=ADDRESS,
        items=(ORDER_ITEM,),
    )


def _cart(key: str, email: str, phone: str) -> Record:
    return Cart(
        key=key, currency="UAH", contact_key="7", email=email, phone=phone, items=(CART_ITEM,)
    )


def _event(key: str, email: str, phone: str) -> Record:
    return Event(
        key=BACK_IN_STOCK.key(key),
        name=BACK_IN_STOCK,
        product_key="301",
        is_in_stock=True,
        price=Decimal("100.00"),
        currency="UAH",
        product_name="Socks",
        url="https://shop.example/socks",
        contact_key="7",
        email=email,
        phone=phone,
    )


def _subscription(key: str, email: str, phone: str) -> Record:
    return Subscription(
        key=f"footer:{key}",
        email=email,
        phone=phone,
        first_name="Олена",
        form_type="footer",
        groups=("Newsletter",),
        asked_at=datetime(2026, 5, 1, 12, 30, tzinfo=timezone.utc),
    )


def _behaviour(key: str, email: str, phone: str) -> Record:
    """A search: on every way that a platform may have."""
    return Behaviour(
        type=BehaviourType.SEARCH_REQUEST,
        key=BehaviourType.SEARCH_REQUEST.key(key),
        happened_at=datetime.now(timezone.utc),
        visitor=Visitor(
            cookie="1f5f0f3e-6bb4-4d6c-a3a0-3c6f5b0a9d11",
            user_agent="Mozilla/5.0",
            page_url="https://shop.example/search/?q=socks",
            contact_key="7",
            email=email,
            phone=phone,
        ),
        search="socks",
    )
