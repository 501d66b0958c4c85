"""What the guides say in words of behaviour, by the tracker and as events: a text for a problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Event → where its object is, and what that object must have.
OBJECTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pageViewed": ("page", ("location",)),
    "productViewed": ("product", ("productId", "price")),
    "productCategoryViewed": ("category", ("productCategoryId",)),
    "productAddedToWishlist": ("product", ("productId", "price")),
}
NUMBERS = ("price", "quantity")
# These exist in the script alone.
BROWSER_ONLY = frozenset({"MainPage", "NotFound", "PageView", "StatusCartPage"})


def event_problem(event_type: str, params: Mapping[str, Any]) -> str:
    """Of one event of behaviour; of any other event nothing is known."""
    if event_type in OBJECTS:
        name, required = OBJECTS[event_type]
        return _object_problem(f"{event_type}.{name}", params.get(name), required)
    if event_type == "searchRequest":
        return _search_problem(params)
    if event_type == "productImpressions":
        if not str(params.get("recomVariantId") or "").strip():
            return "productImpressions: recomVariantId is required"
        products = params.get("products")
        if not isinstance(products, list) or not products:
            return "productImpressions: products is required"
    return ""


def tracking_problem(body: Mapping[str, Any], *, user_agent: str, sites: Mapping[str, str]) -> str:
    """Of one body that the schema finds well formed.

    :param sites: registered domains, by their siteId; while there is none, any site will do.
    """
    general = body["GeneralInfo"]
    name = general["eventName"]
    if name in BROWSER_ONLY:
        return f"{name} exists in the script only"
    if sites and general["siteId"] not in sites:
        return f"siteId {general['siteId']!r} is of no registered domain"
    others = sorted(body.keys() - {"GeneralInfo", "TrackedOrderId", KEY_OF.get(name, name)})
    if others:
        return f"{name}: {others[0]} belongs to another event"
    if name != "ProductUpdate" and not user_agent.strip():
        return f"{name}: without the visitor's User-Agent it is taken for a robot"
    return ""


KEY_OF = {"ProductImpressions": "ProductImpression"}


def _search_problem(params: Mapping[str, Any]) -> str:
    if not str(params.get("search") or "").strip():
        return "searchRequest: search is required"
    if params.get("isFound", 0) not in (0, 1):
        return "searchRequest: isFound is 0 or 1"
    return ""


def _object_problem(where: str, value: Any, required: tuple[str, ...]) -> str:
    if not isinstance(value, dict):
        return f"{where}: an object, or one as JSON text, is required"
    for name in required:
        if value.get(name) in (None, ""):
            return f"{where}.{name} is required"
        if name in NUMBERS and not isinstance(value[name], (int, float)):
            return f"{where}.{name} must be a number"
    if value.get("isInStock", 0) not in (0, 1):
        return f"{where}.isInStock is 0 or 1"
    return ""
