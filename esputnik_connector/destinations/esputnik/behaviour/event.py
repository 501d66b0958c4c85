"""Behaviour as an event of the account, of people whom the shop can name
(esputnik-api.md#behaviour-events). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.carts import CartItem
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.events.identity import (
    EVENT_LIMIT,
    identifiers,
    key_value,
)
from esputnik_connector.destinations.esputnik.orders.money import number
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import digits, text
from esputnik_connector.records import JSONObject, JSONValue, Reason

from . import parts

EVENT_TYPES: Mapping[BehaviourType, str] = {
    BehaviourType.PAGE_VIEW: "pageViewed",
    BehaviourType.PRODUCT_PAGE: "productViewed",
    BehaviourType.CATEGORY_PAGE: "productCategoryViewed",
    BehaviourType.STATUS_CART: "cartUpdated",
    BehaviourType.ADD_TO_WISHLIST: "productAddedToWishlist",
    BehaviourType.SEARCH_REQUEST: "searchRequest",
    BehaviourType.PRODUCT_IMPRESSIONS: "productImpressions",
}
NESTED = frozenset({"page", "product", "products", "category"})  # objects, or JSON as a text
VARIANT = re.compile(r"r[0-9]+v[0-9]+")  # of a recommendation: the end of its container's name
LONGEST_LOCATION = 1000


def event(behaviour: Behaviour) -> JSONObject:
    """``eventTypeKey``, ``keyValue`` and parameters, objects as such: how the version of the call
    wants them is the client's to know.

    :raises Skip: nobody is known to whom the event would belong, or there is no such event.
    """
    write = WRITERS.get(behaviour.type)
    if write is None:
        raise Skip(Reason.NOT_SUPPORTED)
    who = identifiers(
        {
            "externalCustomerId": behaviour.contact_key,
            "email": behaviour.email,
            "phone": digits(behaviour.phone),
        }
    )
    if not who:
        raise Skip(Reason.ANONYMOUS)
    params = {**who, **write(behaviour)}
    name = EVENT_TYPES[behaviour.type]
    return {"eventTypeKey": name, "keyValue": key_value(params), "params": params}


def nested_as_text(event: JSONObject) -> JSONObject:
    """The same event of a visitor's behaviour with its objects as JSON in a text, as the guide for
    v2 shows them (esputnik-api.md#behaviour-events). One that would grow too large by it stays as
    it is: nested JSON is taken too."""
    params = event["params"]
    if event["eventTypeKey"] not in EVENT_TYPES.values() or not isinstance(params, dict):
        return event
    texts: JSONObject = {
        name: encoded_text(value) if name in NESTED else value for name, value in params.items()
    }
    spelled = {**event, "params": texts}
    return spelled if len(encoded(spelled)) <= EVENT_LIMIT else event


def encoded_text(value: JSONValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _page(behaviour: Behaviour) -> JSONObject:
    location = text(behaviour.location or behaviour.visitor.page_url, limit=LONGEST_LOCATION)
    if not location:
        raise Skip(Reason.GONE)
    return {"page": {"location": location}}


def _product(behaviour: Behaviour) -> JSONObject:
    product = parts.product_of(behaviour)
    told: JSONObject = {
        **parts.tags(product, prefix=""),
        "productId": product.product_key,
        "price": number(parts.price_of(product)),
        "isInStock": parts.flag(product.is_in_stock),
    }
    return {"product": told, **_money(product.currency)}


def _category(behaviour: Behaviour) -> JSONObject:
    return {"category": {"productCategoryId": parts.category(behaviour)}}


def _search(behaviour: Behaviour) -> JSONObject:
    return {"search": parts.search(behaviour), "isFound": parts.flag(behaviour.is_found)}


def _cart(behaviour: Behaviour) -> JSONObject:
    items = [core(item) for item in parts.items_of(behaviour)]
    return cart_params(items, currency=behaviour.currency, guid=behaviour.guid)


def cart_params(items: Sequence[JSONObject], *, currency: str, guid: str) -> JSONObject:
    """The whole cart (esputnik-api.md#cart-updated); no items, an emptied one."""
    return {"products": [*items], **_money(currency), "recycleStateId": guid}


def core(item: CartItem) -> JSONObject:
    """What a line of the cart must have (esputnik-api.md#cart-updated)."""
    return {
        "productId": item.product_key,
        "quantity": item.quantity,
        "price": number(item.unit_price),
    }


def _impressions(behaviour: Behaviour) -> JSONObject:
    """Those of one variant of one recommendation, as the event has them."""
    shown = [(_variant(each.container), each.product_key) for each in behaviour.impressions]
    variant = next((found for found, _product in shown if found), "")
    if not variant:
        raise Skip(Reason.GONE)
    products: list[JSONValue] = [{"productId": key} for found, key in shown if found == variant]
    return {"recomVariantId": variant, "products": products}


def _variant(container: str) -> str:
    found = VARIANT.search(container)
    return found[0] if found else ""


def _money(currency: str) -> JSONObject:
    """Without a code, eSputnik takes it for the organisation's currency."""
    code = parts.currency(currency)
    return {"currencyCode": code} if code else {}


WRITERS: Mapping[BehaviourType, Callable[[Behaviour], JSONObject]] = {
    BehaviourType.PAGE_VIEW: _page,
    BehaviourType.PRODUCT_PAGE: _product,
    BehaviourType.CATEGORY_PAGE: _category,
    BehaviourType.STATUS_CART: _cart,
    BehaviourType.ADD_TO_WISHLIST: _product,
    BehaviourType.SEARCH_REQUEST: _search,
    BehaviourType.PRODUCT_IMPRESSIONS: _impressions,
}
