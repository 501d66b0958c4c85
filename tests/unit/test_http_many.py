"""HTTP for hundreds of requests a second: what each request must not do anew."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from esputnik_connector.destinations.deadline import Timeouts, deadline
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.exceptions import TemporaryError
from tests.unit.test_http_client import client, drip, failure, says, send, serving


def ask(http: HttpClient) -> None:
    send(http, method="GET", path="v1/account/info")


def test_the_proxy_of_the_environment_is_used(monkeypatch):
    with serving(says("200 OK", b"{}")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        with client("http://esputnik.invalid/api") as http:
            ask(http)
            ask(http)
    assert [one.split(b" ")[1] for one in proxy.requests] == [
        b"http://esputnik.invalid/api/v1/account/info"
    ] * 2


def test_an_address_that_the_environment_excepts_is_asked_directly(monkeypatch):
    with serving(says("200 OK", b"{}")) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with client(server.url) as http:
            ask(http)
    assert len(server.requests) == 1


def test_the_environment_is_searched_once_and_not_for_each_request(monkeypatch):
    searched = []
    monkeypatch.setattr("requests.utils.getproxies", lambda: searched.append(1) or {})
    with serving(says("200 OK", b"{}")) as server, client(server.url) as http:
        for _ in range(5):
            ask(http)
    assert len(server.requests) == 5
    assert len(searched) <= 1


def test_what_a_server_wants_remembered_is_not_told_to_it():
    """A worker has many connections; no answer may tie them together, or to what was before."""
    behave = says("200 OK", b"{}", "Set-Cookie: visit=1")
    with serving(behave) as server, client(server.url) as http:
        ask(http)
        ask(http)
    assert len(server.requests) == 2
    assert all(b"cookie" not in one.lower() for one in server.requests)


def test_one_thread_watches_over_all_requests_under_way():
    with serving(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as server:
        before = _watching()
        with ThreadPoolExecutor(10) as threads:
            started = time.monotonic()
            errors = list(threads.map(failure, [server] * 10))
        assert time.monotonic() - started < 3
    assert all("no complete answer within 0.8 s" in str(error) for error in errors)
    assert _watching() == max(before, 1)


def test_a_request_that_ends_sooner_than_those_before_it_is_cut_in_time():
    """The watching thread sleeps until the first end that it knows of."""
    with deadline(30), deadline(0.2) as short:
        time.sleep(0.6)
        assert short.has_passed


def test_a_request_that_was_answered_in_time_is_not_cut_later():
    with deadline(0.2) as present:
        pass
    time.sleep(0.4)
    assert not present.has_passed


def test_a_process_that_was_forked_watches_over_its_own_requests():
    with serving(drip(b"HTTP/1.1 200 OK\r\nX-Drip: ")) as server:
        assert failure(server).was_received  # the thread is there, in this process
        told, tells = os.pipe()
        child = os.fork()
        if not child:  # a test that fails must not go on in a copy of pytest
            signal.alarm(60)
            os.write(tells, _said_in_the_child(server.url).encode())
            os._exit(0)
        os.close(tells)
        _pid, status = os.waitpid(child, 0)
        with os.fdopen(told) as said:
            assert said.read() == "127.0.0.1: no complete answer within 0.5 s"
    assert os.waitstatus_to_exitcode(status) == 0


def _said_in_the_child(url: str) -> str:
    try:
        with client(url, Timeouts(connect=20, read=20, deadline=0.5)) as http:
            ask(http)
    except BaseException as error:
        return str(error) if isinstance(error, TemporaryError) else repr(error)
    return "an answer"


def _watching() -> int:
    return sum(one.name == "esputnik-deadline" for one in threading.enumerate())
