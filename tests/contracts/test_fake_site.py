"""The site: tracker, domain, snippet, web push, product feeds."""

from __future__ import annotations

import re

import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import GUID, Caller, only_message, tracked


def test_the_tracker_needs_no_key_and_keeps_carts(fake: FakeEsputnik) -> None:
    product = {"productKey": "5", "price": "10", "quantity": 1}
    cart = tracked("StatusCart", StatusCart={"GUID": GUID, "Products": [product]})
    bought = tracked("PurchasedItems", PurchasedItems={"OrderNumber": "100", "GUID": GUID})

    for body in (cart, bought):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 204
    assert fake.carts[GUID]["products"] == [product]
    assert fake.carts[GUID]["closed_by"] == "100"
    assert [event["type"] for event in fake.events(source="tracker")] == [
        "StatusCart",
        "PurchasedItems",
    ]
    assert fake.violations == []


def test_a_key_sent_to_the_tracker_is_noticed(fake: FakeEsputnik) -> None:
    requests.post(
        fake.tracker_url, json=tracked("MainPage"), auth=("", fake.key), timeout=5
    ).raise_for_status()

    assert "key" in only_message(fake)


def test_the_tracker_refuses_what_is_no_event(fake: FakeEsputnik) -> None:
    for body in (tracked("StatusCart"), tracked("CustomerData"), {"GeneralInfo": {}}):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 400
    assert len(fake.violations) == 3


def test_a_domain_is_registered_once_and_gets_its_snippet(call: Caller) -> None:
    assert call("GET", "/v1/site/script").status_code == 404
    first = call("POST", "/v1/site/domains", {"domain": "https://shop.example"})
    again = call("POST", "/v1/site/domains", {"domain": "shop.example"})
    snippet = call("GET", "/v1/site/script").text

    assert re.fullmatch("[0-9A-F]{8}", first.json()["siteId"])
    assert (again.status_code, again.json()["message"]) == (400, "Domain is already registered")
    assert first.json()["siteId"] in snippet
    source = re.search("'(http[^']+[.]js)'", snippet)
    assert source
    assert "eS" in requests.get(source[1], timeout=5).text
