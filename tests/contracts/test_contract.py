"""The contract that the fake checks with is eSputnik's document."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import contract
from tests.contracts import generate_contract


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
