"""A deadline for one whole HTTP request: it cuts the request's socket when the time is up.

The read time-out of requests starts anew with each byte, also while the headers arrive, so a server
that drips would hold a worker for ever.

Where a person waits for the answer, as on a page of the admin, :func:`patience` shortens all that
is asked inside.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from socket import SHUT_RDWR, socket
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds to wait for a connection, for each byte of an answer, and for a request in all."""

    connect: float = 5.0
    read: float = 30.0
    deadline: float = 60.0

    def within(self, seconds: float | None) -> Timeouts:
        """The same, for a person who waits that long; a connection is tried twice."""
        if seconds is None:
            return self
        return Timeouts(
            connect=min(self.connect, seconds / 2),
            read=min(self.read, seconds),
            deadline=min(self.deadline, seconds),
        )


class _Watchman:
    """One thread that cuts what is late, for all requests of this process: a thread for each of
    hundreds of requests a second would cost as much as the requests."""

    def __init__(self) -> None:
        self._present: set[Deadline] = set()
        self._changed = threading.Condition()
        self._looks_at = 0.0
        self._is_at_work = False

    def add(self, one: Deadline) -> None:
        with self._changed:
            self._present.add(one)
            if not self._is_at_work:
                self._is_at_work = True
                threading.Thread(target=self._watch, name="esputnik-deadline", daemon=True).start()
            elif one.ends_at < self._looks_at:
                self._changed.notify()

    def remove(self, one: Deadline) -> None:
        with self._changed:
            self._present.discard(one)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for one in [one for one in self._present if one.ends_at <= now]:
                    self._present.discard(one)
                    one.cut()
                self._looks_at = min((one.ends_at for one in self._present), default=float("inf"))
                self._changed.wait(min(self._looks_at - now, LONGEST_LOOK))


LONGEST_LOOK = 3600.0  # seconds; a lock cannot be waited for without end
_watchman = _Watchman()


def _begin_anew() -> None:
    """A fork inherits the deadlines, and not the thread that looks after them."""
    global _watchman
    _watchman = _Watchman()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(after_in_child=_begin_anew)


class Deadline:
    """The deadline of one request.

    ``was_sent``: the first byte of the request went out. ``has_passed``: the time is up, and the
    socket was cut.
    """

    def __init__(self, seconds: float) -> None:
        self.was_sent = False
        self.has_passed = False
        self.ends_at = time.monotonic() + seconds
        self._socket: socket | None = None
        self._watchman = _watchman

    def start(self) -> None:
        self._watchman.add(self)

    def stop(self) -> None:
        self._watchman.remove(self)

    def guard(self, sock: socket | None) -> None:
        """Cut this socket when the time is up; at once if it already is."""
        self._socket = sock
        if self.has_passed:
            self._cut()

    def cut(self) -> None:
        """End the request now. May be called from another thread."""
        self.has_passed = True
        self._cut()

    def _cut(self) -> None:
        if self._socket is None:
            return
        plain = getattr(self._socket, "socket", self._socket)  # urllib3's TLS inside TLS
        try:
            socket.shutdown(plain, SHUT_RDWR)  # under TLS too; the reader wakes at once
        except OSError:
            return  # closed already


_present: ContextVar[Deadline | None] = ContextVar("esputnik_connector_deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Every request made inside by a :class:`DeadlineConnection` ends within ``seconds``."""
    present = Deadline(seconds)
    token = _present.set(present)
    present.start()
    try:
        yield present
    finally:
        present.stop()
        _present.reset(token)


_patience: ContextVar[float | None] = ContextVar("esputnik_connector_patience", default=None)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """A person waits: each request made inside ends within ``seconds``, whatever the options say,
    and does not wait for the pace that the workers keep."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def present_patience() -> float | None:
    """Seconds that a person waits for the request that is made now; ``None``: none does."""
    return _patience.get()


class DeadlineConnection:
    """Mixin of an ``HTTPConnection``: shows its socket to the deadline as soon as there is one."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # a mixin of HTTPConnection
        self._show()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._show()
        if (present := _present.get()) is not None:
            present.was_sent = True
        super().send(data)  # type: ignore[misc]

    def _show(self) -> None:
        if (present := _present.get()) is not None:
            present.guard(self.sock)
