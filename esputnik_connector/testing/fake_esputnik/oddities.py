"""Answers that no document knows: instead of eSputnik's own answer, or within it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .exchange import Answer, encoded, json_answer, text_answer

HALF_EMOJI = "\ud83d"  # the first half of a pair: valid in JSON, in no encoding, in no database
NUL = "\x00"  # which PostgreSQL does not store
LONG = 150  # characters, for identifiers that a column of 100 does not hold
CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    "<body><h1>Sorry, you have been blocked</h1><p>Cloudflare Ray ID: 0000000000000000</p>"
    "</body></html>"
)
MAINTENANCE_PAGE = "<html><body><h1>We will be back soon</h1></body></html>"
ID_NAMES = frozenset({"id", "contactId", "asyncSessionId", "sessionId"})
STATES = frozenset({"status", "emailStatus"})  # words of a protocol; spoilt only by name


# What is answered instead, and the request is not processed unless the fault says when="after".
INSTEAD: Mapping[str, Callable[[], Answer]] = {
    "empty": lambda: Answer(status=200),
    "text_ok": lambda: text_answer("OK"),
    "maintenance": lambda: json_answer({"result": "maintenance"}),
    "html_ok": lambda: text_answer(MAINTENANCE_PAGE, content_type="text/html"),
}


def truncated(answer: Answer) -> Answer:
    """Half of the body, although the headers are in order."""
    return dataclasses.replace(answer, body=answer.body[: len(answer.body) // 2])


def patched(answer: Answer, changes: Mapping[str, Any]) -> Answer:
    """An answer whose JSON object has other fields; those that are None are taken away."""
    body = _json(answer)
    merged = {**(body if isinstance(body, dict) else {}), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return json_answer(kept, status=answer.status)


def remarked(answer: Answer, words: str) -> Answer:
    """The words "Duplicated request" somewhere in an answer that is about something else."""
    return patched(answer, {"comment": words})


def spoilt(answer: Answer, junk: str, names: Iterable[str]) -> Answer:
    """``junk`` behind every text of the answer, or behind those of the fields ``names`` only."""
    chosen = frozenset(names)
    body = _json(answer)
    if body is None:
        return dataclasses.replace(answer, body=answer.body + junk.encode(errors="surrogatepass"))

    def spoil(name: str, value: Any) -> Any:
        is_meant = name in chosen if chosen else name not in STATES
        return value + junk if isinstance(value, str) and is_meant else value

    changed = _mapped(body, spoil)
    if changed == body and isinstance(body, dict):
        changed = {**body, "message": f"words{junk}"}
    return dataclasses.replace(answer, body=encoded(changed))


def lengthened(answer: Answer) -> Answer:
    """Every identifier of the answer is longer than anybody would expect."""

    def lengthen(name: str, value: Any) -> Any:
        if name not in ID_NAMES or isinstance(value, bool) or not isinstance(value, (int, str)):
            return value
        long = str(value).ljust(LONG, "0")
        return int(long) if isinstance(value, int) else long

    return dataclasses.replace(answer, body=encoded(_mapped(_json(answer), lengthen)))


def session_of(answer: Answer) -> str:
    """The import session that an answer names, or an empty text."""
    body = _json(answer)
    return str(body.get("asyncSessionId", "")) if isinstance(body, dict) else ""


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _mapped(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mapped(part, change, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_mapped(part, change, name) for part in value]
    return change(name, value)
