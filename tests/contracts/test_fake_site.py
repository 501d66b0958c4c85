"""The site: tracker, domain, snippet, web push, product feeds."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import GUID, Caller, only_message, tracked


def test_the_tracker_needs_no_key_and_keeps_carts(fake: FakeEsputnik) -> None:
    product = {"productKey": "5", "price": "10", "quantity": 1}
    cart = tracked("StatusCart", StatusCart={"GUID": GUID, "Products": [product]})
    bought = tracked("PurchasedItems", PurchasedItems={"OrderNumber": "100", "GUID": GUID})

    for body in (cart, bought):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 200
    assert fake.carts[GUID]["products"] == [product]
    assert fake.carts[GUID]["closed_by"] == "100"
    assert [event["type"] for event in fake.events(source="tracker")] == [
        "StatusCart",
        "PurchasedItems",
    ]
    assert fake.violations == []


def test_a_key_sent_to_the_tracker_is_noticed(fake: FakeEsputnik) -> None:
    body = tracked("SearchRequest", SearchRequest={"search": "socks"})
    requests.post(fake.tracker_url, json=body, auth=("", fake.key), timeout=5).raise_for_status()

    assert "key" in only_message(fake)


def test_the_tracker_refuses_what_is_no_event(fake: FakeEsputnik) -> None:
    for body in (tracked("StatusCart"), tracked("CustomerData"), {"GeneralInfo": {}}):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 400
    assert len(fake.take_violations()) == 3


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("MainPage", {}, "script only"),
        ("PageView", {}, "script only"),
        ("CustomerData", {"SearchRequest": {"search": "socks"}}, "another event"),
    ],
)
def test_the_tracker_refuses_what_only_the_script_can_tell(
    fake: FakeEsputnik, name: str, more: dict[str, Any], problem: str
) -> None:
    body = tracked(name, **more)
    body["GeneralInfo"]["user_email"] = "ann@example.com"
    answer = requests.post(fake.tracker_url, json=body, timeout=5)

    assert (answer.status_code, problem in answer.text) == (400, True)
    assert len(fake.take_violations()) == 1


def test_the_tracker_refuses_a_site_that_it_does_not_know(fake: FakeEsputnik, call: Caller) -> None:
    known = call("POST", "/v1/site/domains", {"domain": "shop.example"}).json()["siteId"]
    body = tracked("SearchRequest", SearchRequest={"search": "socks"})
    assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 400
    body["GeneralInfo"]["siteId"] = known
    assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 200
    assert "siteId" in fake.take_violations()[0].message


def test_the_tracker_takes_a_visitor_without_a_browser_for_a_robot(fake: FakeEsputnik) -> None:
    body = tracked("SearchRequest", SearchRequest={"search": "socks"})
    answer = requests.post(fake.tracker_url, json=body, headers={"User-Agent": ""}, timeout=5)
    assert (answer.status_code, "robot" in answer.text) == (400, True)
    assert len(fake.take_violations()) == 1


@pytest.mark.parametrize("status", [200, 204])
def test_the_tracker_answers_as_either_text_has_it(fake: FakeEsputnik, status: int) -> None:
    fake.configure(tracker_status=status)
    body = tracked("SearchRequest", SearchRequest={"search": "socks"})
    assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == status


def test_a_domain_is_registered_once_and_gets_its_snippet(call: Caller) -> None:
    assert call("GET", "/v1/site/script").status_code == 404
    first = call("POST", "/v1/site/domains", {"domain": "https://shop.example"})
    again = call("POST", "/v1/site/domains", {"domain": "shop.example"})
    snippet = call("GET", "/v1/site/script").text

    assert re.fullmatch("[0-9A-F]{8}", first.json()["siteId"])
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["siteId"] in snippet
    source = re.search("'(http[^']+[.]js)'", snippet)
    assert source
    assert "eS" in requests.get(source[1], timeout=5).text


def test_an_organisation_has_one_domain(fake: FakeEsputnik, call: Caller) -> None:
    assert call("GET", "/v1/site/domains").json() == []
    site_id = call("POST", "/v1/site/domains", {"domain": "shop.example"}).json()["siteId"]
    second = call("POST", "/v1/site/domains", {"domain": "other.example"})
    wrong = call("POST", "/v1/site/domains", {"domain": "no domain"})

    assert (second.status_code, "one domain" in second.text) == (400, True)
    assert (wrong.status_code, "Invalid" in wrong.text) == (400, True)
    assert call("GET", "/v1/site/domains").json() == [{"domain": "shop.example"}]
    fake.configure(domains_tell_site_id=True)
    assert call("GET", "/v1/site/domains").json()[0]["siteId"] == site_id


def test_a_known_domain_may_be_refused_as_older_accounts_do(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(known_domain="refused")
    first, again = (call("POST", "/v1/site/domains", {"domain": "shop.example"}) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 400)
    assert again.json()["message"] == "Domain is already registered"


def push_domain(domain: str = "shop.example", **changes: Any) -> dict[str, Any]:
    worker = {"serviceWorkerName": "sw.js", "serviceWorkerPath": "/push/yespo/"}
    return {"domain": domain, "serviceWorkerScope": "/push/yespo/", **worker, **changes}


def test_web_push_domains_come_and_go(fake: FakeEsputnik, call: Caller) -> None:
    body = {"domains": [push_domain(), push_domain("other.example")]}
    assert call("POST", "/v1/site/webpush/domains", body).status_code == 200
    listed = call("GET", "/v1/site/webpush/domains").json()
    assert [one["domain"] for one in listed] == ["shop.example", "other.example"]

    query = {"domain": "shop.example"}
    script = call("GET", "/v1/site/webpush/script", params=query).json()
    assert set(script) == {"script", "serviceWorker"}
    assert call("DELETE", "/v1/site/webpush/domains", params=query).status_code == 200
    assert call("DELETE", "/v1/site/webpush/domains", params=query).status_code == 404
    assert call("GET", "/v1/site/webpush/script", params=query).status_code == 404


def test_the_flat_call_of_older_connectors_hides_its_errors_in_a_200(call: Caller) -> None:
    first, again = (call("POST", "/v1/site/webpush/domain", push_domain()) for _ in range(2))

    assert first.json()["success"] == {"domain": "shop.example", "status": "CREATED"}
    assert (again.status_code, "errors" in again.json()) == (200, True)


@pytest.mark.parametrize(
    "changes",
    [{"serviceWorkerName": "sw.txt"}, {"serviceWorkerPath": "push"}, {"scope": "/"}],
)
def test_a_web_push_domain_keeps_the_contract(
    fake: FakeEsputnik, call: Caller, changes: dict[str, Any]
) -> None:
    body = {"domains": [push_domain(**changes)]}
    assert call("POST", "/v1/site/webpush/domains", body).status_code == 400
    assert len(fake.take_violations()) == 1


def feed(language: str, **more: Any) -> dict[str, Any]:
    return {"url": f"https://shop.example/{language}.xml", "language": language, **more}


@pytest.mark.parametrize(("replaces", "languages"), [(True, ["en"]), (False, ["uk", "en"])])
def test_product_feeds_are_replaced_or_added_to(
    fake: FakeEsputnik, call: Caller, replaces: bool, languages: list[str]
) -> None:
    fake.configure(feeds_are_replaced=replaces)
    assert call("GET", "/v1/products/config").json() == {"feeds": []}
    call("POST", "/v1/products/config", {"feeds": [feed("uk", default=True)]})
    assert call("POST", "/v1/products/config", {"feeds": [feed("en")]}).status_code == 200

    assert [one["language"] for one in fake.feeds] == languages
    assert call("GET", "/v1/products/config").json() == {"feeds": fake.feeds}


@pytest.mark.parametrize(
    "body",
    [[feed("uk")], {"feeds": [feed("uk", schedule="daily")]}, {"feeds": [{"url": "/uk.xml"}]}],
)
def test_product_feeds_keep_the_contract(fake: FakeEsputnik, call: Caller, body: Any) -> None:
    assert call("POST", "/v1/products/config", body).status_code == 400
    assert len(fake.take_violations()) == 1


def test_the_tracker_takes_price_and_stock_between_two_feeds(fake: FakeEsputnik) -> None:
    news = {"product_id": "5", "isInStock": "1", "unit_price": "10"}
    body = {
        "GeneralInfo": {"eventName": "ProductUpdate", "siteId": "8A412DC"},
        "ProductUpdate": [news],
    }

    assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 200
    assert fake.events("ProductUpdate")[0]["params"] == {"ProductUpdate": [news]}
