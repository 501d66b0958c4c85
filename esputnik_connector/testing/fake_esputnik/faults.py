"""Scripted failures: what goes wrong, for which requests, how often."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .exchange import Answer, json_answer, text_answer

Kind = Literal[
    "status",  # answer with `status`, `body`, `headers`
    "html",  # a page of a CDN or proxy instead of an answer, 403 unless `status` says otherwise
    "reset",  # the connection is reset without an answer
    "close",  # the connection is closed without an answer
    "delay",  # wait `seconds`
    "drip",  # `part` of the answer goes out one byte every `seconds`
    "truncate",  # half of the body, although the headers are in order
    "empty",  # 200 without a body
    "refuse",  # the records `ids` are listed in failedOrders/failedContacts, with `text`
    "refuse_batch",  # 400 for the whole request while one of `ids` is in it
    "import_error",  # a bulk import ends badly: all of it, or only `ids`
]
ENDINGS = ("status", "html", "reset", "close", "drip", "truncate", "empty")
CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1><p>Cloudflare Ray ID: 0000000000000000</p>"
    "</body></html>"
)


@dataclass(frozen=True)
class Fault:
    """One scripted failure. ``times`` counts the requests it hits; None = for ever.

    ``when="after"``: the request is processed first; its answer is lost or late, its effect stays.
    A refused batch stays refused: for ``refuse_batch`` a ``times`` of 1 means None.
    """

    kind: Kind
    _: dataclasses.KW_ONLY
    method: str = ""
    path: str = ""
    times: int | None = 1
    when: Literal["before", "after"] = "before"
    status: int = 0
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    part: Literal["headers", "body", "both"] = "body"
    ids: Sequence[str] = ()
    text: str = "refused by script"
    as_object: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"Unknown kind {self.kind!r}. Known: {', '.join(get_args(Kind))}.")
        if self.when not in ("before", "after") or self.part not in ("headers", "body", "both"):
            raise ValueError("when is before or after; part is headers, body or both.")
        if self.kind in ("refuse", "refuse_batch") and not self.ids:
            raise ValueError(f"{self.kind} needs ids.")
        if self.kind == "refuse_batch" and self.times == 1:
            object.__setattr__(self, "times", None)

    @classmethod
    def from_json(cls, payload: Any) -> Fault:
        """ValueError when ``payload`` is not a fault."""
        if not isinstance(payload, dict) or "kind" not in payload:
            raise ValueError("A fault is an object with at least a kind.")
        known = {entry.name for entry in dataclasses.fields(cls)}
        if unknown := sorted(set(payload) - known):
            raise ValueError(f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        return cls(**payload)

    def matches(self, method: str, path: str) -> bool:
        return self.method.upper() in ("", method) and path.startswith(self.path)

    def answer(self) -> Answer:
        """What a caller gets instead of eSputnik's own words."""
        if self.kind == "html":
            page = str(self.body or CLOUDFLARE_PAGE)
            return text_answer(
                page, status=self.status or 403, content_type="text/html", headers=self.headers
            )
        status = self.status or 500
        if isinstance(self.body, str):
            return text_answer(self.body, status=status, headers=self.headers)
        return json_answer(self.body, status=status, headers=self.headers)


@dataclass(kw_only=True)
class Plan:
    """What the script has in store for one request."""

    waits: list[Fault] = field(default_factory=list)
    ending: Fault | None = None
    refusals: dict[str, str] = field(default_factory=dict)
    refuses_as_object: bool = False
    batch_refusal: str = ""
    import_error: str | None = None
    import_error_ids: frozenset[str] = frozenset()

    def seconds(self, when: str) -> float:
        return sum(fault.seconds for fault in self.waits if fault.when == when)

    def instead(self) -> Fault | None:
        """The failure that keeps the request from being processed."""
        if self.ending and self.ending.when == "before":
            return self.ending if self.ending.kind in ("status", "html", "reset", "close") else None
        return None


class FaultScript:
    """Faults in the order they were added. A request meets one ending, and all else that fits."""

    def __init__(self) -> None:
        self._left: list[list[Any]] = []

    def add(self, fault: Fault) -> None:
        self._left.append([fault, fault.times])

    def clear(self) -> None:
        self._left.clear()

    def pending(self) -> list[dict[str, Any]]:
        return [{**dataclasses.asdict(fault), "times": times} for fault, times in self._left]

    def plan(self, method: str, path: str, body: Any) -> Plan:
        plan, names = Plan(), _texts(body)
        for entry in self._left:
            fault: Fault = entry[0]
            is_hit = fault.matches(method, path) and _include(plan, fault, names)
            if is_hit and entry[1] is not None:
                entry[1] -= 1
        self._left = [entry for entry in self._left if entry[1] is None or entry[1] > 0]
        return plan


def _include(plan: Plan, fault: Fault, names: set[str]) -> bool:
    """Whether the fault hits this request; only then it is used up."""
    hit = sorted(set(fault.ids) & names)
    if fault.kind in ENDINGS:
        if plan.ending is not None:
            return False
        plan.ending = fault
    elif fault.kind == "delay":
        plan.waits.append(fault)
    elif fault.kind == "import_error":
        if plan.import_error is not None or (fault.ids and not hit):
            return False
        plan.import_error, plan.import_error_ids = fault.text, frozenset(fault.ids)
    elif not hit:
        return False
    elif fault.kind == "refuse":
        plan.refusals.update(dict.fromkeys(hit, fault.text))
        plan.refuses_as_object = plan.refuses_as_object or fault.as_object
    else:
        plan.batch_refusal = fault.text
    return True


def _texts(value: Any) -> set[str]:
    """Every text in the body, since an id may stand anywhere."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*(_texts(part) for part in value))
    return set()
