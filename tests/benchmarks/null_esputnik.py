"""An endpoint that takes everything, proves it as eSputnik does, and needs a real answer's time.

Run as a process of its own: it must not share the interpreter of whoever is measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.servers import free_port, wait_for_port

UPLOAD_SECONDS = 2.0  # from the answer to an upload until it is finished


@contextmanager
def null_esputnik(
    log: Path, *, latency: float = 0.15, spread: float = 0.1, hang_every: int = 0
) -> Iterator[str]:
    """Its address. Each record that it took is a line of ``log``: time, kind, key, word.

    :param latency, spread: seconds of an answer, give or take.
    :param hang_every: every so manieth request is never answered; 0 for none.
    """
    port = free_port()
    arguments = [str(value) for value in (port, latency, spread, hang_every, log)]
    server = subprocess.Popen([sys.executable, "-m", __name__, *arguments])
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.kill()
        server.wait()


class NullEsputnik:
    def __init__(self, latency: float, spread: float, hang_every: int, log: Path) -> None:
        self.latency, self.spread, self.hang_every = latency, spread, hang_every
        self.log = log.open("a", buffering=1)
        self.numbers = count(1)
        self.uploads: dict[str, tuple[float, list[str]]] = {}
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _rest = head.split(" ", 2)
                length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                self.requests += 1
                if self.hang_every and self.requests % self.hang_every == 0:
                    await asyncio.sleep(3600)
                answer, taken = self.answer(method, path, json.loads(body) if body else {})
                jitter = random.uniform(-self.spread, self.spread)
                await asyncio.sleep(max(0.0, self.latency + jitter))
                text = json.dumps(answer).encode()
                for line in taken:
                    self.log.write(json.dumps([time.time(), *line]) + "\n")
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(text) + text
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[Any, list[list[str]]]:
        """What proves it, and the records that were taken."""
        path = path.partition("?")[0].removeprefix("/api/")
        if path == "v1/contact":
            return {"id": next(self.numbers)}, [_contact(body)]
        if path == "v1/contacts" and method == "POST":
            session = f"session-{next(self.numbers)}"
            people = body["contacts"]
            values = [_dedupe_value(one, body["dedupeOn"]) for one in people]
            self.uploads[session] = (time.time() + UPLOAD_SECONDS, values)
            return {"asyncSessionId": session}, [_contact(one) for one in people]
        if path.startswith("v1/importstatus/"):
            ends, values = self.uploads[path.rpartition("/")[2]]
            if time.time() < ends:
                return {"status": "IMPORTING"}, [["poll", "", ""]]
            rows = [{"dedupeValue": one, "contactId": next(self.numbers)} for one in values]
            return {"status": "FINISHED", "mapping": rows}, [["poll", "", ""]]
        if path == "v1/orders":
            taken = [["order", one["externalOrderId"], one["status"]] for one in body["orders"]]
            return {"failedOrders": []}, taken
        if path == "v2":  # the tracker
            product = body.get("ProductPage", {}).get("Product", {})
            return {}, [["behaviour", str(product.get("productKey", "")), ""]]
        if path.endswith("/event"):
            return {}, [["event", str(body.get("keyValue", "")), body.get("eventTypeKey", "")]]
        return {}, []


def _contact(body: dict[str, Any]) -> list[str]:
    return ["contact", str(body.get("externalCustomerId", "")), body.get("firstName", "")]


def _dedupe_value(body: dict[str, Any], name: str) -> str:
    if name == "externalCustomerId":
        return str(body[name])
    return next(one["value"] for one in body["channels"] if one["type"] == name)


async def main() -> None:
    port, latency, spread, hang_every, log = sys.argv[1:]
    null = NullEsputnik(float(latency), float(spread), int(hang_every), Path(log))
    server = await asyncio.start_server(null.serve, "127.0.0.1", int(port), limit=2**24)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
