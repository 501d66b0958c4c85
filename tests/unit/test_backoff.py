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


@given(st.floats(0, 86_400), st.floats(0, 86_400))
def test_a_lost_upload_is_asked_about_ever_more_seldom_and_at_least_once_an_hour(age, later):
    sooner, after = sorted((age, age + later))
    waits = []
    for seconds in (sooner, after):
        now = NOW + timedelta(seconds=seconds)
        waits.append(backoff.lost_poll_due(NOW, now=now) - now)
    assert timedelta(minutes=1) <= waits[0] <= waits[1] <= timedelta(hours=1)


@given(st.floats(-1e6, -1))
def test_an_upload_that_a_clock_ahead_dated_is_asked_about_soon(ahead):
    """It was accepted, by the clock of another worker, after now."""
    now = NOW + timedelta(seconds=ahead)
    assert backoff.poll_due(NOW, now=now) - now == timedelta(seconds=1)


@given(st.floats(allow_nan=False))
def test_a_destination_can_ask_for_an_hour_and_for_no_less_than_nothing(asked):
    assert timedelta(0) <= backoff.believed(asked) <= timedelta(hours=1)


@given(jitters, jitters)
def test_lanes_that_failed_together_do_not_come_back_together(one, other):
    waits = [backoff.lane_due(5, now=NOW, jitter=each) - NOW for each in (one, other)]
    assert (one < other) == (waits[0] < waits[1]) or abs(one - other) < 1e-6
