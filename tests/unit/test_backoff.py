"""When to try again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.pipeline.delivery.pace import backoff

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
jitters = st.floats(min_value=0, max_value=1, exclude_max=True)
tries = st.integers(min_value=0, max_value=10_000)


@given(tries, jitters)
def test_a_record_waits_between_a_quarter_minute_and_six_hours(attempts, jitter):
    wait = backoff.record_due(attempts, now=NOW, jitter=jitter) - NOW
    assert timedelta(seconds=15) <= wait <= timedelta(hours=6)


@given(tries, jitters)
def test_a_lane_never_rests_longer_than_a_quarter_of_an_hour(failures, jitter):
    wait = backoff.lane_due(failures, now=NOW, jitter=jitter) - NOW
    assert timedelta(0) < wait <= timedelta(minutes=15)


@given(tries, jitters, st.floats(allow_nan=False))
def test_a_wait_that_was_asked_for_is_a_minimum_and_is_not_believed_beyond_reason(
    attempts, jitter, asked
):
    wait = backoff.record_due(attempts, now=NOW, jitter=jitter, retry_after=asked) - NOW
    assert wait >= timedelta(seconds=min(max(asked, 0), backoff.LONGEST_ASKED_WAIT))
    assert wait <= timedelta(hours=6)


def test_three_days_hold_more_than_a_dozen_tries():
    moment, count = NOW, 0
    while moment < NOW + timedelta(hours=72):
        count += 1
        moment = backoff.record_due(count, now=moment, jitter=0.999)
    assert count > 12


@given(st.integers(min_value=1, max_value=3000))
def test_company_shrinks_to_one(full):
    sizes = [backoff.chunk_size(full, attempts) for attempts in range(10)]
    assert sizes[0] == sizes[1] == full
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_polls_grow_more_patient():
    waits = [
        backoff.poll_due(NOW, now=NOW + timedelta(seconds=age)) - NOW - timedelta(seconds=age)
        for age in (0, 20, 60, 600)
    ]
    assert [wait.total_seconds() for wait in waits] == [1, 10, 30, 60]
