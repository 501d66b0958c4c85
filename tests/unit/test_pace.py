"""How many requests a second a lane dares, by the answers that it gets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.pipeline.delivery.pace.adaptive import SLOW, SLOWEST, START, Pace


class Timer:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def timer() -> Timer:
    return Timer()


def work(pace: Pace, timer: Timer, seconds: float, *, answer: float = 0.15) -> int:
    """Requests that are made when something waits all the time; each answer takes so long."""
    end, made = timer.now + seconds, 0
    while timer.now < end:
        if (wait := pace.seconds_to_next()) > 0:
            timer.now += min(wait, end - timer.now)
            continue
        pace.start()
        pace.answered(answer)
        made += 1
    return made


def test_it_starts_careful_and_reaches_the_limit_within_seconds(timer):
    pace = Pace(None, limit=200, clock=timer)
    assert work(pace, timer, 0.5) <= START / 2 * 1.3
    assert work(pace, timer, 0.5) <= START * 1.3
    work(pace, timer, 2)
    assert pace.per_second == 200
    assert work(pace, timer, 10) == pytest.approx(2000, rel=0.02)


def test_it_never_goes_above_the_setting(timer):
    pace = Pace(500, limit=5, clock=timer)
    assert work(pace, timer, 10) <= 52


def test_a_pace_that_was_found_under_a_lower_setting_does_not_hold_the_lane_back(timer):
    """Ten requests a minute were allowed, and now two hundred a second are."""
    pace = Pace(10 / 60, limit=200, clock=timer)
    assert work(pace, timer, 10) > 100
    assert pace.per_second == 200


def test_it_does_not_rise_while_nothing_waits(timer):
    pace = Pace(None, limit=200, clock=timer)
    for _ in range(100):
        timer.now += 1
        assert pace.seconds_to_next() == 0
        pace.start()
        pace.answered(0.1)
    assert pace.per_second == START


def test_nor_when_something_waited_once_and_nothing_does_any_more(timer):
    pace = Pace(None, limit=200, clock=timer)
    work(pace, timer, 1)
    found = pace.per_second
    for _ in range(10):
        timer.now += 1
        assert pace.seconds_to_next() == 0
        pace.start()
        pace.answered(0.1)
    assert pace.per_second <= found * 2  # the one rise for what had waited


def test_it_halves_when_the_destination_was_asked_too_often(timer):
    pace = Pace(200, limit=200, clock=timer)
    timer.now += 2
    left_at = timer.now
    pace.complained(left_at)
    assert pace.per_second == 100
    for _ in range(20):  # requests that were under way already, some of them for long
        timer.now += 1
        pace.complained(left_at - 0.01)
    assert (pace.per_second, pace.refused) == (100, 200)
    pace.complained(timer.now)
    assert (pace.per_second, pace.refused) == (50, 100)


def test_it_falls_when_answers_take_long_and_rises_when_they_do_not_any_more(timer):
    pace = Pace(200, limit=200, clock=timer)
    work(pace, timer, 10, answer=SLOW * 2)
    assert pace.per_second < 100
    work(pace, timer, 20)
    assert pace.per_second == 200


def test_one_slow_answer_among_many_changes_little(timer):
    pace = Pace(200, limit=200, clock=timer)
    work(pace, timer, 5)
    pace.answered(10)
    assert pace.per_second == 200
    pace.answered(30)
    work(pace, timer, 5)
    assert pace.per_second >= 100


def test_it_never_stops_by_itself(timer):
    pace = Pace(None, limit=200, clock=timer)
    for _ in range(50):
        timer.now += 2
        pace.complained(timer.now)
    assert pace.per_second == SLOWEST


class Account:
    """A destination that takes fewer requests a second than the setting says, and a lane that has
    always something to send. After a complaint the lane rests, and another run goes on with what is
    remembered of the pace."""

    REST = 8.0

    def __init__(self, timer: Timer, *, takes: float) -> None:
        self.takes = takes
        self.complaints = 0
        self._timer = timer
        self._taken: deque[float] = deque()

    def serve(self, pace: Pace, seconds: float) -> tuple[int, Pace]:
        """How many it took in that time, and the pace in the end."""
        end, taken = self._timer.now + seconds, 0
        while self._timer.now < end:
            if (wait := pace.seconds_to_next()) > 0:
                self._timer.now += wait
                continue
            pace.start()
            if self._takes_one():
                taken += 1
                pace.answered(0.15)
                continue
            self.complaints += 1
            pace.complained(self._timer.now)
            self._timer.now += self.REST
            pace = Pace(pace.per_second, limit=200, refused=pace.refused, clock=self._timer)
        return taken, pace

    def _takes_one(self) -> bool:
        while self._taken and self._taken[0] <= self._timer.now - 1:
            self._taken.popleft()
        if len(self._taken) >= self.takes:
            return False
        self._taken.append(self._timer.now)
        return True


@pytest.mark.parametrize("takes", [5, 50, 100, 150, 199])
def test_an_account_that_takes_less_than_the_setting_says_gets_most_of_what_it_takes(timer, takes):
    """As one that something else of the shop uses, too. Each complaint is a rest of seconds."""
    account = Account(timer, takes=takes)
    taken, pace = account.serve(Pace(None, limit=200, clock=timer), 300)
    assert taken >= 0.6 * takes * 300
    taken, _ = account.serve(pace, 300)
    assert taken >= 0.7 * takes * 300


def test_what_a_lane_was_refused_once_is_forgotten_when_the_account_takes_more(timer):
    account = Account(timer, takes=30)
    _, pace = account.serve(Pace(None, limit=200, clock=timer), 60)
    assert pace.refused is not None
    account.takes, account.complaints = 1000, 0
    _, pace = account.serve(pace, 90)
    assert (pace.refused, pace.per_second, account.complaints) == (None, 200, 0)


def test_after_a_complaint_it_is_back_near_that_pace_within_seconds(timer):
    pace = Pace(100, limit=200, clock=timer)
    pace.complained(timer.now)
    work(pace, timer, 1.5)
    assert pace.per_second == pytest.approx(80)
    work(pace, timer, 6)
    assert pace.per_second == pytest.approx(80)
    work(pace, timer, 4)
    assert pace.per_second == pytest.approx(84)


def test_a_pause_is_not_made_good_for_by_a_burst(timer):
    pace = Pace(100, limit=100, clock=timer)
    timer.now += 60
    made = 0
    while pace.seconds_to_next() == 0:
        pace.start()
        made += 1
    assert made <= 12


@dataclass(frozen=True)
class Second:
    """What happens in one second of a lane."""

    requests: int
    answer: float  # seconds
    is_complained_of: bool
    pause: float  # seconds in which nothing waits


seconds = st.builds(
    Second,
    requests=st.integers(0, 30),
    answer=st.floats(0.001, 90),
    is_complained_of=st.booleans(),
    pause=st.floats(0, 600),
)


def live_through(pace: Pace, timer: Timer, some: Second) -> None:
    timer.now += some.pause
    for _ in range(some.requests):
        timer.now += pace.seconds_to_next()
        pace.start()
        pace.answered(some.answer)
    if some.is_complained_of:
        pace.complained(timer.now)


limits = st.floats(0.01, 1000)
known = st.none() | st.floats(0, 5000)


@given(known, limits, st.lists(seconds, max_size=12))
def test_whatever_happens_it_neither_stops_nor_leaves_the_setting_behind(before, limit, story):
    timer = Timer()
    pace = Pace(before, limit=limit, clock=timer)
    for some in story:
        live_through(pace, timer, some)
        assert min(SLOWEST, limit) <= pace.per_second <= limit
        assert pace.seconds_to_next() <= 1 / min(SLOWEST, limit) + 1e-6


@given(known, st.floats(1, 500), st.lists(seconds, max_size=8))
def test_whatever_happened_good_answers_bring_it_back_to_the_setting(before, limit, story):
    timer = Timer()
    pace = Pace(before, limit=limit, clock=timer)
    for some in story:
        live_through(pace, timer, some)
    work(pace, timer, 90)
    assert pace.per_second == pytest.approx(limit)


@given(limits)
def test_a_setting_below_the_slowest_pace_is_the_law_all_the_same(limit):
    """Such as ten requests a minute."""
    timer = Timer()
    pace = Pace(None, limit=limit, clock=timer)
    assert work(pace, timer, 60) <= limit * 60.2 + 2
