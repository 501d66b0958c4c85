"""The additional fields of an account (esputnik-api.md#addressbooks), read leniently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from esputnik_connector.destinations.base import AccountField
from esputnik_connector.destinations.esputnik.answers.lists import is_true, objects, readable, text
from esputnik_connector.destinations.esputnik.client import EsputnikClient


def read(client: EsputnikClient) -> list[AccountField]:
    """:raises TemporaryError: the answer is of another form."""
    body = readable(client.address_books(), dict)
    books = objects(body.get("addressBook"))
    return [
        found
        for book in books
        for group in objects(book.get("fieldGroups"))
        for entry in objects(group.get("fields"))
        for found in _field(entry)
    ]


def _field(entry: dict[str, Any]) -> Iterator[AccountField]:
    number = text(entry.get("id"))
    if not number.isdecimal():
        return
    described = entry.get("description")
    description = described if isinstance(described, dict) else {}
    given = description.get("allowedValues")
    limits = given if isinstance(given, dict) else {}
    possible = limits.get("possibleValues")
    values = possible if isinstance(possible, list) else [possible]
    yield AccountField(
        id=str(int(number)),
        name=text(entry.get("name"))[:200],
        type=text(description.get("type")).lower(),
        is_read_only=is_true(description.get("readonly")),
        allowed=tuple(filter(None, map(text, values))),
        smallest=text(limits.get("minValue")),
        largest=text(limits.get("maxValue")),
    )
