"""One of everything that a visitor does, and a visitor who is known."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from esputnik_connector.behaviour import (
    Behaviour,
    BehaviourType,
    Impression,
    ViewedProduct,
    Visitor,
    purchase_key,
)
from esputnik_connector.carts import CartItem
from tests.unit.samples import KYIV

MOMENT = datetime(2026, 3, 1, 9, 30, 5, 250_000, tzinfo=KYIV)
SITE = "8A412DC"
COOKIE = "1f5f0f3e-6bb4-4d6c-a3a0-3c6f5b0a9d11"
GUID = "2c3a7f36-8a54-4f0e-9c39-2f6f7f1a0b5e"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
VISITOR = Visitor(
    cookie=COOKIE,
    user_agent=BROWSER,
    page_url="https://shop.test/thank-you?sc_content=1253_r963v1317&utm_content=77",
    language="uk",
    contact_key="42",
    email="olena@example.com",
    phone="+380501234567",
    name="Олена Шевченко",
)
STRANGER = Visitor(cookie=COOKIE, user_agent=BROWSER, page_url="https://shop.test/", language="uk")
PRODUCT = ViewedProduct(
    product_key="301",
    price=Decimal("33.4"),
    currency="uah",
    is_in_stock=True,
    tags={"size": ("42", "43"), "color": ("</script><b>",), "empty": ("",)},
)
ITEMS = (
    CartItem(
        product_key="301", quantity=3, unit_price=Decimal("33.40"), name="</script><b>Socks</b>"
    ),
    CartItem(product_key="303", quantity=1, unit_price=Decimal("0.1")),
)
T = BehaviourType


def behaviour(behaviour_type: BehaviourType, *, visitor: Visitor = VISITOR, **more) -> Behaviour:
    key = behaviour_type.key("00000000-0000-4000-8000-000000000001")
    values = {"key": key, **OF[behaviour_type], **more}
    return Behaviour(type=behaviour_type, happened_at=MOMENT, visitor=visitor, **values)


OF: dict[BehaviourType, dict[str, object]] = {
    T.PAGE_VIEW: {"location": "https://shop.test/delivery/"},
    T.MAIN_PAGE: {},
    T.PRODUCT_PAGE: {"product": PRODUCT},
    T.CATEGORY_PAGE: {"category_key": "Clothes > Socks / Stockings"},
    T.SEARCH_REQUEST: {"search": "</script><b>socks", "is_found": False},
    T.STATUS_CART: {"items": ITEMS, "currency": "uah", "guid": GUID},
    T.STATUS_CART_PAGE: {},
    T.PURCHASED_ITEMS: {
        "items": ITEMS,
        "currency": "UAH",
        "guid": GUID,
        "order_number": "100012",
        "key": purchase_key("100012"),
    },
    T.ADD_TO_WISHLIST: {"product": PRODUCT},
    T.NOT_FOUND: {},
    T.CUSTOMER_DATA: {},
    T.PRODUCT_IMPRESSIONS: {
        "impressions": (
            Impression(product_key="301", container="1253_r963v1317"),
            Impression(product_key="302", container="1253_r963v1317"),
            Impression(product_key="303", container="1254_r964v1"),
        )
    },
    T.PRODUCT_UPDATE: {
        "product": ViewedProduct(
            product_key="301",
            price=Decimal("33.40"),
            currency="UAH",
            tags={"oldprice": ("40.00",), "discount": ("17",)},
        )
    },
}
