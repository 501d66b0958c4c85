"""Scripted failures: what goes wrong, for which requests, how often."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from . import oddities
from .exchange import Answer, Fate, Script, json_answer, text_answer

Kind = Literal[
    "status",  # answer with `status`, `body`, `headers`
    "html",  # a page of a CDN or proxy instead of an answer, 403 unless `status` says otherwise
    "reset",  # the connection is reset without an answer
    "close",  # the connection is closed without an answer
    "delay",  # wait `seconds`
    "silent",  # the request is processed and never answered
    "drip",  # `part` of the answer goes out one byte every `seconds`
    "truncate",  # half of the body, although the headers are in order
    "empty",  # 200 without a body
    "text_ok",  # 200 with the plain text OK
    "maintenance",  # 200 with {"result": "maintenance"}
    "html_ok",  # 200 with a page
    "duplicated_words",  # the answer, and in it the words "Duplicated request"
    "half_emoji",  # the answer, with half a character behind its texts, or those of `names`
    "nul",  # the answer, with a NUL character behind its texts, or those of `names`
    "long_ids",  # the answer, with identifiers of 150 characters
    "patch",  # the answer, with the fields of `body`; those that are None are taken away
    "refuse",  # the records `ids` are listed as refused, with `text`
    "refuse_nameless",  # the same, but the answer does not say which ones
    "refuse_batch",  # 400 for the whole request while one of `ids` is in it
    "import_error",  # an import ends badly: all of it, or only `ids`
    "import_skip",  # an import ends well without having stored all of it, or `ids`
    "import_no_id",  # the same, but the mapping has their entries, without a contact
    "import_stuck",  # an import never ends
    "import_late",  # an import ends `seconds` later
]
IMPORT_KINDS = tuple(kind for kind in get_args(Kind) if kind.startswith("import_"))
SPOILING = ("truncate", "drip", "duplicated_words", "half_emoji", "nul", "long_ids", "patch")
INSTEAD = ("status", "html", "reset", "close", *oddities.INSTEAD)
NEED_IDS = ("refuse", "refuse_nameless", "refuse_batch")
IMPORT_PATH = "/api/v1/contacts"
HOUR = 3600.0


@dataclass(frozen=True)
class Fault:
    """One scripted failure. ``times`` counts the requests it hits; None = for ever.

    ``when="after"``: the request is processed first; its answer is lost or late, its effect stays.
    What changes an answer rather than stands in for it is always processed first. A refused batch
    stays refused: for ``refuse_batch`` a ``times`` of 1 means None.
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
    names: Sequence[str] = ()
    text: str = "refused by script"
    as_object: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"Unknown kind {self.kind!r}. Known: {', '.join(get_args(Kind))}.")
        if self.when not in ("before", "after") or self.part not in ("headers", "body", "both"):
            raise ValueError("when is before or after; part is headers, body or both.")
        if self.kind in NEED_IDS and not self.ids:
            raise ValueError(f"{self.kind} needs ids.")
        if self.kind == "patch" and not isinstance(self.body, dict):
            raise ValueError("patch needs a body: the fields to change.")
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
        """Whether a request is of those the fault is for."""
        if self.kind in IMPORT_KINDS and (method, path) != ("POST", IMPORT_PATH):
            return False
        return self.method.upper() in ("", method) and path.startswith(self.path)

    def answer(self) -> Answer:
        """What a caller gets instead of eSputnik's own words."""
        if instead := oddities.INSTEAD.get(self.kind):
            return instead()
        if self.kind == "html":
            page = str(self.body or oddities.CLOUDFLARE_PAGE)
            return text_answer(
                page, status=self.status or 403, content_type="text/html", headers=self.headers
            )
        status = self.status or 500
        if isinstance(self.body, str):
            return text_answer(self.body, status=status, headers=self.headers)
        return json_answer(self.body, status=status, headers=self.headers)

    def spoil(self, answer: Answer) -> Answer:
        """eSputnik's own answer, changed."""
        if self.kind == "truncate":
            return oddities.truncated(answer)
        if self.kind == "patch":
            return oddities.patched(answer, self.body)
        if self.kind == "duplicated_words":
            return oddities.remarked(answer, "Not a Duplicated request, just words")
        if self.kind == "long_ids":
            return oddities.lengthened(answer)
        if self.kind in ("half_emoji", "nul"):
            junk = oddities.HALF_EMOJI if self.kind == "half_emoji" else oddities.NUL
            return oddities.spoilt(answer, junk, self.names)
        return answer


@dataclass(kw_only=True)
class Plan:
    """What the script has in store for one request."""

    waits: list[Fault] = field(default_factory=list)
    ending: Fault | None = None
    batch_refusal: str = ""
    script: Script = field(default_factory=Script)

    def seconds(self, when: str) -> float:
        return sum(fault.seconds for fault in self.waits if fault.when == when)

    def instead(self) -> Fault | None:
        """The failure that keeps the request from being processed."""
        if self.ending and self.ending.when == "before" and self.ending.kind in INSTEAD:
            return self.ending
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
        plan, names = Plan(), _texts(body) if self._left else set()
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
    if fault.kind in INSTEAD or fault.kind in SPOILING:
        if plan.ending is not None:
            return False
        plan.ending = fault
    elif fault.kind == "delay":
        plan.waits.append(fault)
    elif fault.kind == "silent":
        plan.waits.append(dataclasses.replace(fault, when="after", seconds=HOUR))
    elif fault.ids and not hit:
        return False
    elif fault.kind in IMPORT_KINDS:
        if fault.kind in plan.script.fates:
            return False
        fate = Fate(text=fault.text, seconds=fault.seconds, ids=frozenset(fault.ids))
        fates = {**plan.script.fates, fault.kind: fate}
        plan.script = dataclasses.replace(plan.script, fates=fates)
    elif fault.kind == "refuse_batch":
        plan.batch_refusal = fault.text
    else:
        plan.script = _with_refusals(plan.script, fault, hit)
    return True


def _with_refusals(script: Script, fault: Fault, hit: Sequence[str]) -> Script:
    return dataclasses.replace(
        script,
        refusals={**script.refusals, **dict.fromkeys(hit, fault.text)},
        as_object=script.as_object if fault.as_object is None else fault.as_object,
        is_nameless=script.is_nameless or fault.kind == "refuse_nameless",
    )


def _texts(value: Any) -> set[str]:
    """Every text in the body, since an id may stand anywhere."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*(_texts(part) for part in value))
    return set()
