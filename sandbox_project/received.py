"""What the fake eSputnik has received, in the form of the shop's expectations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests


@dataclass(frozen=True)
class ReceivedContact:
    key: str
    email: str
    phone: str
    first_name: str
    last_name: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class ReceivedOrder:
    number: str
    statuses: tuple[str, ...]
    total: Decimal
    currency: str
    contact_key: str
    email: str
    items: dict[str, int]


@dataclass(frozen=True)
class ReceivedCart:
    contact_key: str
    email: str
    token: str
    items: dict[str, int]


@dataclass(frozen=True)
class ReceivedBehaviour:
    """What the tracker, or eSputnik's script in a browser, was told of a visitor."""

    visitor: str  # the cookie
    type: str
    about: str


@dataclass(frozen=True)
class Received:
    contacts: tuple[ReceivedContact, ...]
    orders: tuple[ReceivedOrder, ...]
    carts: tuple[ReceivedCart, ...]
    violations: tuple[str, ...]
    raised: tuple[str, ...]  # people who were erased and came back
    behaviour: tuple[ReceivedBehaviour, ...] = ()
    feeds: tuple[str, ...] = ()  # host, language, default, of each registered product feed

    def contact(self, key: str) -> ReceivedContact | None:
        return next((contact for contact in self.contacts if contact.key == key), None)

    def order(self, number: str) -> ReceivedOrder | None:
        return next((order for order in self.orders if order.number == number), None)

    def carts_of(self, contact_key: str) -> tuple[ReceivedCart, ...]:
        return tuple(cart for cart in self.carts if cart.contact_key == contact_key)


def ask(fake_url: str) -> Received:
    """Ask the fake what it has received until now."""
    answer = requests.get(f"{fake_url}/_fake/state", timeout=10)
    answer.raise_for_status()
    return read(json.loads(answer.text, parse_float=Decimal))


def read(state: Mapping[str, Any]) -> Received:
    events = state["events"]
    return Received(
        contacts=tuple(_contact(contact) for contact in _rows(state["contacts"])),
        orders=tuple(_order(order) for order in _rows(state["orders"])),
        carts=tuple(_cart(event["params"]) for event in events if event["type"] == "cartUpdated"),
        violations=tuple(json.dumps(one, ensure_ascii=False) for one in state["violations"]),
        feeds=tuple(map(_feed, state.get("feeds", ()))),
        behaviour=(*_tracked(events), *map(_told, state.get("visits", ()))),
        raised=tuple(json.dumps(one) for one in state["recreated_after_erase"]),
    )


def _rows(rows: Any) -> list[Mapping[str, Any]]:
    return list(rows.values()) if isinstance(rows, Mapping) else list(rows)


def _feed(feed: Mapping[str, Any]) -> str:
    """Without the secret part of the address."""
    host = feed["url"].partition("://")[2].partition("/")[0]
    default = ", default" if feed["default"] else ""
    return f"{host}/… {feed['language']}{default}"


def _tracked(events: Any) -> Iterator[ReceivedBehaviour]:
    for event in events:
        if event["source"] == "tracker":
            general = event["general"]
            payload = {**event["params"], **{k: v for k, v in general.items() if k == "user_email"}}
            yield ReceivedBehaviour(general["cookies"]["sc"], event["type"], _about(payload))


def _told(visit: Mapping[str, Any]) -> ReceivedBehaviour:
    _send, name, *payload = visit["call"]
    return ReceivedBehaviour(str(visit["visitor"]), str(name), _about(*payload))


def _about(payload: Any = "") -> str:
    """In short what it is about: the innermost values that a person would ask for."""
    wanted = ("productKey", "product_id", "categoryKey", "search", "OrderNumber", "user_email")
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            found.extend(str(value[name]) for name in wanted if name in value)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(payload)
    return ", ".join(dict.fromkeys(found))


def _contact(contact: Mapping[str, Any]) -> ReceivedContact:
    return ReceivedContact(
        key=contact.get("externalCustomerId", ""),
        email=contact.get("email") or "",
        phone=contact.get("sms") or "",
        first_name=contact.get("firstName") or "",
        last_name=contact.get("lastName") or "",
    )


def _order(order: Mapping[str, Any]) -> ReceivedOrder:
    body = order["body"]
    return ReceivedOrder(
        number=str(body["externalOrderId"]),
        statuses=tuple(step["status"] for step in order["history"]),
        total=Decimal(body["totalCost"]),
        currency=body["currency"],
        contact_key=body.get("externalCustomerId", ""),
        email=body.get("email", ""),
        items={item["externalItemId"]: int(item["quantity"]) for item in body.get("items", ())},
    )


def _cart(params: Mapping[str, Any]) -> ReceivedCart:
    products = params["products"]
    if isinstance(products, str):
        products = json.loads(products)
    return ReceivedCart(
        contact_key=params.get("externalCustomerId", ""),
        email=params.get("email", ""),
        token=str(params["recycleStateId"]),
        items={product["productId"]: int(product["quantity"]) for product in products},
    )
