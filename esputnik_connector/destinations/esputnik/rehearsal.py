"""What carries a prepared request away, and what only notes it."""

from __future__ import annotations

from typing import Protocol

from esputnik_connector.destinations.base import PreparedRequest
from esputnik_connector.destinations.responses import Answer


class Sender(Protocol):
    """What carries a prepared request away: an HttpClient, or a rehearsal that only notes it."""

    def send(self, request: PreparedRequest) -> Answer: ...


class Rehearsal:
    """A sender that notes what would go out and answers as if all went well."""

    def __init__(self) -> None:
        self.requests: list[PreparedRequest] = []

    def send(self, request: PreparedRequest) -> Answer:
        self.requests.append(request)
        return Answer(status=200, body={"id": 1, "asyncSessionId": "rehearsal"})
