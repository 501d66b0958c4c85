"""A preview that may be shown to a colleague, or stand in a ticket: the person's values are masked.

What is masked is decided by the name of a place in the payload, whatever the value looks like; what
looks like an address or a number anywhere else is masked too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from esputnik_connector.identity import redact
from esputnik_connector.operations.record.preview import Field, Preview
from esputnik_connector.records import JSONValue, Kind

MASK = "•••"
PERSONAL = re.compile(
    r"(?i)(?:^|[._])(?:[a-z]*name|e?mail|phone|sms|value|[a-z]*address|street|town|city|region"
    r"|postcode|userid|contactkey|user_?email|user_?phone)$"
)
INDEX = re.compile(r"\[\d+\]")
OF_THE_SHOP = re.compile(r"(?i)(?:items|products?|currencycode|status)\b")  # goods have names too


@dataclass(frozen=True, kw_only=True)
class RedactedField:
    """One value of a request as a colleague may see it."""

    path: str
    text: str
    source: str


def redacted(preview: Preview) -> Iterator[RedactedField]:
    """Every value of what would be sent, those of the person masked."""
    for field in preview.fields:
        yield RedactedField(path=field.path, text=_shown(preview.kind, field), source=field.source)


def _shown(kind: Kind, field: Field) -> str:
    place = INDEX.sub("", field.path)
    if isinstance(field.value, str) and _is_personal(kind, place):
        return masked(field.value)
    return redact(_text(field.value))


def _is_personal(kind: Kind, place: str) -> bool:
    is_of_goods = kind is not Kind.CONTACT and OF_THE_SHOP.search(place)
    return not is_of_goods and bool(PERSONAL.search(place))


def masked(text: str) -> str:
    """The first letter, so that two values can be told apart, and the domain of an e-mail."""
    if not text:
        return ""
    _name, at, domain = text.partition("@")
    return f"{text[0]}{MASK}{at}{domain}"


def _text(value: JSONValue) -> str:
    if value is None:
        return "—"
    return str(value).lower() if isinstance(value, bool) else str(value)
