"""Records with everything in them, and the account they go to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from esputnik_connector.destinations.base import Account
from esputnik_connector.event_names import EventName
from esputnik_connector.records import Address, Cart, CartItem, Contact, Event, Order, OrderItem

KYIV = timezone(timedelta(hours=2))
ADDRESS = Address(
    region="Kyiv region", town="Kyiv", line="Khreshchatyk 1", postcode="01001", country="UA"
)
ACCOUNT = Account(
    name="main",
    api_key="0123456789abcdef0123456789ABCDEF",
    api_url="https://esputnik.test/api",
    fields=(
        ("loyalty", "17"),
        ("birthday", "18"),
        ("balance", "19"),
        ("tags", "20"),
        ("visits", "21"),
    ),
    statuses={"Paid": "IN_PROGRESS", "Sent": "DELIVERED", "Void": "CANCELLED", "Draft": ""},
    default_status="INITIALIZED",
    salt="pepper",
    event_keys={"back_in_stock": "ProductBackInStock", "price_drop": "ProductPriceDrop"},
)
CONTACT = Contact(
    key="42",
    email="olena@example.com",
    phone="+380501234567",
    first_name="Олена",
    last_name="O'Neil",
    language="uk",
    address=ADDRESS,
    attributes={
        "loyalty": "gold",
        "birthday": datetime(1990, 5, 17, tzinfo=timezone.utc),
        "balance": Decimal("1234.50"),
        "tags": ("b2b", "vip"),
        "visits": 0,
    },
)
ORDER = Order(
    key="100012",
    placed_at=datetime(2026, 3, 1, 9, 30, 5, tzinfo=KYIV),
    status="Paid",
    currency="uah",
    total=Decimal("1065.00"),
    shipping=Decimal("55.00"),
    surcharges=Decimal("10.00"),
    discount=Decimal("100.00"),
    taxes=Decimal("177.50"),
    contact_key="42",
    email="olena@example.com",
    phone="+380501234567",
    first_name="Олена",
    last_name="O'Neil",
    delivery_method="Courier",
    payment_method="Card",
    address=ADDRESS,
    items=(
        OrderItem(
            product_key="301",
            quantity=3,
            total=Decimal("100.00"),
            name="Socks",
            category="Clothes > Socks",
            url="https://shop.test/socks",
            image_url="https://shop.test/socks.jpg",
        ),
        OrderItem(
            product_key="302",
            quantity=2,
            total=Decimal("900.00"),
            name="Boots",
            category="Clothes > Boots",
            url="https://shop.test/boots",
            image_url="https://shop.test/boots.jpg",
        ),
    ),
    cart_key="77",
)
CART = Cart(
    key="77",
    currency="UAH",
    contact_key="42",
    email="olena@example.com",
    phone="+380501234567",
    items=(
        CartItem(
            product_key="301",
            quantity=3,
            unit_price=Decimal("33.40"),
            name="Socks",
            category="Clothes > Socks",
            url="https://shop.test/socks",
            image_url="https://shop.test/socks.jpg",
        ),
        CartItem(product_key="303", quantity=1, unit_price=Decimal("0.10")),
    ),
)
BACK_IN_STOCK = Event(
    key="back_in_stock:7",
    name=EventName("back_in_stock"),
    product_key="301",
    is_in_stock=True,
    price=Decimal("33.40"),
    currency="uah",
    product_name="Socks",
    url="https://shop.test/socks",
    image_url="https://shop.test/socks.jpg",
    contact_key="42",
    email="olena@example.com",
    phone="+380501234567",
)
PRICE_DROP = Event(
    key="price_drop:9:2026-11-21:302:500:UAH",
    name=EventName("price_drop"),
    product_key="302",
    is_in_stock=True,
    price=Decimal("450"),
    price_before=Decimal("500"),
    currency="UAH",
    product_name="Boots",
    contact_key="42",
)
