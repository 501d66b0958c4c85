"""Does a request keep the contract?

``contract.json`` is generated from the document of eSputnik's API (OpenAPI 3.1) by
``tests/contracts/generate_contract.py``. Change the document or its overlay there, then generate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

METHODS = ("get", "post", "put", "delete", "patch")
MESSAGE_LENGTH = 300  # a message quotes the value, which may be a whole batch,
MESSAGE_END = 60  # and then says what is wrong with it


class ItemList(NamedTuple):
    """A batch whose records are refused one by one inside a 200."""

    key: str
    schema: str


ITEM_LISTS: Mapping[tuple[str, str], ItemList] = {
    ("POST", "/api/v1/orders"): ItemList("orders", "Order"),
    ("POST", "/api/v1/contacts"): ItemList("contacts", "Contact"),
    ("POST", "/api/v1/past_events"): ItemList("events", "PastEventV1"),
    ("POST", "/api/v2/past_events"): ItemList("events", "PastEventV2"),
    ("POST", "/api/v3/past_events"): ItemList("events", "PastEventV3"),
}


@cache
def document() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("contract.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))


def find_template(path: str) -> tuple[str, dict[str, str]] | None:
    """The path of the contract that ``path`` is an instance of, with its variable parts."""
    if path in document()["paths"]:
        return path, {}
    for template, pattern in _patterns():
        if match := pattern.fullmatch(path):
            return template, match.groupdict()
    return None


def methods_of(template: str) -> set[str]:
    return {method.upper() for method in document()["paths"][template] if method in METHODS}


def needs_body(method: str, template: str) -> bool:
    return _body_validator(method, template) is not None


def body_problem(method: str, template: str, body: Any) -> str:
    """What is wrong with a body (of a batch: with its envelope), or an empty text."""
    validator = _body_validator(method, template)
    return _problem(validator, body) if validator else ""


def schema_problem(name: str, value: Any) -> str:
    """What is wrong with ``value`` as the named schema of the contract, or an empty text."""
    return _problem(_schema_validator(name), value)


def answer_problem(method: str, template: str, status: int, body: Any) -> str:
    """What is wrong with an answer in JSON, or an empty text. An undeclared one is never wrong."""
    validator = _answer_validator(method, template, str(status))
    return _problem(validator, body) if validator else ""


def declared_statuses(method: str, template: str) -> set[str]:
    """The statuses that the document knows for an operation."""
    return set(document()["paths"][template][method.lower()]["responses"])


def arguments_problem(method: str, template: str, arguments: Mapping[str, str]) -> str:
    """What is wrong with the variable parts of a path, or an empty text."""
    for name, parameter in _parameters(method, template, "path").items():
        if problem := _value_problem(parameter["schema"], arguments[name]):
            return f"path parameter {name!r}: {problem}"
    return ""


def query_problem(method: str, template: str, query: Mapping[str, str]) -> str:
    """What is wrong with the query, or an empty text."""
    known = _parameters(method, template, "query")
    if unknown := [name for name in query if name not in known]:
        return f"unknown query parameter {unknown[0]!r}"
    for name, parameter in known.items():
        if name not in query and parameter.get("required"):
            return f"query parameter {name!r} is required"
        if name in query and (problem := _value_problem(parameter["schema"], query[name])):
            return f"query parameter {name!r}: {problem}"
    return ""


def _value_problem(schema: dict[str, Any], text: str) -> str:
    value: Any = text
    if schema.get("type") == "boolean":
        # The vendor's own connectors disagree on "1"; only the words are known to work.
        if text not in ("true", "false"):
            return f"must be the literal true or false, not {text!r}"
        value = text == "true"
    elif schema.get("type") == "integer":
        if not re.fullmatch(r"-?[0-9]+", text):
            return f"{text!r} is not an integer"
        value = int(text)
    return _problem(_validator(schema), value)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (template, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))))
        for template in document()["paths"]
    )


@cache
def _body_validator(method: str, template: str) -> Any:
    operation = document()["paths"][template].get(method.lower(), {})
    if "requestBody" not in operation:
        return None
    schema = inlined(operation["requestBody"]["content"]["application/json"]["schema"])
    if batch := ITEM_LISTS.get((method, template)):
        schema["properties"][batch.key]["items"] = True
    return _validator(schema)


@cache
def _schema_validator(name: str) -> Any:
    return _validator(inlined(document()["components"]["schemas"][name]))


@cache
def _answer_validator(method: str, template: str, status: str) -> Any:
    answers = document()["paths"][template].get(method.lower(), {}).get("responses", {})
    content = inlined(answers.get(status, {})).get("content", {})
    if "application/json" not in content:
        return None
    return _validator(content["application/json"]["schema"])


@cache
def _parameters(method: str, template: str, place: str) -> dict[str, dict[str, Any]]:
    path = document()["paths"][template]
    parameters = path.get("parameters", []) + path[method.lower()].get("parameters", [])
    resolved = [inlined(parameter) for parameter in parameters]
    return {entry["name"]: entry for entry in resolved if entry["in"] == place}


def inlined(node: Any) -> Any:
    """The same schema without ``$ref``: four times faster, which a batch of 3000 contacts feels."""
    if isinstance(node, list):
        return [inlined(part) for part in node]
    if not isinstance(node, dict):
        return node
    own = {key: inlined(part) for key, part in node.items() if key != "$ref"}
    if isinstance(own.get("pattern"), str):
        own["pattern"] = _anchored(own["pattern"])
    if "$ref" not in node:
        return own
    target: Any = document()
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    target = inlined(target)
    return {**own, "allOf": [*own.get("allOf", []), target]} if own else target


def _anchored(pattern: str) -> str:
    # In JSON Schema $ is the very end; Python's also allows a line break after it.
    return pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern


def _validator(schema: dict[str, Any]) -> Any:
    formats = jsonschema().FormatChecker(formats=())
    formats.checks("uri")(_is_absolute)
    return jsonschema().Draft202012Validator(schema, format_checker=formats)


def jsonschema() -> Any:
    """The package that validates. Only whoever starts a server needs it.

    :raises ImportError: it is not installed; the text says what to do.
    """
    try:
        import jsonschema as package
    except ImportError as error:
        raise ImportError(
            "The fake eSputnik server checks requests with jsonschema. "
            "Install it: pip install 'django-esputnik-connector[testing]'"
        ) from error
    return package


def _is_absolute(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and " " not in value


def _problem(validator: Any, value: Any) -> str:
    found = jsonschema().exceptions.best_match(validator.iter_errors(value))
    if found is None:
        return ""
    where = found.json_path.removeprefix("$").removeprefix(".")
    message = f"{where}: {found.message}" if where else str(found.message)
    if len(message) <= MESSAGE_LENGTH:
        return message
    return f"{message[:MESSAGE_LENGTH]} … {message[-MESSAGE_END:]}"
