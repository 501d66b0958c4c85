"""Behaviour in the outbox: the row carries the record until it is sent, and nothing but ciphertext.

Who the visitor was, only the request knew. The record is removed with the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from esputnik_connector.behaviour import (
    Behaviour,
    BehaviourType,
    Impression,
    ViewedProduct,
    Visitor,
)
from esputnik_connector.carts import CartItem
from esputnik_connector.fields import encrypt
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.events.carried import RECORD, aware_now, damaged, plain_text
from esputnik_connector.records import JSONObject, JSONValue, Kind

PLAIN = frozenset({bool, int, str})
OF_A_REQUEST = ("cookie", "user_agent", "page_url", "language")


def sealed(behaviour: Behaviour) -> JSONObject:
    """The payload of a row that carries this.

    :raises ConfigurationError: there is no key to encrypt with.
    :raises TypeError: it holds something that none of its fields may.
    """
    return {RECORD: encrypt(json.dumps(plain(behaviour), separators=(",", ":")))}


def plain(behaviour: Behaviour) -> JSONObject:
    """As JSON, without what is usual.

    :raises TypeError: it holds something that none of its fields may.
    """
    told: JSONObject = _plain(behaviour)
    return told


def from_plain(values: Any) -> Behaviour:
    """:raises ValueError: it is not what :func:`plain` makes."""
    try:
        return _behaviour(values)
    except Exception as error:  # in whatever way a damaged one fails
        raise ValueError("no behaviour") from error


def as_of_now(behaviour: Behaviour) -> Behaviour:
    """With its moment, which is now unless it has one, and without what the shop's own code might
    change before it is written down."""
    if behaviour.product is not None and behaviour.product.tags:
        tags = {name: tuple(each) for name, each in behaviour.product.tags.items()}
        behaviour = replace(behaviour, product=replace(behaviour.product, tags=tags))
    if behaviour.happened_at is not None:
        return behaviour
    return replace(behaviour, happened_at=aware_now())


def written(visitor: Visitor) -> str:
    """A visitor as one text, to be encrypted: what only a request knows of them. Who they are, the
    cart says; their key alone stands here, for the day on which they want to be forgotten."""
    known = {name: getattr(visitor, name) for name in (*OF_A_REQUEST, "contact_key")}
    return json.dumps({name: value for name, value in known.items() if value})


def read(text: str) -> Visitor:
    """The visitor of :func:`written`, without who it was."""
    known = json.loads(text)
    return Visitor(**{name: known[name] for name in OF_A_REQUEST if name in known})


def opened(key: str, payload: JSONValue) -> Behaviour:
    """What a row carries.

    :raises UnreadableEventError: no present key opens it, or it is damaged. The text says which.
    """
    text = plain_text(payload)
    try:
        found = from_plain(json.loads(text))
    except ValueError as error:
        raise damaged() from error
    if found.key != key:
        raise damaged()
    return found


def carried(connection: Connection, keys: Sequence[str]) -> dict[str, Behaviour]:
    """Key → the behaviour in the oldest row of it; of a product's price and stock, which may have
    changed again meanwhile, what its rows say together. One query.

    :raises UnreadableEventError: one of them cannot be read.
    """
    rows = OutboxMessage.objects.of(connection, Kind.BEHAVIOUR).filter(key__in=keys)
    found: dict[str, Behaviour] = {}
    for key, payload in rows.order_by("pk").values_list("key", "payload"):
        if key not in found:
            found[key] = opened(key, payload)
        elif found[key].type is BehaviourType.PRODUCT_UPDATE:
            found[key] = _together(found[key], opened(key, payload))
    return found


def _together(older: Behaviour, newer: Behaviour) -> Behaviour:
    """The newer one; with the price of the older, if only the stock changed since."""
    was, now = older.product, newer.product
    if was is None or now is None or now.price is not None:
        return newer
    priced = replace(now, price=was.price, currency=was.currency, tags=was.tags)
    return replace(newer, product=priced)


def _plain(value: Any) -> Any:
    """``value`` as JSON, without what is usual."""
    kind = type(value)
    if value is None or kind in PLAIN:
        return value
    if isinstance(value, (bool, int, str)):  # such as a type
        return value
    if isinstance(value, (Decimal, datetime)):
        return str(value)
    if is_dataclass(kind):
        told = {}
        for name, usual in _fields_of(kind):
            each = getattr(value, name)
            if each != usual:
                told[name] = each if type(each) in PLAIN else _plain(each)
        return told
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    raise TypeError(f"{kind.__name__} is nothing that behaviour can hold")


@cache  # a page view asks for three of them
def _fields_of(kind: Any) -> list[tuple[str, object]]:
    """Name and usual value of each field of a dataclass."""
    return [(field.name, _usual(field)) for field in fields(kind)]


def _usual(field: Any) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _behaviour(values: dict[str, Any]) -> Behaviour:
    read = {name: READERS[name](each) for name, each in values.items() if name in READERS}
    return Behaviour(**{**values, **read})


def _product(values: dict[str, Any]) -> ViewedProduct:
    price = values.get("price")
    tags = {name: tuple(each) for name, each in values.get("tags", {}).items()}
    amount = None if price is None else Decimal(price)
    return ViewedProduct(**{**values, "price": amount, "tags": tags})


def _item(values: dict[str, Any]) -> CartItem:
    return CartItem(**{**values, "unit_price": Decimal(values["unit_price"])})


READERS: Mapping[str, Any] = {
    "type": BehaviourType,
    "happened_at": datetime.fromisoformat,
    "visitor": lambda values: Visitor(**values),
    "product": _product,
    "items": lambda values: tuple(map(_item, values)),
    "impressions": lambda values: tuple(Impression(**each) for each in values),
}
