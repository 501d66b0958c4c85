"""Behaviour as the visitor's browser tells it: what eSputnik's script is called with
(esputnik-api.md#web-tracking-script). Pure.

The page hands these lists to ``eS(…)`` as they are. But for ``CustomerData``, nothing personal is
in them: a page may be cached, and the script knows its visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.carts import CartItem
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, JSONValue, Reason

from . import parts

SEND = "sendEvent"


def call(behaviour: Behaviour) -> list[JSONValue]:
    """The arguments of one call of ``eS``.

    :raises Skip: there is nothing to tell, for a reason; NOT_SUPPORTED for a type that the script
        does not have.
    """
    if behaviour.type in BARE:
        return [SEND, behaviour.type.value]
    write = WRITERS.get(behaviour.type)
    if write is None:
        raise Skip(Reason.NOT_SUPPORTED)
    return [SEND, behaviour.type.value, write(behaviour)]


def _page(_behaviour: Behaviour) -> JSONObject:
    return {"PageView": {}}


def _product(behaviour: Behaviour) -> JSONObject:
    """The one way on which a product may lack a price: then it is only said that it was seen."""
    product = parts.product_of(behaviour)
    told: JSONObject = {"productKey": product.product_key}
    if product.price is not None:
        told["price"] = parts.price(product.price)
    told["isInStock"] = parts.flag(product.is_in_stock)
    return {behaviour.type.value: {**told, **parts.tags(product)}}


def _wish(behaviour: Behaviour) -> JSONObject:
    """With a price always, and without properties of the shop's own."""
    product = parts.product_of(behaviour)
    told: JSONObject = {
        "productKey": product.product_key,
        "price": parts.price(parts.price_of(product)),
        "isInStock": parts.flag(product.is_in_stock),
    }
    return {"AddToWishlist": told}


def _category(behaviour: Behaviour) -> JSONObject:
    return {"CategoryPage": {"categoryKey": parts.category(behaviour)}}


def _search(behaviour: Behaviour) -> JSONObject:
    found = parts.flag(behaviour.is_found)
    return {"SearchRequest": {"search": parts.search(behaviour), "isFound": found}}


def _cart(behaviour: Behaviour) -> JSONObject:
    return {"StatusCart": _items(behaviour), "GUID": behaviour.guid}


def _purchase(behaviour: Behaviour) -> JSONObject:
    """Without a GUID where no cart was told of: an order by one click."""
    told: JSONObject = {
        "OrderNumber": behaviour.order_number,
        "PurchasedItems": _items(behaviour),
    }
    if behaviour.guid:
        told["GUID"] = behaviour.guid
    if blocks := parts.blocks(behaviour):
        told["Tags"] = {"blockId": [*blocks]}
    return told


def _items(behaviour: Behaviour) -> list[JSONValue]:
    return [_item(item, parts.currency(behaviour.currency)) for item in parts.items_of(behaviour)]


def _item(item: CartItem, currency: str) -> JSONObject:
    """All texts, the quantity too."""
    return {
        "productKey": item.product_key,
        "price": parts.price(item.unit_price),
        "quantity": str(item.quantity),
        "currency": currency,
    }


def _customer(behaviour: Behaviour) -> JSONObject:
    return {"CustomerData": parts.customer(behaviour)}


def _impressions(behaviour: Behaviour) -> JSONObject:
    """The name is plural, the key is not."""
    shown: list[JSONValue] = [
        {"product_id": each.product_key, "container_type": each.container}
        for each in behaviour.impressions
    ]
    if not shown:
        raise Skip(Reason.GONE)
    return {"ProductImpression": shown}


BARE = (BehaviourType.MAIN_PAGE, BehaviourType.STATUS_CART_PAGE, BehaviourType.NOT_FOUND)
WRITERS: Mapping[BehaviourType, Callable[[Behaviour], JSONObject]] = {
    BehaviourType.PAGE_VIEW: _page,
    BehaviourType.PRODUCT_PAGE: _product,
    BehaviourType.CATEGORY_PAGE: _category,
    BehaviourType.SEARCH_REQUEST: _search,
    BehaviourType.STATUS_CART: _cart,
    BehaviourType.PURCHASED_ITEMS: _purchase,
    BehaviourType.ADD_TO_WISHLIST: _wish,
    BehaviourType.CUSTOMER_DATA: _customer,
    BehaviourType.PRODUCT_IMPRESSIONS: _impressions,
}
