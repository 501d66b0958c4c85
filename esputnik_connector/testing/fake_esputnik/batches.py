"""Records that are refused one by one inside a 200."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .exchange import Call, Script, identities
from .inspection import records_of
from .settings import Settings
from .shapes import listed


class Refused(NamedTuple):
    """A record and why it was not taken."""

    record: Any
    words: str


def sift(call: Call) -> tuple[list[Any], list[Refused]]:
    """The accepted records and the refused ones. A scripted refusal is no violation of the
    caller."""
    accepted: list[Any] = []
    refused: list[Refused] = []
    for index, record in enumerate(records_of(call)):
        if words := call.problems.get(index, "") or scripted(call.script, record):
            refused.append(Refused(record, words))
        else:
            accepted.append(record)
    return accepted, refused


def scripted(script: Script, record: Any) -> str:
    """The words with which a test refuses the record, or an empty text."""
    named = sorted(identities(record) & set(script.refusals))
    return script.refusals[named[0]] if named else ""


def failed_contacts(call: Call, refused: Iterable[Refused], settings: Settings) -> dict[str, Any]:
    """``failedContacts``: the contact as it came, without its external id, and the error."""
    found = [_item(call, one, _contact_item) for one in refused]
    return {"failedContacts": _shown(call, found, settings, is_documented=True)}


def failed_orders(call: Call, refused: Iterable[Refused], settings: Settings) -> dict[str, Any]:
    """``failedOrders``: the order as it came, and the error. Declared as a list."""
    found = [_item(call, one, _order_item) for one in refused]
    return {"failedOrders": _shown(call, found, settings, is_documented=False)}


def _item(call: Call, refused: Refused, form: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    named = {} if call.script.is_nameless else form(refused.record)
    return {**named, "error": refused.words}


def _contact_item(record: Any) -> Mapping[str, Any]:
    known = record if isinstance(record, dict) else {}
    return {name: value for name, value in known.items() if name != "externalCustomerId"}


def _order_item(record: Any) -> Mapping[str, Any]:
    return {"order": record}


def _shown(
    call: Call, found: list[dict[str, Any]], settings: Settings, *, is_documented: bool
) -> Any:
    if call.script.as_object is None or len(found) != 1:
        return listed(found, settings, is_documented=is_documented)
    return found[0] if call.script.as_object else found
