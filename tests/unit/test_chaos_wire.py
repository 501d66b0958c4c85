"""The wire of ``make chaos`` passes every byte on and knows what arrived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings
from tests.chaos.evidence import Exchange
from tests.chaos.judge.wire_words import sent_records
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
