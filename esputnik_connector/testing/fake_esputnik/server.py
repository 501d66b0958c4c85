"""The HTTP side: reads requests, lets the script spoil the answers, writes them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from datetime import datetime, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .api import is_authorized, respond
from .control import PREFIX, control, log_entries
from .exchange import Answer, Call, text_answer
from .faults import INSTEAD, Fault, Plan
from .inspection import Inspection, inspect
from .oddities import session_of
from .page import page
from .state import LogEntry, State
from .visits import RECEIVES, SCRIPT

LINGER_ZERO = struct.pack("ii", 1, 0)  # closing sends RST instead of FIN


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], state: State) -> None:
        self.state = state
        self.stopping = threading.Event()
        self.open: dict[int, socket.socket] = {}
        self._closed = threading.Condition()
        self._last_connection = 0
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # Without the reverse DNS look-up of HTTPServer, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def opened(self, connection: socket.socket) -> int:
        with self._closed:
            self._last_connection += 1
            self.open[self._last_connection] = connection
            return self._last_connection

    def closed(self, number: int) -> None:
        with self._closed:
            self.open.pop(number, None)
            self._closed.notify_all()

    def hang_up(self) -> None:
        """End idle keep-alive connections and running delays, and wait for their threads."""
        self.stopping.set()
        with self._closed:
            for connection in self.open.values():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self.open, timeout=5)


class Handler(BaseHTTPRequestHandler):
    server: FakeServer
    protocol_version = "HTTP/1.1"
    server_version = "FakeEsputnik"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.number = self.server.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.number)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the base class)
        """Silent: the log is on the page and under /_fake/log."""

    def serve(self) -> None:
        parts = urlsplit(self.path)
        path, call = parts.path, self._read_call(parts.path, parts.query)
        state = self.server.state
        if path.startswith(PREFIX):
            with state.lock:
                self._write(control(state, call.method, path, call.body))
        elif path == "/" and state.settings.has_state_page:
            with state.lock:
                html = page(state.snapshot(), log_entries(state))
            self._write(text_answer(html, content_type="text/html"))
        elif path == RECEIVES and call.method == "POST":
            with state.lock, contextlib.suppress(ValueError):
                state.site.visits.receive(call.body)
            self._write(Answer(status=204))
        elif path.startswith("/scripts/"):
            self._write(text_answer(SCRIPT, content_type="application/javascript"))
        else:
            self._serve_api(call)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = serve  # noqa: N815

    def _serve_api(self, call: Call) -> None:
        state = self.server.state
        inspection = inspect(call, state.settings)
        with state.lock:
            entry = self._note(call)
            for message in inspection.violations():
                entry.violations.append(message)
                state.violate(call.method, call.path, message)
            plan = state.faults.plan(call.method, call.path, call.body)
            generation = state.generation
        self._wait(plan.seconds("before"))
        answer = self._answer(inspection, plan, generation)
        self._wait(plan.seconds("after"))
        ending = plan.ending.kind if plan.ending else ""
        if ending in ("reset", "close"):
            self._hang_up(with_reset=ending == "reset")
            return
        entry.status = answer.status
        self._write(answer, drip=plan.ending if ending == "drip" else None)

    def _answer(self, inspection: Inspection, plan: Plan, generation: int) -> Answer:
        if instead := plan.instead():
            return instead.answer()
        state = self.server.state
        with state.lock:
            if state.generation != generation:
                # A delayed request of an earlier test must not write into this one.
                raise ConnectionAbortedError("The fake was reset meanwhile")
            answer = respond(state, inspection, plan)
            if plan.ending is None:
                return answer
            if plan.ending.kind in INSTEAD:
                return plan.ending.answer()
            told = plan.ending.spoil(answer)
            state.imports.rename(session_of(answer), session_of(told))
            return told

    def _read_call(self, path: str, query: str) -> Call:
        raw = b""
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True  # unread, so the connection cannot go on
        else:
            length = self.headers.get("Content-Length") or "0"
            raw = self.rfile.read(int(length) if length.isdecimal() else 0)
        body, is_json = _parsed(raw)
        return Call(
            method=self.command,
            path=unquote(path),
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=dict(self.headers.items()),
            raw=raw,
            body=body,
            is_json=is_json,
        )

    def _note(self, call: Call) -> LogEntry:
        state = self.server.state
        shown = {k: v for k, v in call.headers.items() if k.lower() != "authorization"}
        entry = LogEntry(
            number=len(state.log) + 1,
            monotonic=time.monotonic(),
            time=datetime.now(timezone.utc).isoformat(),
            connection=self.number,
            method=call.method,
            path=call.path,
            query=dict(call.query),
            headers=shown,
            authorized=is_authorized(state.settings, call.header("Authorization")),
            body=call.body,
        )
        state.log.append(entry)
        return entry

    def _wait(self, seconds: float) -> None:
        if seconds and self.server.stopping.wait(seconds):
            raise ConnectionAbortedError("The server is stopping")

    def _hang_up(self, *, with_reset: bool) -> None:
        self.close_connection = True
        if with_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
            os.close(self.connection.detach())

    def _write(self, answer: Answer, *, drip: Fault | None = None) -> None:
        has_body = answer.status >= 200 and answer.status not in (204, 304)
        headers = {"Date": self.date_time_string(), **answer.headers}
        if has_body:
            headers["Content-Length"] = str(len(answer.body))
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        body = answer.body if has_body and self.command != "HEAD" else b""
        if drip is None:
            self.wfile.write(head + body)
            return
        for part, text in (("headers", head), ("body", body)):
            if drip.part in (part, "both"):
                self._drip(text, drip.seconds)
            else:
                self.wfile.write(text)

    def _drip(self, text: bytes, seconds: float) -> None:
        for index in range(len(text)):
            self.wfile.write(text[index : index + 1])
            self._wait(seconds)


def _parsed(raw: bytes) -> tuple[Any, bool]:
    """The body, and whether it is strict JSON in UTF-8."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_constant), True
    except ValueError:
        return raw.decode(errors="replace"), False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
