"""Payloads become bytes: each once for its digest and once for the wire, and never with NaN."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest
import responses

from esputnik_connector.destinations import digest as digests
from esputnik_connector.destinations import encoding
from esputnik_connector.destinations.digest import digest, measured_digest
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.destinations.esputnik.events.payload import past_event, shop_time
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.records import Order, OrderItem, Outcome
from tests.unit.samples import ACCOUNT

PLACED = datetime(2024, 7, 1, 21, 30, 15, tzinfo=timezone.utc)
BODY = {"name": "Кобзар", "items": [{"cost": 10.0, "b": None}], "a": True}


class Counting:
    """An encoder that counts what it is given."""

    def __init__(self, encoder: json.JSONEncoder) -> None:
        self.encoder = encoder
        self.given: list[object] = []

    def encode(self, value: object) -> str:
        self.given.append(value)
        return self.encoder.encode(value)


@pytest.fixture
def counted(monkeypatch) -> dict[str, Counting]:
    doubles = {"digest": Counting(digests.CANONICAL), "wire": Counting(encoding.WIRE)}
    monkeypatch.setattr(digests, "CANONICAL", doubles["digest"])
    monkeypatch.setattr(encoding, "WIRE", doubles["wire"])
    return doubles


def orders(number: int) -> list[Order]:
    item = OrderItem(
        product_key="7", quantity=1, total=Decimal(10), name="Кобзар", category="Книги",
        url="https://shop.example/kobzar/", image_url="https://shop.example/kobzar.jpg",
    )  # fmt: skip
    return [
        Order(
            key=str(1000 + each), placed_at=PLACED, status="New", currency="UAH",
            total=Decimal(10), contact_key=str(each), items=(item,),
        )
        for each in range(number)
    ]  # fmt: skip


@responses.activate
@pytest.mark.parametrize("route", ["orders", "past_events"])
def test_an_order_is_encoded_once_for_its_digest_and_once_for_the_wire(counted, route):
    taken = {"results": [{"status": "ACCEPTED"}] * 10}
    responses.post(f"{ACCOUNT.api_url}/v1/orders", json={"failedOrders": []})
    responses.post(f"{ACCOUNT.api_url}/v3/past_events", json=taken)
    with closing(EsputnikDestination(replace(ACCOUNT, order_route=route), {})) as destination:
        envelopes = [destination.prepare(one, last=None) for one in orders(10)]
        assert len(counted["digest"].given) == 10
        assert counted["wire"].given == []
        receipts = destination.deliver(envelopes)
    assert [one.outcome for one in receipts] == [Outcome.DELIVERED] * 10
    (body,) = counted["wire"].given
    assert len(next(iter(body.values()))) == 10
    assert len(counted["digest"].given) == 10


def test_the_digest_is_of_the_same_bytes_as_ever():
    """What former versions remembered must still be recognised, or everything would go again."""
    canonical = json.dumps(BODY, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    assert measured_digest(BODY) == (hashlib.sha256(canonical).hexdigest(), len(canonical))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    known = "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"
    assert digest({"b": 2, "a": 1}) == known


def test_the_body_is_the_same_bytes_as_ever():
    assert encoded(BODY) == '{"name":"Кобзар","items":[{"cost":10.0,"b":null}],"a":true}'.encode()
    assert encoded({"name": "half \ud83d of a pair"}) == b'{"name":"half ? of a pair"}'


@pytest.mark.parametrize("encode", [encoded, digest])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(encode, value):
    with pytest.raises(ValueError, match="Out of range"):
        encode({"cost": value})


@pytest.mark.parametrize("encode", [encoded, digest])
def test_a_circle_is_an_error_and_no_end_of_the_process(encode):
    body: dict[str, object] = {}
    body["body"] = body
    with pytest.raises((RecursionError, ValueError)):
        encode(body)


def test_the_moments_of_an_event_are_in_the_shops_own_time():
    here = shop_time(PLACED)
    assert here.isoformat() == "2024-07-02T00:30:15"
    made = past_event("orderCreated", {"externalCustomerId": "7"}, here)
    assert list(made) == ["eventTypeKey", "keyValue", "params", "occurred"]
    assert (made["keyValue"], made["occurred"]) == ("7", "2024-07-02T00:30")


def test_an_event_leaves_the_order_that_it_is_made_of_as_it_was():
    """The digest and the other routes are of the same body."""
    (order,) = orders(1)
    before = order_envelope(order, account=replace(ACCOUNT, order_route="orders"), last=None)
    event = order_envelope(order, account=replace(ACCOUNT, order_route="past_events"), last=None)
    assert event.digest == before.digest
    assert before.payload["order"]["date"] == "2024-07-01T21:30:15+00:00"
