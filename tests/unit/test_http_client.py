"""HTTP against servers that misbehave: real sockets, short time-outs."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import responses
import urllib3

from esputnik_connector.destinations.auth import BasicAuth
from esputnik_connector.destinations.deadline import Timeouts
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.client import EsputnikClient
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.exceptions import (
    CredentialsError,
    RejectedError,
    TemporaryError,
)

KEY = "0123456789abcdef0123456789ABCDEF"
PAIR = base64.b64encode(f"user:{KEY}".encode()).decode()
IMPATIENT = Timeouts(connect=0.5, read=0.5, deadline=0.8)


class Server:
    """Accepts connections, reads one request of each and lets ``behave`` answer."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.requests: list[bytes] = []
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                self.requests.append(_request(sock))
                self._behave(sock)
            except OSError:
                return  # the client hung up, as it should

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)


def _request(sock: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    wanted = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < wanted:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(behave: Callable[[socket.socket], None]) -> Iterator[Server]:
    server = Server(behave)
    try:
        yield server
    finally:
        server.close()


def says(status: str, body: bytes = b"", *headers: str) -> Callable[[socket.socket], None]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    answer = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda sock: sock.sendall(answer)


@contextmanager
def client(url: str, timeouts: Timeouts = IMPATIENT, **changes) -> Iterator[HttpClient]:
    http = HttpClient(url, auth=BasicAuth("user", KEY), timeouts=timeouts, **changes)
    try:
        yield http
    finally:
        http.close()


def send(http: HttpClient, body=None, method: str = "POST", path: str = "v1/orders"):
    return http.send(http.prepared(method, path, body=body))


def failure(server_or_url, body=None, timeouts: Timeouts = IMPATIENT) -> TemporaryError:
    url = getattr(server_or_url, "url", server_or_url)
    with client(url, timeouts) as http, pytest.raises(TemporaryError) as caught:
        send(http, body or {"email": "olena@example.com"})
    return caught.value


# What is sent


def test_a_request_is_utf8_json_with_the_key_as_password():
    with serving(says("200 OK", b'{"id": 1}')) as server, client(server.url) as http:
        assert send(http, {"firstName": "Олена"}).body == {"id": 1}
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == '{"firstName":"Олена"}'.encode()
    assert f"Authorization: Basic {PAIR}".encode() in head
    assert b"Content-Type: application/json; charset=UTF-8" in head
    assert b"Accept: application/json; charset=UTF-8" in head
    assert b"User-Agent: django-esputnik-connector/" in head


def test_a_request_without_a_body_claims_no_content_type():
    with serving(says("200 OK", b"{}")) as server, client(server.url) as http:
        send(http, method="GET", path="/v1/account/info")
    assert server.requests[0].startswith(b"GET /v1/account/info HTTP/1.1")
    assert b"content-type" not in server.requests[0].lower()


def test_a_key_in_any_script_can_be_sent():
    with serving(says("200 OK")) as server:
        http = HttpClient(server.url, auth=BasicAuth("user", "ключ"), timeouts=IMPATIENT)
        send(http)
        http.close()
    assert base64.b64encode("user:ключ".encode()) in server.requests[0]


def test_half_a_surrogate_pair_does_not_stop_a_batch():
    assert encoded({"name": "a\ud83d"}) == b'{"name":"a?"}'


def test_no_number_becomes_a_word():
    with pytest.raises(ValueError, match="JSON"):
        encoded({"totalCost": float("nan")})


# Servers that misbehave


def drip(part: bytes) -> Callable[[socket.socket], None]:
    def behave(sock: socket.socket) -> None:
        sock.sendall(part)
        for _ in range(200):
            time.sleep(0.05)
            sock.sendall(b"x")

    return behave


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX-Drip: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
    ids=["headers", "body", "endless"],
)
def test_a_server_that_drips_meets_the_deadline(start):
    with serving(drip(start)) as server:
        started = time.monotonic()
        error = failure(server)
        assert time.monotonic() - started < 2
    assert "no complete answer within 0.8 s" in str(error)
    assert error.was_received


def test_a_server_that_says_nothing_meets_the_read_timeout():
    with serving(lambda sock: time.sleep(1.2)) as server:
        error = failure(server, timeouts=Timeouts(connect=0.5, read=0.2, deadline=5))
    assert "did not answer" in str(error) or "connection failed" in str(error)
    assert error.was_received


def test_a_connection_that_breaks_after_the_request_may_have_delivered():
    with serving(lambda sock: None) as server:
        error = failure(server)
    assert error.was_received
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_may_have_delivered():
    def behave(sock: socket.socket) -> None:
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"failed')

    with serving(behave) as server:
        error = failure(server)
    assert error.was_received


def test_a_huge_answer_is_not_read_to_its_end():
    block = b"x" * 1024 * 1024

    def behave(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(64):
            sock.sendall(block)

    with serving(behave) as server:
        error = failure(server, timeouts=Timeouts(deadline=20))
    assert "larger than" in str(error)
    assert error.was_received


def test_nobody_listening_means_nothing_was_received():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}")
    assert not error.was_received
    assert error.status == 0


def test_an_unknown_host_means_nothing_was_received():
    error = failure("http://no-such-host.invalid", timeouts=Timeouts(deadline=20))
    assert not error.was_received


