"""The contract that the fake checks with is eSputnik's document, and our payloads keep it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import contract, inspection
from tests.contracts import generate_contract
from tests.contracts.wire import order, problems_of

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.json"))


def test_the_contract_is_what_the_document_says() -> None:
    made = generate_contract.written(generate_contract.generated())

    assert generate_contract.CONTRACT.read_text("utf-8") == made, (
        "Run python -m tests.contracts.generate_contract"
    )


def test_every_line_of_the_overlay_changes_something_and_says_why() -> None:
    plain = generate_contract.yaml.safe_load(generate_contract.DOCUMENT.read_text("utf-8"))
    for change in generate_contract.OVERLAY:
        node = plain
        for step in change.place[:-1]:
            node = node[step]
        assert node.get(change.place[-1]) != change.value
        assert change.reason


def test_a_field_that_is_called_like_prose_stays() -> None:
    fields = contract.document()["components"]["schemas"]["ImportStatus"]["properties"]

    assert fields["description"] == {"type": "string"}


def closed(schema: Any) -> bool:
    """Whether a name that is not listed is refused; a map of free names lists none."""
    return not schema.get("properties") or schema.get("additionalProperties") is False


# Params are free in general; the documents of these objects are said to be incomplete.
OPEN = {"device", "webPushSubscription", "PageView", "MainPage", "NotFound"}


@pytest.mark.parametrize(
    ("method", "template"),
    [
        (method.upper(), template)
        for template, path in contract.document()["paths"].items()
        for method in contract.METHODS
        if "requestBody" in path.get(method, {})
    ],
)
def test_no_request_may_hold_a_field_that_the_document_does_not_name(
    method: str, template: str
) -> None:
    operation = contract.document()["paths"][template][method.lower()]
    schema = contract.inlined(operation["requestBody"]["content"]["application/json"]["schema"])
    found = objects(schema)

    assert found
    assert [where for where, part in found if not closed(part)] == []


def objects(schema: Any, where: str = "") -> list[tuple[str, Any]]:
    """Every object of a schema with its place; conditions are about values, not about names."""
    found = []
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            found.append((where, schema))
        for name, part in schema.items():
            if name not in ("if", "then", "else", "anyOf", "contains") and name not in OPEN:
                found += objects(part, f"{where}/{name}")
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            found += objects(part, f"{where}/{index}")
    return found


# The endpoint that takes a payload, by how its file is called; the longer name wins.
ENDPOINT_OF = {
    "contact": ("POST", "/api/v1/contact"),
    "contacts": ("POST", "/api/v1/contacts"),
    "order": ("POST", "/api/v1/orders"),
    "order_event": ("POST", "/api/v3/event"),
    "cart": ("POST", "/api/v3/event"),
    "event": ("POST", "/api/v3/event"),
    "past_events_v1": ("POST", "/api/v1/past_events"),
    "past_events_v2": ("POST", "/api/v2/past_events"),
    "past_events_v3": ("POST", "/api/v3/past_events"),
    "feeds": ("POST", "/api/v1/products/config"),
    "subscribe": ("POST", "/api/v1/contact/subscribe"),
}


def request_of(golden: Path) -> tuple[str, str, Any]:
    fits = [name for name in ENDPOINT_OF if f"{golden.stem}_".startswith(f"{name}_")]
    assert fits, f"ENDPOINT_OF does not say where {golden.name} goes"
    method, path = ENDPOINT_OF[max(fits, key=len)]
    body = json.loads(golden.read_text("utf-8"))
    return method, path, {"orders": [body]} if path.endswith("orders") else body


def test_there_are_golden_payloads() -> None:
    assert len(GOLDEN) >= 7


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_payload_keeps_the_contract(golden: Path) -> None:
    method, path, body = request_of(golden)

    assert inspection.request_problems(method, path, body) == []


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_one_unknown_name_in_a_golden_payload_breaks_the_contract(golden: Path) -> None:
    method, path, body = request_of(golden)
    record = body["orders"][0] if "orders" in body else body
    record["unheardOf"] = 1

    (problem,) = inspection.request_problems(method, path, body)
    assert "unheardOf" in problem


@pytest.mark.parametrize(
    ("method", "path", "body", "count"),
    [
        ("POST", "/v1/orders", {"orders": [order(), order(deliveryCost=1)]}, 1),
        ("GET", "/v1/contacts?email=a%40b.example&colour=red", None, 1),
        ("GET", "/v1/contacts?email=a%40b.example", None, 0),
        ("GET", "/v4/contacts", None, 1),
    ],
)
def test_a_request_that_never_reaches_the_fake_is_judged_alike(
    method: str, path: str, body: Any, count: int
) -> None:
    request = requests.Request(method, f"https://esputnik.test/api{path}", json=body)

    assert len(problems_of(request.prepare())) == count


def test_a_request_to_somebody_else_is_not_judged() -> None:
    request = requests.Request("POST", "https://shop.test/anything", data="a=b")

    assert problems_of(request.prepare()) == []
