"""An order as an event (esputnik-api.md#order-events), of now or of the past. Pure.

eSputnik takes an event for an order only when it is whole: an item without its name, category, link
or picture makes it silently no order. Such an item is left out, with a note, and the money that it
was worth stands in ``additionalInfo.adjustment``, so that the sum stays what was paid.
"""

from __future__ import annotations

from datetime import datetime

from esputnik_connector.destinations.base import Account, Delivered
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.choices import EVENTS, PAST_EVENTS
from esputnik_connector.destinations.esputnik.events.identity import EVENT_LIMIT, NAMES, identifiers
from esputnik_connector.destinations.esputnik.events.payload import (
    event,
    past_event,
    shop_time,
)
from esputnik_connector.destinations.esputnik.payloads import notes
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import cart_token
from esputnik_connector.records import JSONObject, JSONValue, Note, Order, Reason

from .money import adjusted, units

# Without one of these an event is silently not taken for an order (esputnik-api.md#order-events).
EVENT_ITEM_FIELDS = frozenset(
    {"externalItemId", "name", "quantity", "cost", "url", "imageUrl", "category"}
)

# Bytes, at most: the event's type, key and moment, the token of the cart, and the customer's names
# and addresses, which no digest of an order counts.
EVENT_FRAME = 4000

EVENT_ROUTES = frozenset({EVENTS, PAST_EVENTS})

# The event of a status that an order known there has reached; otherwise it is orderUpdated.
STATUS_EVENTS = {"DELIVERED": "orderDelivered", "CANCELLED": "orderCancelled"}


def event_payload(
    order: Order, body: JSONObject, *, account: Account, last: Delivered | None, size: int
) -> tuple[JSONObject, tuple[Note, ...]]:
    """The order as the parameters of an event, and what was left out of it.

    :param body: the order as ``POST /v1/orders`` takes it, of at most ``size`` bytes.
    :raises Skip: no identifier of the customer can stand in an event.
    """
    is_past = account.order_route == PAST_EVENTS
    placed = shop_time(order.placed_at)
    params = _params(order, body, placed, account=account)
    params, is_incomplete = _with_whole_items(params)
    kind = _event_type(params, last=last, is_past=is_past)

    def built(params: JSONObject) -> JSONObject:
        return past_event(kind, params, placed) if is_past else event(kind, params)

    made = built(params)
    is_large = size + EVENT_FRAME >= EVENT_LIMIT and len(encoded(made)) > EVENT_LIMIT
    if is_large:
        made = built(_without(params, whole=True))
    left_out = notes((), (Note.ITEM_INCOMPLETE, is_incomplete), (Note.DETAILS_DROPPED, is_large))
    return {"past_event" if is_past else "event": made}, left_out


def _params(order: Order, body: JSONObject, placed: datetime, *, account: Account) -> JSONObject:
    who = identifiers(body)
    if not who:
        raise Skip(Reason.NO_CONTACT_DATA)
    params = {**body}
    for name in NAMES:
        if name not in who:  # seldom: what is not known is not in the body either
            params.pop(name, None)
    params["date"] = placed.isoformat(timespec="seconds")
    if order.cart_key:
        usual = cart_token(order.cart_key, salt=account.salt)  # of a state before it had GUIDs
        params["recycleStateId"] = order.cart_guid or usual
    return params


def _event_type(params: JSONObject, *, last: Delivered | None, is_past: bool) -> str:
    if last is None or not last.is_certain:  # a try got lost: it is still new there
        return "orderCreated"
    status = "" if is_past else str(params["status"])  # history only states what is so
    return STATUS_EVENTS.get(status, "orderUpdated")


def _with_whole_items(params: JSONObject) -> tuple[JSONObject, bool]:
    """The parameters with those items that eSputnik takes, and whether there were others."""
    if all(map(_is_whole, _items(params))):
        return params, False
    return _without(params, whole=False), True


def _without(params: JSONObject, *, whole: bool) -> JSONObject:
    """The parameters without the items that lack something, or without ``whole`` ones too."""
    items = _items(params)
    kept: list[JSONValue] = [] if whole else [item for item in items if _is_whole(item)]
    gone = [item for item in items if item not in kept]
    worth = sum(adjusted(item["cost"]) * int(str(item["quantity"])) for item in gone)
    info = params.get("additionalInfo")
    known = info.get("adjustment", "0") if isinstance(info, dict) else "0"
    adjustment = adjusted(known) + worth
    rest = {
        name: value for name, value in params.items() if name not in ("items", "additionalInfo")
    }
    if adjustment:
        rest["additionalInfo"] = {"adjustment": f"{units(adjustment):.2f}"}
    return {**rest, "items": kept} if kept else rest


def _items(params: JSONObject) -> list[JSONObject]:
    items = params.get("items")
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def _is_whole(item: JSONObject) -> bool:
    return item.keys() >= EVENT_ITEM_FIELDS
