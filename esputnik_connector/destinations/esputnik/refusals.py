"""Which records a 2xx refused after all. Pure.

What eSputnik documents of ``failedContacts`` (esputnik-api.md#failed-contacts) and ``failedOrders``
(esputnik-api.md#failed-orders) is one shape of several that were met: an object, a list of objects,
or texts. So an item is matched by every identifier that it may hold, and counts only when it points
at exactly one record.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.responses import vendor_words
from esputnik_connector.identity import fingerprint
from esputnik_connector.records import JSONObject, JSONValue

LISTS = ("failedContacts", "failedOrders", "errors")
KEY_NAMES = frozenset({"externalcustomerid", "externalorderid", "dedupevalue", "key", "contactkey"})
SHORTEST_TOKEN = 5  # characters; "5" inside a sentence is not the contact 5
DEEPEST = 6  # levels; an item is flat or holds its record


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A record by everything that an answer may call it."""

    key: str
    locators: frozenset[str] = frozenset()  # e-mail in lower case, digits of the phone


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One item of a list of failures. ``key`` is ``""`` when it fits no record or several."""

    key: str
    words: str


def named(envelope: Envelope) -> Named:
    """The names of the record in an envelope."""
    locators = {value.lower() for value in _locators(envelope.payload)}
    return Named(key=envelope.key, locators=frozenset(locators))


def named_by_hash(
    body: JSONValue, keys: Sequence[str], locators: Mapping[str, Mapping[str, str]], *, salt: str
) -> list[Named]:
    """The names of records of which only hashes are kept: the words of an answer that fit them.

    A guest has no id at eSputnik, so an import names them by e-mail or phone
    (esputnik-api.md#import-status).
    """
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        for hashed in locators.get(key, {}).values():
            owners[hashed].add(key)
    told: defaultdict[str, set[str]] = defaultdict(set)
    known = set(keys)
    for word in {word for _, text in _scalars(body) for word in WORD.findall(text)} - known:
        name = word.rstrip(".").lower().lstrip("+")
        for form in (name, f"+{name}"):
            for key in owners.get(fingerprint(form, salt=salt), ()):
                told[key].add(name)
    return [Named(key=key, locators=frozenset(told[key])) for key in keys]


WORD = re.compile(r"""[^\s<>"'(),;:\[\]]+""")


def says_refusals(body: JSONValue) -> bool:
    """Might there be a refusal in it? Of most answers this is all that anybody needs to ask."""
    return any(True for _item in _items(body, ()))


def refusals(body: JSONValue, records: Sequence[Named], *, are_all: bool) -> list[Refusal]:
    """Every refusal in an answer's body, attributed where that is certain.

    :param are_all: the answer is about these records and no others, so that a refusal in an answer
        about one record needs no name.
    """
    if are_all and len(records) == 1:
        key = records[0].key
        return [Refusal(key=key, words=_words(item)) for item in _items(body, records)]
    return [_refusal(item, records) for item in _items(body, records)]


def _items(body: JSONValue, records: Sequence[Named]) -> Iterator[JSONValue]:
    if isinstance(body, list):  # "the body lists the orders that could not be added"
        yield from (item for item in body if item)
    if not isinstance(body, dict):
        return
    for name in LISTS:
        yield from _spread(body.get(name), records)
    if body.get("errorMessage") and not any(body.get(name) for name in (*LISTS, "asyncSessionId")):
        yield vendor_words(body)


def _spread(found: JSONValue, records: Sequence[Named]) -> Iterator[JSONValue]:
    """The items of a list, a single item, or a mapping of key → explanation."""
    keys = {record.key for record in records}
    if isinstance(found, list):
        yield from (item for item in found if item not in (None, "", {}, []))
    elif isinstance(found, dict) and keys & set(found):
        yield from ({"key": key, "message": words} for key, words in found.items())
    elif found:
        yield found


def _refusal(item: JSONValue, records: Sequence[Named]) -> Refusal:
    matches = _by_key(item, records) or _by_locator(item, records) or _by_text(item, records)
    return Refusal(key=matches.pop() if len(matches) == 1 else "", words=_words(item))


def _words(item: JSONValue) -> str:
    return vendor_words(item, item if isinstance(item, str) else "") or "refused"


def _by_key(item: JSONValue, records: Sequence[Named]) -> set[str]:
    said = {value for name, value in _scalars(item) if name.lower() in KEY_NAMES}
    return {record.key for record in records if record.key in said}


def _by_locator(item: JSONValue, records: Sequence[Named]) -> set[str]:
    said = {value.lower().lstrip("+") for _, value in _scalars(item)}
    return {record.key for record in records if record.locators & said}


def _by_text(item: JSONValue, records: Sequence[Named]) -> set[str]:
    if not isinstance(item, str):
        return set()
    return {
        record.key
        for record in records
        if item == record.key or any(_names(item, name) for name in (record.key, *record.locators))
    }


def _names(sentence: str, name: str) -> bool:
    return len(name) >= SHORTEST_TOKEN and mentions(sentence, name)


def mentions(sentence: str, name: str) -> bool:
    """Whether ``name`` stands in ``sentence`` as a word of its own."""
    return bool(re.search(rf"(?<![\w@.-]){re.escape(name)}(?![\w@-])", sentence, re.IGNORECASE))


def _scalars(item: JSONValue, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text and whole number inside an item, with the name it stands under."""
    if isinstance(item, dict) and depth < DEEPEST:
        for inner, value in item.items():
            yield from _scalars(value, inner, depth + 1)
    elif isinstance(item, list) and depth < DEEPEST:
        for value in item:
            yield from _scalars(value, name, depth + 1)
    elif isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
        yield name, str(item)


def _locators(payload: JSONObject) -> Iterator[str]:
    """E-mail and phone of the record itself, wherever its payload keeps them."""
    for record in payload.values():
        if not isinstance(record, dict):
            continue
        params = record.get("params")
        named = params if isinstance(params, dict) else record
        yield from (str(named[name]) for name in ("email", "phone") if name in named)
        channels = record.get("channels")
        for channel in channels if isinstance(channels, list) else []:
            if isinstance(channel, dict):
                yield str(channel["value"])
