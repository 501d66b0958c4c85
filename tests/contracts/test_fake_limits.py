"""Too many requests, and the same request twice."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.contracts.wire import Caller, batch, contact, order


def test_too_many_requests_are_a_429(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(rate=2, retry_after=3)
    answers = [call("GET", "/v1/account/info") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "3"


def test_retry_after_may_be_a_date_or_missing(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(rate=1)
    call("GET", "/v1/account/info")
    assert "Retry-After" not in call("GET", "/v1/account/info").headers
    fake.configure(retry_after=60, retry_after_as_date=True)

    date = call("GET", "/v1/account/info").headers["Retry-After"]
    assert 50 < parsedate_to_datetime(date).timestamp() - time.time() < 70


def test_the_same_request_twice_is_a_409_when_the_guard_is_on(
    fake: FakeEsputnik, call: Caller
) -> None:
    body = {"orders": [order()]}
    assert [call("POST", "/v1/orders", body).status_code for _ in range(2)] == [200, 200]
    fake.configure(duplicate_scope="everywhere")

    answers = [call("POST", "/v1/orders", body) for _ in range(2)]
    other = call("POST", "/v1/orders", {"orders": [order(status="DELIVERED")]})

    assert [answer.status_code for answer in answers] == [200, 409]
    assert "Duplicated request" in answers[1].text
    assert other.status_code == 200


def test_a_repeated_request_is_a_409_where_the_document_says_so(
    fake: FakeEsputnik, call: Caller
) -> None:
    body = contact("7", email="a@b.example")
    number = call("POST", "/v1/contact", body).json()["id"]
    calls: list[tuple[str, str, Any, list[int]]] = [
        ("POST", "/v1/contact", body, [409, 409]),
        ("PUT", f"/v1/contact/{number}", body, [200, 409]),
        ("POST", "/v1/contact/subscribe", {"contact": body}, [200, 409]),
        ("POST", "/v1/contacts", batch(body), [200, 200]),
        ("POST", "/v1/orders", {"orders": [order()]}, [200, 200]),
        ("POST", "/v3/event", {"eventTypeKey": "seen", "keyValue": "7", "params": {}}, [200, 200]),
    ]

    for method, path, what, expected in calls:
        assert [call(method, path, what).status_code for _ in range(2)] == expected


def test_an_older_state_that_comes_again_within_a_minute_is_not_taken(
    fake: FakeEsputnik, call: Caller
) -> None:
    """A, B, A: the last one is a repetition of the first, and B stays."""
    bodies = [contact("7", email="a@b.example", firstName=name) for name in ("A", "B", "A")]

    assert [call("POST", "/v1/contact", body).status_code for body in bodies] == [200, 200, 409]
    assert (fake.contact("7") or {})["firstName"] == "B"


def test_what_was_refused_is_no_repetition(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("refuse", ids=["7"]))
    body = contact("7", email="a@b.example")

    assert [call("POST", "/v1/contact", body).status_code for _ in range(2)] == [400, 200]
