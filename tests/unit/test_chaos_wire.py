"""The wire of ``make chaos`` passes every byte on and knows what arrived."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings
from tests.chaos.evidence import Exchange
from tests.chaos.judge.wire_words import sent_records
from tests.chaos.line import Line
from tests.chaos.wire import Wire

CONTACT = {
    "externalCustomerId": "1",
    "firstName": "Olena",
    "channels": [{"type": "email", "value": "olena@example.com"}],
}


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(settings=Settings(duplicate_seconds=0.0)) as server:
        yield server


@pytest.fixture
def wire(fake: FakeEsputnik) -> Iterator[Wire]:
    address = urlsplit(fake.url)
    line = Wire((str(address.hostname), int(address.port or 0)), time.monotonic)
    yield line
    line.close()


def post(wire: Wire, fake: FakeEsputnik, session: requests.Session) -> requests.Response:
    url = f"http://127.0.0.1:{wire.port}/api/v1/contact"
    return session.post(url, json=CONTACT, auth=("user", fake.key), timeout=5)


def exchanges(wire: Wire, count: int) -> list[Exchange]:
    deadline = time.monotonic() + 5
    while len(found := wire.exchanges()) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def test_requests_of_one_connection_are_paired_with_their_answers(wire, fake):
    with requests.Session() as session:
        session.trust_env = False
        answers = [post(wire, fake, session).json() for _ in range(3)]
    found = exchanges(wire, 3)
    assert [one.answer for one in found] == answers
    assert {one.status for one in found} == {200}
    assert all(one.answered and one.answered >= one.arrived for one in found)
    assert [sent.key for one in found for sent in sent_records(one)] == ["1"] * 3


@pytest.mark.parametrize("kind", ["reset", "close"])
def test_a_lost_answer_is_lost_here_too_and_the_request_is_known(wire, fake, kind):
    fake.script(Fault(kind, when="after"))
    with requests.Session() as session, pytest.raises(requests.ConnectionError):
        session.trust_env = False
        post(wire, fake, session)
    (found,) = exchanges(wire, 1)
    assert (found.status, found.answered, found.body) == (None, None, CONTACT)
    assert fake.contacts["1"]["firstName"] == "Olena"


def test_an_odd_answer_is_kept_as_it_arrived(wire, fake):
    fake.script(Fault("status", status=200, body="OK"))
    with requests.Session() as session:
        session.trust_env = False
        post(wire, fake, session)
    (found,) = exchanges(wire, 1)
    assert (found.status, found.answer) == (200, "OK")


@pytest.fixture
def line(fake: FakeEsputnik) -> Iterator[Line]:
    address = urlsplit(fake.url)
    line = Line((str(address.hostname), int(address.port or 0)))
    yield line
    line.close()


def ask(line: Line, seconds: float = 20) -> int:
    """The status of a page behind the line. Whoever expects an answer has time for it."""
    with requests.Session() as session:
        session.trust_env = False
        url = f"http://127.0.0.1:{line.port}/_fake/settings"
        return session.get(url, timeout=(seconds, seconds)).status_code


def test_a_line_that_refuses_lets_nobody_in_until_it_is_mended(line):
    assert ask(line) == 200
    line.cut("refused")
    with pytest.raises(requests.ConnectionError, match="refused"):
        ask(line)
    line.mend()
    assert ask(line) == 200


def test_a_black_hole_answers_no_packet_until_it_is_mended(line):
    line.cut("swallowed")
    for _ in range(3):
        with pytest.raises(requests.ConnectTimeout):
            ask(line, seconds=0.5)
    line.mend()
    assert ask(line) == 200


def test_a_connection_into_a_black_hole_stays_and_says_nothing(line):
    with socket.create_connection(("127.0.0.1", line.port), timeout=20) as caller:
        caller.sendall(b"GET /_fake/settings HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.recv(15) == b"HTTP/1.1 200 OK"
        caller.settimeout(0.5)
        time.sleep(0.1)
        caller.recv(1 << 20)
        line.cut("swallowed")
        caller.sendall(b"GET /_fake/settings HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            caller.recv(1)
        line.mend()
        with pytest.raises(ConnectionResetError):
            caller.recv(1)


def test_what_was_swallowed_never_arrived_and_is_not_written_down(wire, fake):
    wire.cut("swallowed")
    with requests.Session() as session, pytest.raises(requests.ConnectTimeout):
        session.trust_env = False
        url = f"http://127.0.0.1:{wire.port}/api/v1/contact"
        session.post(url, json=CONTACT, auth=("user", fake.key), timeout=(0.5, 0.5))
    assert (wire.exchanges(), fake.contacts) == ([], {})
