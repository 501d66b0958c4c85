"""Makes ``contract.json``, which the fake eSputnik checks requests with, from eSputnik's document.

    python -m tests.contracts.generate_contract

``esputnik-openapi.yaml`` beside this file restates the vendor's OpenAPI document. It stays out of
the wheel; what ships is this copy as JSON, without its prose, so that the fake needs no reader of
YAML. Whatever we demand beyond the document stands in :data:`OVERLAY`, with its reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import yaml

DOCUMENT = Path(__file__).with_name("esputnik-openapi.yaml")
CONTRACT = Path(__file__).parents[2] / "esputnik_connector/testing/fake_esputnik/contract.json"
PROSE = ("description", "summary", "x-confidence", "x-confidence-note", "tags")
ASIDE = ("info", "servers", "security", "tags")


class Change(NamedTuple):
    """One place where the contract is stricter than the document, or knows more."""

    place: tuple[str, ...]
    value: Any
    reason: str


SCHEMAS = ("components", "schemas")
OVERLAY = (
    Change(
        (*SCHEMAS, "ContactsBulkRequest", "properties", "contactFields", "items", "enum"),
        [
            *("firstName", "lastName", "contactKey", "languageCode", "timeZone"),
            *("email", "sms", "mobilepush", "webpush"),
            *("address", "town", "region", "postcode", "externalCustomerId"),
        ],
        "ordersInfo is the name of no field any more: it survives as a word of this list",
    ),
    Change(
        (*SCHEMAS, "SiteDomainResult", "required"),
        ["siteId"],
        "the tracker cannot be called without it, and no other answer is sure to tell it",
    ),
    Change(
        ("paths", "/api/v1/auth/contact/token"),
        {
            "post": {
                "operationId": "getContactToken",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["externalCustomerId"],
                                "properties": {
                                    "externalCustomerId": {"type": "string", "minLength": 1},
                                    "email": {"type": "string"},
                                    "phone": {"type": "string"},
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "A token for the app inbox.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["token"],
                                    "properties": {"token": {"type": "string", "minLength": 1}},
                                }
                            }
                        },
                    },
                    "400": {"$ref": "#/components/responses/BadRequest"},
                    "401": {"$ref": "#/components/responses/Unauthorized"},
                    "404": {"$ref": "#/components/responses/NotFound"},
                    "429": {"$ref": "#/components/responses/TooMany"},
                },
            }
        },
        "the document does not have it; the vendor's own connectors call it",
    ),
)


def generated() -> dict[str, Any]:
    """The contract as the document and the overlay make it."""
    document = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    contract: dict[str, Any] = without_prose(
        {name: part for name, part in document.items() if name not in ASIDE}
    )
    for change in OVERLAY:
        _apply(contract, change)
    return contract


def written(contract: dict[str, Any]) -> str:
    """The text of ``contract.json``."""
    return json.dumps(contract, ensure_ascii=False, indent=1) + "\n"


def without_prose(node: Any) -> Any:
    """A field that is called description or tags is a schema, not a text: it stays."""
    if isinstance(node, dict):
        return {
            name: without_prose(part)
            for name, part in node.items()
            if not (name in PROSE and isinstance(part, (str, list)))
        }
    return [without_prose(part) for part in node] if isinstance(node, list) else node


def _apply(contract: dict[str, Any], change: Change) -> None:
    node = contract
    for step in change.place[:-1]:
        node = node[step]
    node[change.place[-1]] = change.value


if __name__ == "__main__":
    CONTRACT.write_text(written(generated()), "utf-8")
