"""One request and one answer, free of sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back to the caller."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as read from the wire; ``arguments`` are the variable parts of its path."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    body: Any = None
    is_json: bool = True
    template: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    refuses_as_object: bool = False
    import_error: str | None = None
    import_error_ids: frozenset[str] = frozenset()

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), "")


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
    body = json.dumps(payload, ensure_ascii=False).encode()
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    return Answer(status=status, body=body, headers={**kind, **(headers or {})})


def text_answer(
    text: str,
    *,
    status: int = 200,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    kind = {"Content-Type": f"{content_type};charset=UTF-8"}
    return Answer(status=status, body=text.encode(), headers={**kind, **(headers or {})})
