"""Acme, the platform of docs/howto/add-a-destination.md, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Acme:
    """Remembers every request; stores every record, unless it was told otherwise."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.requests: list[tuple[str, Any]] = []
        self.stored: dict[str, dict[str, Any]] = {}
        self._refused: dict[str, str] = {}
        self._said: tuple[int, Any, Mapping[str, str]] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Acme:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def refuse(self, key: str, words: str) -> None:
        self._refused[key] = words

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answer every request like this from now on."""
        self._said = status, body, headers or {}

    def respond(self, path: str, key: str | None, body: Any) -> tuple[int, Any, Mapping[str, str]]:
        self.requests.append((path, body))
        if self._said is not None:
            return self._said
        if key != self.key:
            return 401, {"error": "unknown key"}, {}
        if path == "/v1/me":
            return 200, {"name": "Acme of Olena"}, {}
        return 200, {"results": [self._store(record) for record in body["records"]]}, {}

    def _store(self, record: dict[str, Any]) -> dict[str, Any]:
        if record["id"] in self._refused:
            return {"stored": False, "error": self._refused[record["id"]]}
        self.stored[record["id"]] = record
        return {"stored": True}


def handler(acme: Acme) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(None)

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _serve(self, body: Any) -> None:
            key = self.headers.get("X-Acme-Key")
            status, said, headers = acme.respond(self.path, key, body)
            content = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Silent."""

    return Handler
