"""Scripted failures: of the connection, of the answer, of single records."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.contracts.wire import Caller, batch, contact, order


def test_a_status_fails_as_often_as_told_and_where_told(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("status", path="/api/v1/orders", status=503, times=2, body="busy"))

    assert call("GET", "/v1/account/info").status_code == 200
    answers = [call("POST", "/v1/orders", {"orders": [order()]}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].text == "busy"


def test_failures_follow_each_other(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(
        Fault("status", status=500, body={"message": "no"}, headers={"Retry-After": "7"}),
        Fault("html", status=503),
    )
    first, second, third = (call("GET", "/v1/account/info") for _ in range(3))

    assert (first.json(), first.headers["Retry-After"]) == ({"message": "no"}, "7")
    assert second.status_code == 503
    assert "Cloudflare" in second.text
    assert second.headers["Content-Type"].startswith("text/html")
    assert third.status_code == 200


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize(("when", "kept"), [("before", set()), ("after", {"100"})])
def test_a_lost_connection_may_come_before_or_after_the_work(
    fake: FakeEsputnik, kind: Any, when: Any, kept: set[str]
) -> None:
    fake.script(Fault(kind, when=when))
    with pytest.raises(requests.ConnectionError):
        requests.post(
            f"{fake.api_url}/v1/orders",
            json={"orders": [order()]},
            auth=("", fake.key),
            headers={"Connection": "close"},
            timeout=5,
        )

    assert set(fake.orders) == kept
    assert fake.log[0].status is None


def test_a_reset_is_seen_as_a_reset(fake: FakeEsputnik) -> None:
    fake.script(Fault("reset"))
    host, port = fake.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GET /api/v1/account/info HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


@pytest.mark.parametrize(("when", "kept"), [("before", set()), ("after", {"100"})])
def test_a_late_answer_may_have_done_its_work(
    fake: FakeEsputnik, call: Caller, when: Any, kept: set[str]
) -> None:
    fake.script(Fault("delay", seconds=0.4, when=when))
    with pytest.raises(requests.ReadTimeout):
        call("POST", "/v1/orders", {"orders": [order()]}, timeout=0.1)

    assert set(fake.orders) == kept


def test_a_request_still_under_way_does_not_outlive_a_reset(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("delay", seconds=0.2))
    with pytest.raises(requests.ReadTimeout):
        call("POST", "/v1/orders", {"orders": [order()]}, timeout=0.05)
    fake.reset()
    time.sleep(0.3)

    assert fake.orders == {}


def test_an_answer_drips(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("drip", seconds=0.002, part="both"))
    started = time.monotonic()

    assert call("GET", "/v1/account/info").json()["orgId"] == 4711
    assert time.monotonic() - started > 0.3


def test_answers_can_be_cut_or_empty_although_the_work_is_done(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("truncate"), Fault("empty", when="after"))
    cut = call("POST", "/v1/orders", {"orders": [order("1")]})
    empty = call("POST", "/v1/orders", {"orders": [order("2")]})

    with pytest.raises(requests.exceptions.JSONDecodeError):
        cut.json()
    assert cut.text.startswith("{")
    assert (empty.status_code, empty.content) == (200, b"")
    assert set(fake.orders) == {"1", "2"}


@pytest.mark.parametrize("as_object", [True, False])
def test_scripted_refusals_are_no_violations(
    fake: FakeEsputnik, call: Caller, as_object: bool
) -> None:
    fake.script(Fault("refuse", ids=["2"], text="closed period", as_object=as_object))
    body = {"orders": [order("1"), order("2")]}
    failed = call("POST", "/v1/orders", body).json()["failedOrders"]

    refusal = failed if as_object else failed[0]
    assert (refusal["order"]["externalOrderId"], refusal["error"]) == ("2", "closed period")
    assert set(fake.orders) == {"1"}
    assert fake.violations == []
    assert call("POST", "/v1/orders", body).json()["failedOrders"] == []


def test_a_refusal_waits_for_its_record(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("refuse", ids=["8"]))
    call("POST", "/v1/contact", contact("7", email="a@b.example"))

    assert call("POST", "/v1/contact", contact("8", email="c@d.example")).status_code == 400
    body = batch(contact("8", email="c@d.example"))
    assert call("POST", "/v1/contacts", body).json()["failedContacts"] == []


def test_a_batch_with_a_culprit_is_refused_until_it_stands_alone(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("refuse_batch", ids=["3"], text="bad order"))

    def send(numbers: list[str]) -> list[str]:
        """The culprits, found by halving."""
        answer = call("POST", "/v1/orders", {"orders": [order(number) for number in numbers]})
        if answer.status_code == 200:
            return []
        assert answer.text == "bad order"
        half = len(numbers) // 2
        return numbers if not half else send(numbers[:half]) + send(numbers[half:])

    assert send(["1", "2", "3", "4"]) == ["3"]
    assert set(fake.orders) == {"1", "2", "4"}
