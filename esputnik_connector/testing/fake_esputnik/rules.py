"""What the contract says in words and its schemas cannot: a text for a problem, else empty."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .contract import schema_problem

EVENT_BYTES = 20_000  # "20 kB" per event; the smaller reading of a kB
IDENTIFYING_PARAMS = ("contactId", "externalCustomerId", "email", "phone", "pushToken")
ORDER_EVENTS = ("orderCreated", "orderUpdated", "orderDelivered", "orderCancelled")
LONGEST_ORDER_PERIOD = timedelta(hours=24)


def blank_text_problem(value: Any, where: str = "") -> str:
    """A field without data is left out; "" and " " would be stored as if they were data."""
    if isinstance(value, str):
        return "" if value.strip() else f"{where or 'body'}: blank text; leave the field out"
    if isinstance(value, dict):
        parts = [(f"{where}.{key}" if where else key, part) for key, part in value.items()]
    elif isinstance(value, list):
        parts = [(f"{where}[{index}]", part) for index, part in enumerate(value)]
    else:
        return ""
    return next(filter(None, (blank_text_problem(part, name) for name, part in parts)), "")


def contact_problem(contact: Any) -> str:
    return schema_problem("Contact", contact) or blank_text_problem(contact)


def order_problem(order: Any) -> str:
    problem = schema_problem("Order", order) or blank_text_problem(order)
    return problem or _calendar_problem(order["date"])


def event_problem(event: Mapping[str, Any], params: Mapping[str, Any] | None) -> str:
    """``params`` is None when a name of a v1/v2 list stands there twice."""
    size = len(json.dumps(event, ensure_ascii=False).encode())
    if size > EVENT_BYTES:
        return f"an event of {size} bytes; at most {EVENT_BYTES} are taken"
    if params is None:
        return "params: names must be unique"
    if "keyValue" not in event and not any(_says_who(params, name) for name in IDENTIFYING_PARAMS):
        return f"neither keyValue nor one of the params {', '.join(IDENTIFYING_PARAMS)}"
    if event["eventTypeKey"] == "cartUpdated":
        return cart_problem(params)
    return ""


def cart_problem(params: Mapping[str, Any]) -> str:
    """``products`` is the whole cart; an empty list is an emptied cart."""
    if not str(params.get("recycleStateId") or "").strip():
        return "cartUpdated: recycleStateId is required"
    products = params.get("products")
    if not isinstance(products, list):
        return "cartUpdated: products must be a list, empty for an empty cart"
    for index, product in enumerate(products):
        if not isinstance(product, dict):
            return f"cartUpdated: products[{index}] is not an object"
        for name in ("productId", "quantity", "price"):
            if product.get(name) in (None, ""):
                return f"cartUpdated: products[{index}].{name} is required"
    return ""


def order_event_problem(event_type: str, params: Mapping[str, Any]) -> str:
    """Such an event is accepted all the same and silently becomes no order."""
    problem = schema_problem("OrderEventParams", dict(params))
    return f"{event_type} is ignored as an order: {problem}" if problem else ""


def order_deletion_problem(query: Mapping[str, str]) -> str:
    by_id, by_time = "externalOrderId" in query, "from" in query or "to" in query
    if by_id == by_time:
        return "give externalOrderId, or both from and to"
    if by_id:
        return ""
    if "from" not in query or "to" not in query:
        return "give both from and to"
    start, end = parse_second(query["from"]), parse_second(query["to"])
    if start is None or end is None or not start < end:
        return "from must be earlier than to"
    return "" if end - start <= LONGEST_ORDER_PERIOD else "the period is longer than 24 hours"


def parse_second(text: str) -> datetime | None:
    try:
        return datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 (the stamp has no zone)
    except ValueError:
        return None


def _calendar_problem(date: str) -> str:
    return "" if parse_second(date) else f"date: {date!r} is not in the calendar"


def _says_who(params: Mapping[str, Any], name: str) -> bool:
    return str(params.get(name) or "").strip() not in ("", "null")
