"""Too many requests, and the same request twice."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, order


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
    fake.configure(duplicate_seconds=60)

    answers = [call("POST", "/v1/orders", body) for _ in range(2)]
    other = call("POST", "/v1/orders", {"orders": [order(status="DELIVERED")]})

    assert [answer.status_code for answer in answers] == [200, 409]
    assert "Duplicated request" in answers[1].text
    assert other.status_code == 200
