"""The wire between the connector and eSputnik: bytes go through untouched, and are written down.

The fake knows what it was asked; only here it is known what arrived in return, and when.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .evidence import Exchange
from .line import Line

PATIENCE = 4.0  # seconds; every request of the connector is over by then


@dataclass
class Direction:
    """Bytes that went one way, with the moments at which they had arrived."""

    data: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, float]] = field(default_factory=list)  # length so far, moment

    def add(self, chunk: bytes, moment: float) -> None:
        self.data += chunk
        self.marks.append((len(self.data), moment))

    def moment(self, length: int) -> float:
        """When the first ``length`` bytes were there."""
        return next(moment for size, moment in self.marks if size >= length)


@dataclass
class Talk:
    """One connection."""

    asked: Direction = field(default_factory=Direction)
    said: Direction = field(default_factory=Direction)
    is_over: bool = False

    def exchanges(self) -> Iterator[Exchange]:
        """Requests in their order, each with its answer."""
        asked, said = Reader(self.asked), Reader(self.said)
        while (request := asked.message()) is not None:
            answer = said.message()
            method, _, rest = request.first.partition(" ")
            target = urlsplit(rest.partition(" ")[0])
            yield Exchange(
                arrived=request.begun,
                method=method,
                path=unquote(target.path),
                query=dict(parse_qsl(target.query, keep_blank_values=True)),
                body=_parsed(request.body),
                answered=answer.ended if answer else None,
                status=_status(answer.first) if answer else None,
                answer=_parsed(answer.body) if answer else None,
            )


@dataclass(frozen=True)
class Message:
    first: str
    body: bytes
    begun: float
    ended: float


class Reader:
    """HTTP/1.1 messages with a Content-Length, one after another."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.at = 0

    def message(self) -> Message | None:
        """The next whole one."""
        data = bytes(self.direction.data)
        end = data.find(b"\r\n\r\n", self.at)
        if end < 0:
            return None
        first, *headers = data[self.at : end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in headers)
        named = {name.strip().lower(): value.strip() for name, _, value in pairs}
        size = int(named.get("content-length", 0))
        start, stop = end + 4, end + 4 + size
        if len(data) < stop:
            return None
        begun = self.direction.moment(self.at + 1)
        self.at = stop
        return Message(first, data[start:stop], begun, self.direction.moment(stop))


class Wire(Line):
    """A line that remembers. ``clock``: seconds since the start of the run."""

    def __init__(self, target: tuple[str, int], clock: Callable[[], float]) -> None:
        self.clock = clock
        self.talks: list[Talk] = []
        super().__init__(target)

    def exchanges(self) -> list[Exchange]:
        """All so far, in the order of their arrival."""
        found = [one for talk in list(self.talks) for one in talk.exchanges()]
        return sorted(found, key=lambda one: one.arrived)

    def rest(self, *, seconds: float) -> None:
        """Wait until nothing is on its way, or so long."""
        deadline = self.clock() + seconds
        while self.clock() < deadline:
            since = self.clock() - PATIENCE
            young = (one for one in self.exchanges() if one.arrived > since)
            if all(one.answered is not None for one in young):
                return
            time.sleep(0.1)

    def opened(self) -> Talk:
        talk = Talk()
        self.talks.append(talk)
        return talk

    def passing(self, talk: Talk, chunk: bytes, *, is_question: bool) -> None:
        (talk.asked if is_question else talk.said).add(chunk, self.clock())


def _status(first: str) -> int | None:
    parts = first.split(" ")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else None


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
