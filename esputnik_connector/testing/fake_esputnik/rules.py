"""What the document says in words and its schemas cannot: a text for a problem, else empty."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from . import behaviour_rules
from .contract import schema_problem
from .events import EMAIL_NAMES, PHONE_NAMES

EVENT_BYTES = 20_000  # "20 kB" per event; the smaller reading of a kB
IDENTIFYING_PARAMS = ("contactId", "externalCustomerId", "email", "phone", "pushToken")
# Names under which an event tells who it belongs to, in small letters.
IDENTIFIERS = frozenset(
    {"contactid", "contact_id", "externalcustomerid", "pushtoken", "contactkey", "contact_key"}
    | {*EMAIL_NAMES, *PHONE_NAMES}
)
IDENTIFIER_LENGTH = 300
FORBIDDEN = "<;\u2019\\/|\"`'^?!,>"
ORDER_EVENTS = ("orderCreated", "orderUpdated", "orderDelivered", "orderCancelled")
DATE_MISSING, DATE_UNREADABLE = "OCCURRED_DATE_IS_REQUIRED", "INCORRECT_OCCURRED_DATE_FORMAT"
OCCURRED = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?")
LONGEST_ORDER_PERIOD = timedelta(hours=24)
PAGING = ("startindex", "maxrows")


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


def with_texts(order: Any) -> Any:
    """An order as it is judged where its additionalInfo may hold numbers."""
    info = order.get("additionalInfo") if isinstance(order, dict) else None
    if not isinstance(info, dict):
        return order
    texts = {name: str(one) if isinstance(one, (int, float)) else one for name, one in info.items()}
    return {**order, "additionalInfo": texts}


def event_problem(event: Mapping[str, Any], params: Mapping[str, Any] | None) -> str:
    """``params`` is None when a name of a v1/v2 list stands there twice."""
    size = len(json.dumps(event, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > EVENT_BYTES:
        return f"an event of {size} bytes; at most {EVENT_BYTES} are taken"
    if params is None:
        return "params: names must be unique"
    if "keyValue" not in event and not any(_says_who(params, name) for name in IDENTIFYING_PARAMS):
        return f"neither keyValue nor one of the params {', '.join(IDENTIFYING_PARAMS)}"
    if problem := next(_identifier_problems(params), ""):
        return problem
    if event["eventTypeKey"] == "cartUpdated":
        return cart_problem(params)
    return behaviour_rules.event_problem(str(event["eventTypeKey"]), params)


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
    if event_type not in ORDER_EVENTS:
        return ""
    problem = schema_problem("OrderEventParams", dict(params))
    return f"{event_type} is ignored as an order: {problem}" if problem else ""


def occurred_status(event: Mapping[str, Any]) -> str:
    """eSputnik's word for the date of a past event that is missing or unreadable, or an empty
    text."""
    text = event.get("occurred")
    if text in (None, ""):
        return DATE_MISSING
    is_read = isinstance(text, str) and OCCURRED.fullmatch(text) and parse_minute(text)
    return "" if is_read else DATE_UNREADABLE


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


def search_problem(query: Mapping[str, str], *, is_strict: bool) -> str:
    """No other criterion may stand beside an external id; whether a page may is not said."""
    allowed = () if is_strict else PAGING
    beside = [name for name in query if name != "externalCustomerId" and name not in allowed]
    if "externalCustomerId" in query and beside:
        return f"externalCustomerId stands alone, without {beside[0]}"
    if "sortBy" in query and any(name not in (*PAGING, "sortBy") for name in query):
        return "sortBy is for a search without conditions"
    return ""


def parse_second(text: str) -> datetime | None:
    return _parsed(text[:19], "%Y-%m-%dT%H:%M:%S")


def parse_minute(text: str) -> datetime | None:
    return _parsed(text, "%Y-%m-%dT%H:%M" if "T" in text else "%Y-%m-%d")


def calendar_problem(date: str) -> str:
    return "" if parse_second(date) else f"date: {date!r} is not in the calendar"


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 (the stamps have no zone)
    except ValueError:
        return None


def _says_who(params: Mapping[str, Any], name: str) -> bool:
    return str(params.get(name) or "").strip() not in ("", "null")


def _identifier_problems(params: Mapping[str, Any]) -> Iterator[str]:
    """What names a contact obeys the rules of a keyValue, wherever it stands."""
    for name, value in params.items():
        if str(name).lower() not in IDENTIFIERS or not isinstance(value, (str, int)):
            continue
        text = str(value)
        if len(text) > IDENTIFIER_LENGTH:
            yield f"params.{name}: {len(text)} characters; at most {IDENTIFIER_LENGTH} are taken"
        if bad := sorted(set(text) & set(FORBIDDEN)):
            yield f"params.{name}: forbidden characters {' '.join(bad)}"
