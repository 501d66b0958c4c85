"""One request and one answer, free of sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back to the caller."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Fate(NamedTuple):
    """How a scripted import ends. No ``ids`` means all of its contacts."""

    text: str
    seconds: float
    ids: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a test has in store for the records of one request.

    ``refusals``: id → words. ``as_object`` None leaves the form of the list to the account.
    ``fates``: how the import ends, by the kind of the fault: its text, its seconds, its ids.
    """

    refusals: Mapping[str, str] = field(default_factory=dict)
    as_object: bool | None = None
    is_nameless: bool = False
    fates: Mapping[str, Fate] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as read from the wire.

    :param arguments: the variable parts of its path.
    :param problems: what is wrong with single records of a batch, by their position.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    body: Any = None
    is_json: bool = True
    template: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[int, str] = field(default_factory=dict)
    script: Script = field(default_factory=Script)

    @property
    def version(self) -> str:
        """Of the API: v1, v2 or v3."""
        return self.template.split("/")[2]

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), "")


def identities(record: Any) -> frozenset[str]:
    """Every id that a script may name a record by; an order goes by its number alone."""
    if not isinstance(record, dict):
        return frozenset()
    names = {record.get(name) for name in ("externalCustomerId", "email", "phone")}
    if "externalOrderId" in record:
        names = {record["externalOrderId"]}
    names.add(record.get("keyValue"))
    channels = record.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict):
            names.add(channel.get("value"))
    return frozenset(name for name in names if isinstance(name, str))


class RefusedError(Exception):
    """Answered with an error; ``is_violation`` when the caller broke the contract."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        is_violation: bool = False,
        as_json: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.is_violation = is_violation
        self.as_json = as_json
        self.headers = headers or {}

    def answer(self) -> Answer:
        if self.as_json:
            payload = {"status": self.status, "message": self.message}
            return json_answer(payload, status=self.status, headers=self.headers)
        return text_answer(self.message, status=self.status, headers=self.headers)


def json_answer(
    payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    body = encoded(payload)
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    return Answer(status=status, body=body, headers={**kind, **(headers or {})})


def encoded(payload: Any) -> bytes:
    """JSON as eSputnik writes it; half a character, which no encoding has, as an escape."""
    try:
        return json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(payload).encode()


def text_answer(
    text: str,
    *,
    status: int = 200,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    kind = {"Content-Type": f"{content_type};charset=UTF-8"}
    body = text.encode(errors="surrogatepass")
    return Answer(status=status, body=body, headers={**kind, **(headers or {})})
