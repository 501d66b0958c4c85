"""The wire between the connector and eSputnik: bytes go through untouched, and are written down.

The fake knows what it was asked; only here it is known what arrived in return, and when.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .evidence import Exchange

LINGER_ZERO = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN
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


class Wire:
    """A TCP line that remembers. ``clock``: seconds since the start of the run."""

    def __init__(self, target: tuple[str, int], clock: Callable[[], float]) -> None:
        self.target = target
        self.clock = clock
        self.talks: list[Talk] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

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

    def close(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            talk = Talk()
            self.talks.append(talk)
            try:
                far = socket.create_connection(self.target, timeout=5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            for source, sink, direction in ((near, far, talk.asked), (far, near, talk.said)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=self._pump, args=(source, sink, direction), daemon=True
                ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        try:
            while chunk := source.recv(65536):
                direction.add(chunk, self.clock())
                sink.sendall(chunk)
        except ConnectionResetError:
            with suppress(OSError):
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
                sink.shutdown(socket.SHUT_RD)  # wakes the other pump, which holds the socket open
                sink.close()
        except OSError:
            pass
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


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
