"""Orders: stored, refused one by one, deleted later."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, contact, only_message, order


def test_orders_are_updated_by_number_and_every_call_raises_an_event(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/orders", {"orders": [order(statusDescription="new")]})
    call("POST", "/v1/orders", {"orders": [order(status="DELIVERED")]})

    held = fake.orders["100"]
    assert [entry["status"] for entry in held["history"]] == ["INITIALIZED", "DELIVERED"]
    assert "statusDescription" not in held["body"]
    assert [event["type"] for event in fake.events(source="orders")] == [
        "orderINITIALIZED",
        "orderDELIVERED",
    ]
    assert fake.events("orderDELIVERED")[0]["params"]["eventKey"] == "100"


def test_an_order_finds_its_contact_or_creates_it(fake: FakeEsputnik, call: Caller) -> None:
    known = call("POST", "/v1/contact", contact(email="ann@shop.example")).json()["id"]
    guest = order("101", email="guest@shop.example", firstName="Guest")
    del guest["externalCustomerId"]
    call("POST", "/v1/orders", {"orders": [order(), guest]})

    assert fake.orders["100"]["contactId"] == known
    assert (fake.contact("7") or {})["id"] == known
    created = [one for one in fake.all_contacts if one["email"] == "guest@shop.example"]
    assert created[0]["firstName"] == "Guest"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"totalCost": "20.50"}, "totalCost"),
        ({"date": "2026-03-08T09:30:00"}, "date"),
        ({"date": "2026-02-30T09:30:00Z"}, "date"),
        ({"status": "PAID"}, "status"),
        ({"currency": "грн"}, "currency"),
        ({"firstName": ""}, "firstName: blank"),
        ({"additionalInfo": {"comment": " "}}, "additionalInfo.comment: blank"),
        ({"additionalInfo": {"bonus": 5}}, "additionalInfo.bonus"),
        ({"email": None}, "email"),
        ({"phone": "+380501112233"}, "phone"),
        ({"items": [{"externalItemId": 5, "quantity": 1}]}, "items[0].externalItemId"),
        ({"items": [{"externalItemId": "5", "quantity": 0}]}, "items[0].quantity"),
        ({"items": [{"externalItemId": "5", "quantity": 1, "url": "/p/5"}]}, "items[0].url"),
        ({"deliveryCost": 1}, "deliveryCost"),
    ],
)
def test_a_refused_order_hides_in_a_200(
    fake: FakeEsputnik, call: Caller, change: dict[str, Any], said: str
) -> None:
    fake.configure(additional_info="text")
    answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100", **change)]})

    assert answer.status_code == 200
    (failed,) = answer.json()["failedOrders"]
    assert set(failed) == {"order", "error"}
    assert failed["order"]["externalOrderId"] == "100"
    assert said in failed["error"]
    assert said in only_message(fake)
    assert set(fake.orders) == {"99"}


def test_an_order_of_nobody_is_refused(fake: FakeEsputnik, call: Caller) -> None:
    nobody = {k: v for k, v in order().items() if k not in ("email", "externalCustomerId")}

    assert call("POST", "/v1/orders", {"orders": [nobody]}).json()["failedOrders"]
    assert "is not valid under any" in only_message(fake)
    assert fake.orders == {}


@pytest.mark.parametrize("body", [{"orders": []}, {"orders": [order()] * 1001}, [order()], {}])
def test_a_wrong_envelope_refuses_all_orders(fake: FakeEsputnik, call: Caller, body: Any) -> None:
    assert call("POST", "/v1/orders", body).status_code == 400
    assert len(fake.take_violations()) == 1
    assert fake.orders == {}


def test_orders_are_deleted_by_number_or_by_a_day(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/orders", {"orders": [order("1"), order("2")]})
    day = {"from": "2026-03-08T00:00:00", "to": "2026-03-09T00:00:00"}

    assert call("DELETE", "/v1/orders", params={"externalOrderId": "1"}).status_code == 200
    assert set(fake.orders) == {"2"}
    assert call("DELETE", "/v1/orders", params=day).status_code == 200
    assert fake.orders == {}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-03-08T00:00:00"},
        {"from": "2026-03-08T00:00:00", "to": "2026-03-09T00:00:01"},
        {"from": "2026-03-09T00:00:00", "to": "2026-03-08T00:00:00"},
        {"from": "2026-03-08T00:00:00Z", "to": "2026-03-08T01:00:00Z"},
        {"externalOrderId": "1", "from": "2026-03-08T00:00:00", "to": "2026-03-08T01:00:00"},
    ],
)
def test_a_deletion_of_orders_names_one_order_or_a_day(
    fake: FakeEsputnik, call: Caller, query: dict[str, str]
) -> None:
    assert call("DELETE", "/v1/orders", params=query).status_code == 400
    assert len(fake.take_violations()) == 1


def test_one_refused_order_may_be_a_bare_object(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(lists_of_one="objects")
    body = {"orders": [order("99"), order("100", status="PAID")]}
    failed = call("POST", "/v1/orders", body).json()["failedOrders"]

    assert failed["order"] == body["orders"][1]
    assert "PAID" in only_message(fake)


def test_what_a_customer_is_called_is_no_news_of_an_order(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName="Ann"))
    call("POST", "/v1/orders", {"orders": [order(firstName="Other", email="other@b.example")]})

    held = fake.contact("7") or {}
    assert (held["firstName"], held["email"]) == ("Ann", "a@b.example")


def test_a_deletion_of_orders_takes_its_time(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(order_deletion_seconds=0.15)
    call("POST", "/v1/orders", {"orders": [order("1"), order("2")]})

    assert call("DELETE", "/v1/orders", params={"externalOrderId": "1"}).status_code == 200
    assert set(fake.orders) == {"1", "2"}
    assert fake.wait_for(lambda: set(fake.orders) == {"2"})
