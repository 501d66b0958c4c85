"""A request as a server makes it: the answer first, and then the end of which Django tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, Client
from django.test.client import ClientHandler

from tests.tracked import AGENT, SC

happened: list[str] = []  # in this process, in its order


class Server(ClientHandler):
    """Of the test client: notes when Django has the answer that a server sends then."""

    def get_response(self, request: HttpRequest) -> HttpResponse:
        response = super().get_response(request)
        happened.append("answered")
        return response


def environ(address: str) -> dict[str, Any]:
    path, _, query = address.partition("?")
    visitor = {"HTTP_USER_AGENT": AGENT, "HTTP_COOKIE": f"sc={SC}"}
    started = Client()._base_environ(PATH_INFO=path, QUERY_STRING=query, **visitor)
    return {**started, "REQUEST_METHOD": "GET"}


def served(address: str, *, when_sent: Callable[[], object] = lambda: None) -> bytes:
    """As a WSGI server asks: the body first, and then the end."""
    answer = WSGIHandler()(environ(address), lambda *_: None)
    body = b"".join(answer)
    happened.append("sent")
    when_sent()
    answer.close()
    happened.append("ended")
    return body


async def ask(address: str) -> bytes:
    """As a server does: Django's asynchronous client for tests ends a request in another thread."""
    sent: list[dict[str, Any]] = []
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if body:
            return body.pop()
        await asyncio.sleep(60)
        raise AssertionError("the answer took a minute")

    async def send(part: dict[str, Any]) -> None:
        sent.append(part)
        if part["type"] == "http.response.body" and not part.get("more_body"):
            happened.append("sent")

    path, _, query = address.partition("?")
    headers = [(b"user-agent", AGENT.encode()), (b"cookie", f"sc={SC}".encode())]
    given = {"path": path, "query_string": query.encode(), "headers": headers}
    scope = {**AsyncRequestFactory()._base_scope(), "type": "http", **given}
    await ASGIHandler()(scope, receive, send)
    return b"".join(part.get("body", b"") for part in sent)


async def asked(*addresses: str) -> list[bytes]:
    return await asyncio.gather(*map(ask, addresses))


def served_by_asgi(*addresses: str) -> list[bytes]:
    """Answers of one loop, in a thread of its own: a browser that a test before this one opened
    goes on by a loop of the main thread."""
    with ThreadPoolExecutor(1) as server:
        return server.submit(lambda: asyncio.run(asked(*addresses))).result()
