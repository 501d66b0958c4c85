"""Which records a 2xx refused after all. Pure.

An item of ``failedContacts`` is the contact without its external id, so it is known by its whole
set of channels (esputnik-api.md#failed-contacts). An item of ``failedOrders`` is known by the
number of its order, and by nothing else: a customer's id may equal another order's number
(esputnik-api.md#failed-orders). What fits no record or several names none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.responses import vendor_words
from esputnik_connector.records import JSONValue, Kind

from .values import entries, text_of

LISTS = ("failedContacts", "failedOrders", "errors")

Channels = frozenset[tuple[str, str]]  # type and value, in lower case


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One item of a list of failures. ``key`` is ``""`` when it fits no record or several."""

    key: str
    words: str


def refusals(body: JSONValue, envelopes: Sequence[Envelope]) -> list[Refusal]:
    """Every refusal in the answer to a call with these records. With a single record there is
    no other record that it could mean."""
    items = list(_items(body))
    if len(envelopes) == 1:
        return [Refusal(key=envelopes[0].key, words=_words(item)) for item in items]
    if not items:
        return []
    is_order = envelopes[0].kind is Kind.ORDER
    keys = {envelope.key for envelope in envelopes}
    owners = {} if is_order else _owners(envelopes)
    return [
        Refusal(
            key=_order_key(item, keys) if is_order else owners.get(_channels(item), ""),
            words=_words(item),
        )
        for item in items
    ]


def _items(body: JSONValue) -> Iterator[JSONValue]:
    if isinstance(body, list):  # "the body lists the orders that could not be added"
        yield from (item for item in body if item)
    if not isinstance(body, dict):
        return
    for name in LISTS:
        found = body.get(name)
        yield from (item for item in (found if isinstance(found, list) else [found]) if item)
    if body.get("errorMessage") and not any(body.get(name) for name in (*LISTS, "asyncSessionId")):
        yield vendor_words(body)


def _words(item: JSONValue) -> str:
    return vendor_words(item, item if isinstance(item, str) else "") or "refused"


def _order_key(item: JSONValue, keys: set[str]) -> str:
    order = item.get("order", item) if isinstance(item, dict) else None
    number = text_of(order, "externalOrderId")
    return number if number in keys else ""


def _owners(envelopes: Sequence[Envelope]) -> dict[Channels, str]:
    """Channels → key of the contact that has exactly these; ``""`` if several have."""
    owners: dict[Channels, str] = {}
    for envelope in envelopes:
        channels = _channels(envelope.payload.get("contact"))
        owners[channels] = "" if channels in owners or not channels else envelope.key
    return owners


def _channels(contact: JSONValue) -> Channels:
    found = entries(contact.get("channels")) if isinstance(contact, dict) else []
    pairs = ((text_of(one, "type").lower(), text_of(one, "value").lower()) for one in found)
    return frozenset((kind, value.lstrip("+")) for kind, value in pairs)