def test_a_failed_handshake_means_nothing_was_received():
    def behave(sock: socket.socket) -> None:
        sock.sendall(b"this is not TLS")

    listening = socket.create_server(("127.0.0.1", 0))

    def accept_twice() -> None:
        for _ in range(2):
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with sock:
                sock.recv(10)
                behave(sock)

    thread = threading.Thread(target=accept_twice, daemon=True)
    thread.start()
    error = failure(f"https://127.0.0.1:{listening.getsockname()[1]}")
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)
    assert not error.was_received
    assert "TLS" in str(error) or "connection failed" in str(error)


def test_a_redirect_is_not_followed_and_the_key_stays_home():
    with (
        serving(says("200 OK", b"{}")) as other,
        serving(says("307 Temporary Redirect", b"", f"Location: {other.url}/v1/orders")) as server,
    ):
        error = failure(server)
        assert other.requests == []
    assert "redirect" in str(error)
    assert error.status == 307


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "503 Service Unavailable"])
def test_an_html_page_is_somebody_elses(status):
    page = says(status, b"<html>Checking your browser</html>", "Content-Type: text/html")
    with serving(page) as server:
        assert "HTML page" in str(failure(server))


def test_a_server_that_asks_for_patience_is_heard():
    with serving(says("503 Busy", b"{}", "Retry-After: 90")) as server:
        assert failure(server).retry_after == 90


def test_one_answer_is_one_request():
    with serving(says("500 Oops", b"{}")) as server:
        failure(server)
    assert len(server.requests) == 1


def test_a_compressed_answer_is_read():
    packed = gzip.compress(json.dumps({"id": 3}).encode())
    with (
        serving(says("200 OK", packed, "Content-Encoding: gzip")) as server,
        client(server.url) as http,
    ):
        assert send(http).body == {"id": 3}


# Secrets


def test_errors_logs_and_representations_tell_no_secrets(caplog):
    caplog.set_level(logging.DEBUG)
    echo = f'{{"message": "key {KEY} of Basic {PAIR}: olena@example.com, +380501234567"}}'
    with (
        serving(says("401 Unauthorized", echo.encode())) as server,
        client(server.url) as http,
        pytest.raises(CredentialsError) as caught,
    ):
        send(http, {"email": "olena@example.com"})
    told = f"{caught.value!r} {caught.value.__dict__} {http!r} {caplog.text}"
    for secret in (KEY, PAIR, "olena", "380501234567"):
        assert secret not in told


def test_a_failed_connection_does_not_quote_the_address():
    with client("http://no-such-host.invalid") as http, pytest.raises(TemporaryError) as caught:
        http.send(http.prepared("DELETE", "v1/contact", query={"externalCustomerId": "4242"}))
    assert "4242" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_no_log_quotes_the_address_of_a_connection_that_is_tried_again(caplog):
    """urllib3's own warning would: an e-mail that is looked for, the secret of a feed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        caplog.at_level(logging.INFO),
        client(f"http://127.0.0.1:{port}") as http,
        pytest.raises(TemporaryError),
    ):
        http.send(http.prepared("GET", "v1/contacts", query={"email": "olena@example.com"}))
    assert "olena" not in caplog.text


def test_a_connection_that_is_refused_is_tried_once_more(monkeypatch):
    """As while a web server is started anew."""
    whole, attempts = urllib3.util.connection.create_connection, []

    def refuse_once(*args: object, **named: object) -> object:
        attempts.append(args)
        if len(attempts) == 1:
            raise ConnectionRefusedError
        return whole(*args, **named)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse_once)
    with serving(says("200 OK", b"{}")) as server, client(server.url) as http:
        assert http.send(http.prepared("GET", "v1/account/info")).status == 200
    assert len(attempts) == 2


# Classification, end to end


@responses.activate
def test_a_wrong_address_is_no_records_fault():
    responses.post("https://esputnik.test/v1/orders", status=404, json={"message": "No route"})
    with client("https://esputnik.test/") as http, pytest.raises(TemporaryError, match="address"):
        EsputnikClient(http).add_orders([{}])


@responses.activate
def test_ids_are_encoded_in_addresses():
    responses.delete("https://esputnik.test/v1/contact", status=200)
    responses.get("https://esputnik.test/v1/importstatus/a%2Fb", json={"status": "STARTED"})
    with client("https://esputnik.test") as http:
        EsputnikClient(http).delete_contact("a&b=ü 1", erase=True)
        EsputnikClient(http).import_status("a/b")
    assert responses.calls[0].request.url == (
        "https://esputnik.test/v1/contact?externalCustomerId=a%26b%3D%C3%BC+1&erase=true"
    )


@responses.activate
def test_a_refusal_is_raised_with_the_vendors_words():
    responses.post("https://esputnik.test/v1/contact", status=400, body="Channel is empty")
    with client("https://esputnik.test") as http, pytest.raises(RejectedError, match="Channel"):
        EsputnikClient(http).add_contact({})


# Architecture


def test_only_the_http_module_imports_requests():
    package = Path(__file__).parents[2] / "esputnik_connector" / "destinations"
    users = [
        path.name
        for path in package.rglob("*.py")
        if "import requests" in (text := path.read_text()) or "from requests" in text
    ]
    assert users == ["http.py"]
