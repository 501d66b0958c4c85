"""A watchdog over one HTTP request: cuts its socket when the time is up.

The read time-out of requests starts anew with each byte, also while the headers arrive, so a server
that drips would hold a worker for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from socket import SHUT_RDWR, socket
from typing import Any


class Watch:
    """Watches one request: whether its first byte went out, and its deadline."""

    def __init__(self, seconds: float) -> None:
        self.was_sent = False
        self.has_barked = False
        self._socket: socket | None = None
        self._timer = threading.Timer(seconds, self._bark)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def guard(self, sock: socket | None) -> None:
        self._socket = sock
        if self.has_barked:
            self._cut()

    def _bark(self) -> None:
        self.has_barked = True
        self._cut()

    def _cut(self) -> None:
        if self._socket is None:
            return
        plain = getattr(self._socket, "socket", self._socket)  # urllib3's TLS inside TLS
        try:
            socket.shutdown(plain, SHUT_RDWR)  # under TLS too; the reader wakes at once
        except OSError:
            return  # closed already


_watch: ContextVar[Watch | None] = ContextVar("esputnik_connector_watch", default=None)


@contextmanager
def watched(seconds: float) -> Iterator[Watch]:
    watch = Watch(seconds)
    token = _watch.set(watch)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
        _watch.reset(token)


class Watched:
    """Mixin of an ``HTTPConnection``: shows its socket to the watch as soon as there is one."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # a mixin of HTTPConnection
        self._show()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._show()
        if (watch := _watch.get()) is not None:
            watch.was_sent = True
        super().send(data)  # type: ignore[misc]

    def _show(self) -> None:
        if (watch := _watch.get()) is not None:
            watch.guard(self.sock)
