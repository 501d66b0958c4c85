"""Events of now, carts, and orders that travel as events."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import GUID, Caller, cart_event, only_message, order_event


@pytest.fixture(autouse=True)
def _switched_on(fake: FakeEsputnik) -> None:
    """The merchant has clicked: every event type counts for segmentation."""
    fake.configure(segmentation=True)


def test_events_of_all_versions_are_stored_alike(fake: FakeEsputnik, call: Caller) -> None:
    listed = [{"name": "email", "value": "a@b.example"}, {"name": "page", "value": "home"}]
    named = {"email": "a@b.example", "page": "home"}
    for version, params in (("v1", listed), ("v2", listed), ("v3", named)):
        body = {"eventTypeKey": "pageSeen", "params": params}
        assert call("POST", f"/{version}/event", body).status_code == 200

    assert [event["params"] for event in fake.events("pageSeen")] == [named] * 3
    assert {event["key"] for event in fake.events("pageSeen")} == {"a@b.example"}
    assert fake.violations == []


@pytest.mark.parametrize("character", list("<;\u2019\\/|\"`'^?!,>"))
def test_forbidden_characters_refuse_an_event(
    fake: FakeEsputnik, call: Caller, character: str
) -> None:
    params = {"email": "a@b.example"}
    by_type = {"eventTypeKey": f"a{character}b", "params": params}
    by_key = {"eventTypeKey": "ab", "keyValue": f"a{character}b", "params": params}

    assert call("POST", "/v3/event", by_type).status_code == 400
    assert call("POST", "/v3/event", by_key).status_code == 400
    assert len(fake.take_violations()) == 2


@pytest.mark.parametrize(
    ("version", "params"),
    [
        ("v3", {"page": "home"}),
        ("v3", {"externalCustomerId": " "}),
        ("v3", [{"name": "email", "value": "a@b.example"}]),
        ("v2", [{"name": "externalCustomerId", "value": "null"}]),
        ("v2", [{"name": "email", "value": "a"}, {"name": "email", "value": "b"}]),
        ("v2", {"email": "a@b.example"}),
        ("v1", [{"name": "email", "value": 5}]),
        ("v3", {"email": "a@b.example", "text": "ї" * 10_000}),
    ],
)
def test_an_event_off_the_contract_is_refused(
    fake: FakeEsputnik, call: Caller, version: str, params: Any
) -> None:
    body = {"eventTypeKey": "pageSeen", "params": params}

    assert call("POST", f"/{version}/event", body).status_code == 400
    assert len(fake.take_violations()) == 1
    assert fake.events() == []


def test_the_last_state_of_a_cart_is_kept(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", cart_event(products=[]))

    assert fake.carts[GUID]["products"] == []
    assert fake.carts[GUID]["writes"] == 2
    assert fake.violations == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recycleStateId": None}, "recycleStateId"),
        ({"products": None}, "products"),
        ({"products": "[]"}, "products"),
        ({"products": [{"productId": "5", "quantity": 1}]}, "products[0].price"),
        ({"products": [{"productId": "", "quantity": 1, "price": 1}]}, "products[0].productId"),
    ],
)
def test_an_incomplete_cart_is_refused(
    fake: FakeEsputnik, call: Caller, changes: dict[str, Any], said: str
) -> None:
    assert call("POST", "/v3/event", cart_event(**changes)).status_code == 400
    assert said in only_message(fake)
    assert fake.carts == {}


def test_order_events_update_orders(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", order_event("orderCreated", recycleStateId=GUID))
    call("POST", "/v3/event", order_event("orderDelivered"))
    call("POST", "/v3/event", order_event("orderCancelled", number="unknown"))

    assert set(fake.orders) == {"100"}
    history = [entry["status"] for entry in fake.orders["100"]["history"]]
    assert history == ["INITIALIZED", "DELIVERED"]
    assert fake.carts[GUID]["closed_by"] == "100"


def test_an_incomplete_order_event_is_silently_no_order(fake: FakeEsputnik, call: Caller) -> None:
    item = {"externalItemId": "5", "quantity": 1, "cost": 10, "name": "Book", "url": "http://x.y/"}
    assert call("POST", "/v3/event", order_event("orderCreated", items=[item])).status_code == 200

    assert fake.orders == {}
    assert len(fake.events("orderCreated")) == 1
    assert "imageUrl" in only_message(fake)


@pytest.mark.parametrize("name", ["category", "name", "url", "imageUrl", "externalItemId", "cost"])
def test_an_order_event_without_a_field_of_an_item_is_kept_as_an_event_only(
    fake: FakeEsputnik, call: Caller, name: str
) -> None:
    item = {"externalItemId": "5", "quantity": 1, "cost": 10, "name": "Book", "category": "Books"}
    item |= {"url": "https://shop.example/5", "imageUrl": "https://shop.example/5.jpg"}
    call("POST", "/v3/event", order_event("orderCreated", number="1", items=[item]))
    incomplete = {key: value for key, value in item.items() if key != name}
    call("POST", "/v3/event", order_event("orderCreated", number="2", items=[incomplete]))

    assert set(fake.orders) == {"1"}
    whole, cut = fake.events("orderCreated")
    assert "no_order" not in whole
    assert f"'{name}' is a required property" in cut["no_order"]
    (ignored,) = fake.ignored_orders
    assert (ignored["externalOrderId"], ignored["type"]) == ("2", "orderCreated")
    assert ignored["why"] == cut["no_order"] == only_message(fake)


def test_without_segmentation_an_order_event_is_an_event_only(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(segmentation=False, segmentation_by_type={"orderUpdated": True})
    call("POST", "/v3/event", order_event("orderCreated", number="1"))
    call("POST", "/v3/event", order_event("orderUpdated", number="2"))

    assert set(fake.orders) == {"2"}
    assert fake.ignored_orders[0]["why"] == "orderCreated is not switched on for segmentation"


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("name", ["email", "UserEmail", "externalCustomerId", "phone"])
def test_an_identifier_obeys_the_rules_of_a_key(
    fake: FakeEsputnik, call: Caller, version: str, name: str
) -> None:
    for value in ("o'neil@shop.example", "x" * 301):
        params: Any = {name: value, "title": "It's fine, here"}
        if version == "v2":
            params = [{"name": key, "value": one} for key, one in params.items()]
        body = {"eventTypeKey": "seen", "keyValue": "7", "params": params}

        assert call("POST", f"/{version}/event", body).status_code == 400
        assert f"params.{name}" in only_message(fake)
