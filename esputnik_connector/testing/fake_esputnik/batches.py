"""Records that are refused one by one inside a 200."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .exchange import Call
from .imports import identities
from .state import State

Failed = dict[str, Any]


def sift(
    state: State, call: Call, records: Sequence[Any], problem_of: Callable[[Any], str]
) -> tuple[list[Any], list[Failed]]:
    """The accepted ones and the refused ones. A scripted refusal is no violation of the caller."""
    accepted: list[Any] = []
    failed: list[Failed] = []
    for record in records:
        problem = problem_of(record)
        if problem:
            state.violate(call.method, call.path, f"{_name_of(record)}: {problem}")
        scripted = sorted(identities(record) & set(call.refusals))
        if problem or scripted:
            failed.append(_refusal(record, problem or call.refusals[scripted[0]]))
        else:
            accepted.append(record)
    return accepted, failed


def failed_field(name: str, failed: list[Failed], call: Call) -> dict[str, Any]:
    """A list; where the account is set so, a single refusal is the bare object."""
    if call.refuses_as_object and len(failed) == 1:
        return {name: failed[0]}
    return {name: failed}


def _refusal(record: Any, message: str) -> Failed:
    named = ("externalOrderId", "externalCustomerId")
    known = record if isinstance(record, dict) else {}
    refusal: Failed = {name: known[name] for name in named if name in known}
    if isinstance(known.get("channels"), list):
        refusal["channels"] = known["channels"]
    return {**refusal, "message": message}


def _name_of(record: Any) -> str:
    if not isinstance(record, dict):
        return "record"
    for name in ("externalOrderId", "externalCustomerId"):
        if name in record:
            return f"{name} {record[name]!r}"
    return "record without an external id"
