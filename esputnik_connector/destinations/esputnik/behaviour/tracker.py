"""Behaviour as a worker tells the tracker: one JSON body each (esputnik-api.md#web-tracking).
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from esputnik_connector.behaviour import Behaviour, BehaviourType, ViewedProduct, purchase_id
from esputnik_connector.destinations.esputnik.orders.money import number
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, JSONValue, Reason

from . import parts

COOKIE_LENGTH = 200  # characters; eSputnik's own are UUIDs
USER_AGENT_LENGTH = 500


def body(behaviour: Behaviour, *, site_id: str) -> JSONObject:
    """What is posted to the tracker.

    :param site_id: of the registered domain.
    :raises Skip: it cannot be told, for a reason: the domain is not registered, nothing is known by
        which the tracker would tell this visitor from others, or it has no such event.
    """
    write = WRITERS.get(behaviour.type)
    if write is None:
        raise Skip(Reason.NOT_SUPPORTED)
    if not site_id:
        raise Skip(Reason.NO_SITE)
    if behaviour.type is BehaviourType.PRODUCT_UPDATE:
        general: JSONObject = {"eventName": behaviour.type.value, "siteId": site_id}
    else:
        general = _general(behaviour, site_id)
    return {"GeneralInfo": general, **write(behaviour)}


def user_agent(behaviour: Behaviour) -> str:
    """The header of the visitor's own browser, which is forwarded: by the shop's own, all visitors
    would be one robot. What no header can hold is left out.

    :raises Skip: the browser did not say what it is.
    """
    if behaviour.type is BehaviourType.PRODUCT_UPDATE:
        return ""
    given = behaviour.visitor.user_agent
    usable = "".join(char for char in given if char.isascii() and char.isprintable())
    if not usable.strip():
        raise Skip(Reason.NO_VISITOR)
    return usable.strip()[:USER_AGENT_LENGTH]


def _general(behaviour: Behaviour, site_id: str) -> JSONObject:
    cookie = behaviour.visitor.cookie.strip()
    if not 0 < len(cookie) <= COOKIE_LENGTH or not (cookie.isascii() and cookie.isprintable()):
        raise Skip(Reason.NO_VISITOR)
    general: JSONObject = {
        "eventName": behaviour.type.value,
        "siteId": site_id,
        "datetime": _milliseconds(behaviour.happened_at),
        "cookies": {"sc": cookie},
        **parts.person(behaviour),
    }
    if parts.blocks(behaviour):
        general["s_location"] = behaviour.visitor.page_url
    return general


def _milliseconds(moment: datetime | None) -> int:
    """:raises Skip: nobody knows when it was."""
    if moment is None:
        raise Skip(Reason.TOO_LATE)
    return round(moment.timestamp() * 1000)


def _product(behaviour: Behaviour) -> JSONObject:
    """The price names its currency, ``"754.00 UAH"``: there is no other place for it."""
    product = parts.product_of(behaviour)
    code = parts.currency(product.currency)
    told = f"{parts.price(parts.price_of(product))} {code}".strip()
    return {"ProductPage": {"Product": _seen(product, told)}}


def _wish(behaviour: Behaviour) -> JSONObject:
    product = parts.product_of(behaviour)
    told = parts.price(parts.price_of(product))
    return {"AddToWishlist": {"Product": _seen(product, told)}}


def _seen(product: ViewedProduct, price: str) -> JSONObject:
    return {
        "productKey": product.product_key,
        "price": price,
        "isInStock": str(parts.flag(product.is_in_stock)),
        **parts.tags(product),
    }


def _category(behaviour: Behaviour) -> JSONObject:
    return {"CategoryPage": {"Category": {"categoryKey": parts.category(behaviour)}}}


def _search(behaviour: Behaviour) -> JSONObject:
    found = parts.flag(behaviour.is_found)
    return {"SearchRequest": {"search": parts.search(behaviour), "isFound": found}}


def _cart(behaviour: Behaviour) -> JSONObject:
    """Numbers here, which are texts in the browser."""
    code = parts.currency(behaviour.currency)
    told: list[JSONValue] = [
        {
            "productKey": item.product_key,
            "price": number(item.unit_price),
            "quantity": item.quantity,
            **({"price_currency_code": code} if code else {}),
        }
        for item in parts.items_of(behaviour)
    ]
    return {"StatusCart": {"GUID": behaviour.guid, "Products": told}}


def _purchase(behaviour: Behaviour) -> JSONObject:
    """Of one order always under one id, however often it is told (esputnik-api.md#cart-guid)."""
    bought: list[JSONValue] = [
        {
            "product_id": item.product_key,
            "unit_price": parts.price(item.unit_price),
            "quantity": item.quantity,
        }
        for item in parts.items_of(behaviour)
    ]
    if not bought and not behaviour.guid:
        raise Skip(Reason.GONE)
    told: JSONObject = {"OrderNumber": behaviour.order_number}
    if bought:
        told["Products"] = bought
    if behaviour.guid:
        told["GUID"] = behaviour.guid
    return {"TrackedOrderId": purchase_id(behaviour.order_number), "PurchasedItems": told}


def _customer(behaviour: Behaviour) -> JSONObject:
    """All of it stands in ``GeneralInfo``.

    :raises Skip: nobody is known.
    """
    parts.customer(behaviour)
    return {}


def _impressions(behaviour: Behaviour) -> JSONObject:
    """The name is plural, the key is not."""
    shown: list[JSONValue] = [
        {"product_id": each.product_key, "container_type": each.container}
        for each in behaviour.impressions
    ]
    if not shown:
        raise Skip(Reason.GONE)
    return {"ProductImpression": {"Products": shown}}


def _update(behaviour: Behaviour) -> JSONObject:
    """Price and stock of a product since the feed was read last. What it cost before is one of its
    tags, ``oldprice``."""
    product = parts.product_of(behaviour)
    told: JSONObject = {
        "product_id": product.product_key,
        "isInStock": str(parts.flag(product.is_in_stock)),
    }
    if product.price is not None:
        told["unit_price"] = parts.price(product.price)
        if code := parts.currency(product.currency):
            told["price_currency_code"] = code
    return {"ProductUpdate": [{**told, **parts.tags(product)}]}


WRITERS: Mapping[BehaviourType, Callable[[Behaviour], JSONObject]] = {
    BehaviourType.PRODUCT_PAGE: _product,
    BehaviourType.CATEGORY_PAGE: _category,
    BehaviourType.SEARCH_REQUEST: _search,
    BehaviourType.STATUS_CART: _cart,
    BehaviourType.PURCHASED_ITEMS: _purchase,
    BehaviourType.ADD_TO_WISHLIST: _wish,
    BehaviourType.CUSTOMER_DATA: _customer,
    BehaviourType.PRODUCT_IMPRESSIONS: _impressions,
    BehaviourType.PRODUCT_UPDATE: _update,
}
