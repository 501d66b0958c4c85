"""Reading the body of an answer, whose shapes are only partly documented. Pure."""

from __future__ import annotations

from esputnik_connector.records import JSONObject, JSONValue


def text_of(body: JSONValue | JSONObject, name: str) -> str:
    """A text or a number that an object holds, as text; ``""`` for anything else."""
    value = body.get(name) if isinstance(body, dict) else None
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value).strip()


def number_of(body: JSONValue | JSONObject, name: str) -> str:
    """An id that eSputnik gave, as text; ``""`` for none. A 0 names no record."""
    found = text_of(body, name)
    return "" if found == "0" else found


def entries(value: JSONValue) -> list[JSONObject]:
    """The objects of a list; a list of one element may be the bare object
    (esputnik-api.md#one-or-many)."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict) and one]
