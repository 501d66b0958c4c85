"""Which records a request carried, and which state of each. Knows eSputnik's document, not our
code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.evidence import Exchange

CONTACT, ORDER, CART, ERASURE = "contact", "order", "cart", "erasure"
ORDER_EVENTS = ("orderCreated", "orderUpdated", "orderDelivered", "orderCancelled")


@dataclass(frozen=True)
class Sent:
    """One record in one request. ``body`` is as it stood there."""

    kind: str
    key: str
    body: Mapping[str, Any]
    summary: str

    def is_of(self, kind: str, key: str) -> bool:
        return self.key == key and (self.kind == kind or {self.kind, kind} == {CONTACT, ERASURE})


def sent_records(exchange: Exchange) -> Iterator[Sent]:
    """Guests' contacts have no key of their own: they go by their e-mail."""
    if exchange.method == "DELETE" and exchange.path == "/api/v1/contact":
        key = exchange.query.get("externalCustomerId", "")
        yield Sent(ERASURE, key, {}, "deletion")
        return
    body = exchange.body
    if exchange.method != "POST" or not isinstance(body, Mapping):
        return
    for contact in _contacts(exchange.path, body):
        yield _contact(contact)
    for order in body.get("orders", []) if exchange.path == "/api/v1/orders" else []:
        yield _order(order)
    for event in _events(exchange.path, body):
        params = _params(event)
        if event.get("eventTypeKey") in ORDER_EVENTS:
            yield _order(params)
        elif event.get("eventTypeKey") == "cartUpdated":
            count = total_quantity(params.get("products"))
            yield Sent(CART, str(params.get("recycleStateId")), params, f"{count} pieces")


def total_quantity(products: Any) -> int:
    return sum(items_of(products).values())


def items_of(products: Any, *, name: str = "productId") -> dict[str, int]:
    """Product → pieces of a cart or an order."""
    if isinstance(products, str):
        products = json.loads(products)
    found: dict[str, int] = {}
    for product in products or []:
        key = str(product[name])
        found[key] = found.get(key, 0) + int(product["quantity"])
    return found


def _contacts(path: str, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if path == "/api/v1/contact":
        return [body]
    return body.get("contacts", []) if path == "/api/v1/contacts" else []


def _contact(body: Mapping[str, Any]) -> Sent:
    channels = {one.get("type"): one.get("value") for one in body.get("channels", [])}
    key = str(body.get("externalCustomerId") or channels.get("email") or channels.get("sms") or "")
    name = f"{body.get('firstName', '')} {body.get('lastName', '')}".strip()
    return Sent(CONTACT, key, body, f"{name} {channels.get('email', '')}")


def _order(body: Mapping[str, Any]) -> Sent:
    who = body.get("externalCustomerId") or "a guest"
    summary = f"{body.get('statusDescription')} = {body.get('status')} of {who}"
    return Sent(ORDER, str(body.get("externalOrderId")), body, summary)


def _events(path: str, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if path.endswith("/past_events"):
        return body.get("events", [])
    return [body] if path.endswith("/event") else []


def _params(event: Mapping[str, Any]) -> Mapping[str, Any]:
    params = event.get("params", {})
    if isinstance(params, list):  # v1 and v2
        return {one["name"]: one["value"] for one in params}
    return params
