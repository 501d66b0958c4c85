"""Requests by somebody who knows nothing but the document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Settings, contract
from esputnik_connector.testing.fake_esputnik.inspection import request_problems

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Caller:
    """Sends what it is told, and holds every answer that no test spoils against the document."""

    def __init__(self, fake: FakeEsputnik) -> None:
        self.fake = fake
        self.session = requests.Session()
        self.session.auth = ("", fake.key)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("timeout", 5)
        if body is not None:
            more["json"] = body
        is_spoilt = bool(self.fake.faults)
        answer = self.session.request(method, self.fake.api_url + path, **more)
        if not is_spoilt and self.fake.settings.lists_of_one == "documented":
            assert_documented(method, f"/api{path}", answer)
        return answer


def assert_documented(method: str, path: str, answer: requests.Response) -> None:
    """A success has a declared status, and the body that goes with it."""
    found = contract.find_template(path)
    if found is None or not answer.ok:
        return
    assert str(answer.status_code) in contract.declared_statuses(method, found[0])
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        problem = contract.answer_problem(method, found[0], answer.status_code, answer.json())
        assert problem == ""


def problems_of(request: requests.PreparedRequest) -> list[str]:
    """What the contract has against a request; nothing when it is not for eSputnik's API."""
    parts = urlsplit(request.url or "")
    if not parts.path.startswith("/api/v"):
        return []
    body = json.loads(request.body) if request.body else None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    method, path = str(request.method), unquote(parts.path)
    return request_problems(method, path, body, query=query, settings=Settings())


def contact(
    external_id: str = "", *, email: str = "", sms: str = "", **more: Any
) -> dict[str, Any]:
    channels = [{"type": "email", "value": email}] if email else []
    channels += [{"type": "sms", "value": sms}] if sms else []
    body = {"channels": channels, **more}
    return {"externalCustomerId": external_id, **body} if external_id else body


def order(number: str = "100", **more: Any) -> dict[str, Any]:
    return {
        "externalOrderId": number,
        "externalCustomerId": "7",
        "email": "ann@shop.example",
        "totalCost": 20.5,
        "status": "INITIALIZED",
        "date": "2026-03-08T09:30:00+02:00",
        "currency": "UAH",
        **more,
    }


def batch(*contacts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"dedupeOn": "externalCustomerId", "contacts": list(contacts), **more}


def imported(call: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """Import at once and poll to the end."""
    session = call("POST", "/v1/contacts", body).json()["asyncSessionId"]
    for _ in range(5):
        status: dict[str, Any] = call("GET", f"/v1/importstatus/{session}").json()
        if status["status"] in ("FINISHED", "ERROR"):
            return status
    raise AssertionError(status)


def only_message(fake: FakeEsputnik) -> str:
    """What the one request that broke the contract, as it was to, is told."""
    (violation,) = fake.take_violations()
    return violation.message


def cart_event(**changes: Any) -> dict[str, Any]:
    product = {"productId": "5", "quantity": 1, "price": 10}
    params = {"externalCustomerId": "7", "recycleStateId": GUID, "products": [product], **changes}
    kept = {name: value for name, value in params.items() if value is not None}
    return {"eventTypeKey": "cartUpdated", "params": kept}


def order_event(event_type: str, **changes: Any) -> dict[str, Any]:
    params = {k: v for k, v in order(**changes).items() if v is not None}
    return {"eventTypeKey": event_type, "params": params}


def tracked(name: str, **payload: Any) -> dict[str, Any]:
    general = {
        "eventName": name,
        "siteId": "8A412DC",
        "datetime": 1_770_000_000_000,
        "cookies": {"sc": "a-visitor"},
    }
    return {"GeneralInfo": general, **payload}
