"""A TCP line to a server, which can be cut: as when nobody listens there, or as a black hole."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any, Literal

LINGER_ZERO = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN
BACKLOG = 128
GLANCE = 0.05  # seconds between two looks at whether the line is cut
LONGEST_GLANCE = 10.0  # seconds that such a look takes at the most, where others have the machine
Cut = Literal["refused", "swallowed"]
Pair = tuple[socket.socket, socket.socket]  # towards whoever asks, towards the server


class Line:
    """Bytes go through untouched.

    Cut, it is one of two: ``refused``, when every connection ends and no new one is let in, or
    ``swallowed``, when connections stay, new ones get no answer to their first packet, and nothing
    that is said arrives: what a firewall does that drops packets.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self._cut: Cut | None = None
        self._is_closed = False
        self._lets_nobody_in = threading.Event()
        self._stuffing: list[socket.socket] = []
        self._pairs: set[Pair] = set()
        self._lock = threading.Lock()
        self.listener = self._listen(0)
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    # -- what can be done to it

    def cut(self, how: Cut) -> None:
        """Until :meth:`mend`."""
        self._lets_nobody_in.clear()
        self._cut = how
        if not self._lets_nobody_in.wait(LONGEST_GLANCE):
            raise RuntimeError("the line still lets callers in")
        if how == "refused":
            self.listener.close()
            self._hang_up()
        else:
            self._stuff()

    def mend(self) -> None:
        """Connections from before are dead; new ones are let in."""
        if not self._cut:
            return
        self._hang_up()
        self._let_in()
        if self._cut == "refused":
            self.listener = self._listen(self.port)
        elif self._cut:
            self.listener.listen(BACKLOG)
        self._cut = None

    def close(self) -> None:
        self._is_closed = True
        self.listener.close()
        self._hang_up()
        self._let_in()

    def _stuff(self) -> None:
        """Fill the queue of the listener: the kernel then drops whatever else wants in."""
        self.listener.listen(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._stuffing.append(filler)
        time.sleep(GLANCE)

    def _let_in(self) -> None:
        for filler in self._stuffing:
            filler.close()
        self._stuffing.clear()

    def _hang_up(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for end in (end for pair in pairs for end in pair):
            _reset(end)

    # -- bytes

    def opened(self) -> Any:
        """A new connection; what is returned is handed to :meth:`passing`."""
        return None

    def passing(self, talk: Any, chunk: bytes, *, is_question: bool) -> None:
        """Bytes that are about to be handed over."""

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        listener.settimeout(GLANCE)
        return listener

    def _accept(self) -> None:
        while not self._is_closed:
            if self._cut:
                self._lets_nobody_in.set()
                time.sleep(GLANCE)
                continue
            try:
                near, _ = self.listener.accept()
            except OSError:  # nobody came, or it was closed: the flags tell
                continue
            self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        near.settimeout(None)
        talk = self.opened()
        try:
            far = socket.create_connection(self.target, timeout=5)
            far.settimeout(None)
        except OSError:
            near.close()
            return
        with self._lock:
            self._pairs.add((near, far))
        for is_question in (True, False):
            threading.Thread(
                target=self._pump, args=((near, far), talk, is_question), daemon=True
            ).start()

    def _pump(self, pair: Pair, talk: Any, is_question: bool) -> None:
        source, sink = pair if is_question else pair[::-1]
        try:
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while chunk := source.recv(65536):
                if self._cut == "swallowed":
                    continue
                self.passing(talk, chunk, is_question=is_question)
                sink.sendall(chunk)
        except ConnectionResetError:
            _reset(sink)
        except OSError:
            pass
        if self._cut == "swallowed":  # nor does the news of an end arrive
            return
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        self._has_ended(pair)

    def _has_ended(self, pair: Pair) -> None:
        """One way of it; after the other one the sockets go."""
        with self._lock:
            is_last = pair not in self._pairs
            self._pairs.discard(pair)
        for end in pair if is_last else ():
            end.close()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        end.shutdown(socket.SHUT_RD)  # wakes the pump that reads it, which holds the socket open
        end.close()
