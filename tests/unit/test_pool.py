"""The connections of one lane: who may leave when, by real threads and without a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from esputnik_connector.destinations.base import Account, Envelope, Part, Receipt
from esputnik_connector.models.lease import LostLease
from esputnik_connector.pipeline.delivery.pace.adaptive import Pace
from esputnik_connector.pipeline.delivery.pool import Arrival, Departure, Pool
from esputnik_connector.pipeline.delivery.prepare.dispatch import Prepared
from esputnik_connector.records import Kind, Outcome, Reason
from esputnik_connector.testing.recording import RecordingDestination

Answer = Callable[[Sequence[Envelope]], Sequence[Receipt]]
SIZE = 4


class Line:
    """A pool with a destination that answers as a test says, and the worker that has the lane."""

    def __init__(self, answer: Answer, *, size: int = SIZE, limit: float = 10_000) -> None:
        self.left: list[str] = []
        self.opened: list[RecordingDestination] = []
        self._answer = answer
        pace = Pace(limit, limit=limit)
        self.pool = Pool(self._open, pace, size=size, leave=self._leave)

    def _open(self) -> RecordingDestination:
        made = AnsweringDestination(Account(name="main", api_key="", api_url=""), {}, self._answer)
        self.opened.append(made)
        return made

    def _leave(self, departure: Departure) -> None:
        self.left += departure.keys

    def add(self, *keys: str, together: bool = False, visitor: str = "") -> None:
        envelopes = [envelope(key, visitor) for key in keys]
        parts = [envelopes] if together else [[one] for one in envelopes]
        prepared = Prepared(outgoing=envelopes)
        self.pool.add([Part(envelopes=tuple(part)) for part in parts], prepared)

    def let_go(self, seconds: float = 60) -> None:
        self.pool.let_go(time.monotonic() + seconds)

    def came(self, seconds: float = 5) -> list[Arrival]:
        """All that comes until nothing is under way any more, or a request holds the others."""
        until, found = time.monotonic() + seconds, self.pool.arrivals()
        while self.pool.is_busy and not self.pool.is_held and time.monotonic() < until:
            self.pool.wait(0.05)
            found += self.pool.arrivals()
        return found


class AnsweringDestination(RecordingDestination):
    def __init__(self, account: Account, options: dict[str, object], answer: Answer) -> None:
        super().__init__(account, options)
        self._answer = answer
        self.was_aborted = threading.Event()
        self.was_closed = False

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        self.before_call()
        return self._answer(envelopes)

    def abort(self) -> None:
        self.was_aborted.set()

    def close(self) -> None:
        self.was_closed = True


def envelope(key: str, visitor: str = "") -> Envelope:
    return Envelope(kind=Kind.CART, key=key, payload={}, digest=key, visitor=visitor)


def delivered(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [Receipt(kind=one.kind, key=one.key, outcome=Outcome.DELIVERED) for one in envelopes]


def keys_of(arrivals: Sequence[Arrival]) -> set[str]:
    return {result.receipt.key for one in arrivals for result in one.results}


@pytest.fixture
def lines() -> Iterator[Callable[..., Line]]:
    made: list[Line] = []

    def make(answer: Answer = delivered, **how: float) -> Line:
        made.append(Line(answer, **how))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for line in made:
        line.pool.wait_for_all(5)
        line.pool.close()


def test_nothing_leaves_before_the_worker_says_so(lines):
    line = lines()
    line.add("1", "2")
    time.sleep(0.1)
    assert line.left == []
    line.let_go()
    assert keys_of(line.came()) == {"1", "2"}
    assert not line.pool.is_busy


def test_nothing_leaves_after_the_moment_until_which_the_lane_is_sure(lines):
    line = lines()
    line.let_go(seconds=-1)
    line.add("1")
    time.sleep(0.1)
    assert line.left == []
    line.let_go()
    assert keys_of(line.came()) == {"1"}


def test_parts_leave_while_the_worker_does_something_else(lines):
    """It reads the next page for a second; nothing waits for it."""
    line = lines()
    line.add(*map(str, range(20)))
    line.let_go()
    time.sleep(1)
    assert len(line.left) == 20
    assert len(keys_of(line.came())) == 20


def test_no_more_requests_are_under_way_than_there_are_connections(lines):
    aloft, most, lock = [0], [0], threading.Lock()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        with lock:
            aloft[0] += 1
            most[0] = max(most[0], aloft[0])
        time.sleep(0.02)
        with lock:
            aloft[0] -= 1
        return delivered(envelopes)

    line = lines(answer)
    line.add(*map(str, range(40)))
    line.let_go()
    assert len(keys_of(line.came())) == 40
    assert most[0] == SIZE == len(line.opened)


def test_a_lane_with_little_to_send_opens_few_connections(lines):
    line = lines(size=40)
    for number in range(5):
        line.add(str(number))
        line.let_go()
        line.came()
    assert len(line.opened) == 1


def test_the_line_is_filled_before_it_is_empty(lines):
    line = lines()
    line.add(*map(str, range(SIZE * 3)))
    assert not line.pool.has_room
    line.let_go()
    begun = time.monotonic()
    while not line.pool.has_room:
        line.pool.wait(5)
    assert time.monotonic() - begun < 2
    line.came()


def test_a_large_part_is_not_read_ahead_of(lines):
    """A thousand contacts wait; the next thousand need not be in memory beside them."""
    line = lines()
    line.add(*map(str, range(1000)), together=True)
    assert not line.pool.has_room


def test_large_parts_go_one_after_another(lines):
    aloft: list[int] = []

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        aloft.append(len(line.pool._under_way))
        time.sleep(0.05)
        return delivered(envelopes)

    line = lines(answer)
    for number in range(3):
        line.add(f"{number}a", f"{number}b", together=True)
    line.let_go()
    assert len(keys_of(line.came())) == 6
    assert aloft == [1, 1, 1]


def test_what_one_visitor_did_goes_one_after_another(lines):
    done, lock = [], threading.Lock()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        time.sleep(0.05 if len(done) == 0 else 0.01)  # the first takes longest
        with lock:
            done.extend(each.key for each in envelopes)
        return delivered(envelopes)

    line = lines(answer)
    line.add("view", "search", "purchase", visitor="olena")
    line.let_go()
    assert keys_of(line.came()) == {"view", "search", "purchase"}
    assert done == ["view", "search", "purchase"]


def test_others_do_not_wait_for_what_one_visitor_did(lines):
    goes_on = threading.Event()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "view":
            goes_on.wait(5)
        return delivered(envelopes)

    line = lines(answer)
    line.add("view", "purchase", visitor="olena")
    line.add("of taras", visitor="taras")
    line.add("a cart", "another cart")
    line.let_go()
    until, found = time.monotonic() + 5, []
    while len(keys_of(found)) < 3 and time.monotonic() < until:
        line.pool.wait(0.05)
        found += line.pool.arrivals()
    assert keys_of(found) == {"of taras", "a cart", "another cart"}
    assert line.left == ["view", "of taras", "a cart", "another cart"]
    goes_on.set()
    assert keys_of(line.came()) == {"view", "purchase"}


def test_one_visitor_who_does_much_holds_nobody_else(lines):
    """A robot with one cookie fills the line: what comes behind it must be read all the same."""
    goes_on = threading.Event()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "0":
            goes_on.wait(5)
        return delivered(envelopes)

    line = lines(answer)
    line.add(*map(str, range(SIZE * 3)), visitor="robot")
    line.let_go()
    until = time.monotonic() + 3
    while not line.pool.has_room and time.monotonic() < until:
        line.pool.wait(0.05)
    assert line.pool.has_room
    assert "1" in line.left
    line.add("of taras", visitor="taras")
    while "of taras" not in line.left and time.monotonic() < until:
        time.sleep(0.01)
    assert "of taras" in line.left
    goes_on.set()
    assert len(keys_of(line.came())) == SIZE * 3 + 1


def test_after_a_visitor_who_did_much_the_order_is_kept_again(lines):
    first, second = threading.Event(), threading.Event()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        for key, event in (("0", first), ("1", second)):
            if envelopes[0].key == key:
                event.wait(5)
        return delivered(envelopes)

    line = lines(answer, size=2)
    line.add("0", "1", "2", visitor="robot")  # a full line, so two of them go side by side
    line.let_go()
    until = time.monotonic() + 3
    while len(line.left) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    first.set()  # while the other one is still under way
    time.sleep(0.1)
    assert line.left == ["0", "1"]
    second.set()
    assert keys_of(line.came()) == {"0", "1", "2"}


def test_what_a_visitor_did_next_goes_when_the_answer_was_a_failure(lines):
    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "view":
            return [
                Receipt(
                    kind=Kind.CART, key="view", outcome=Outcome.DEFERRED, reason=Reason.UPLOADING
                )
            ]
        return delivered(envelopes)

    line = lines(answer)
    line.add("view", "purchase", visitor="olena")
    line.let_go()
    assert keys_of(line.came()) == {"view", "purchase"}


def test_acts_that_travel_together_let_the_next_one_go_together(lines):
    line = lines()
    line.add("view", "search", together=True, visitor="olena")
    line.add("purchase", visitor="olena")
    line.let_go()
    assert keys_of(line.came()) == {"view", "search", "purchase"}
    assert line.left == ["view", "search", "purchase"]


def test_an_answer_that_asks_for_rest_holds_all_others_until_the_worker_has_looked(lines):
    def too_many(envelopes: Sequence[Envelope]) -> list[Receipt]:
        return [
            Receipt(
                kind=one.kind, key=one.key, outcome=Outcome.DEFERRED, reason=Reason.BUSY, status=429
            )
            for one in envelopes
        ]

    line = lines(too_many, size=1)
    line.add(*map(str, range(50)))
    line.let_go()
    came = line.came()
    time.sleep(0.1)
    assert line.left == ["0"]
    assert keys_of(came) | keys_of(line.pool.arrivals()) == {"0"}
    assert len(line.pool.drop()) == 49
    line.let_go()
    assert not line.pool.is_held


def test_one_record_that_has_to_wait_holds_no_other(lines):
    def still_uploading(envelopes: Sequence[Envelope]) -> list[Receipt]:
        return [
            Receipt(
                kind=one.kind, key=one.key, outcome=Outcome.DEFERRED, reason=Reason.UPLOADING
            )
            for one in envelopes
        ]  # fmt: skip

    line = lines(still_uploading)
    line.add("1", "2", "3")
    line.let_go()
    assert keys_of(line.came()) == {"1", "2", "3"}


def test_the_pace_is_kept_by_all_together(lines):
    line = lines(limit=20)
    line.add(*map(str, range(12)))
    begun = time.monotonic()
    line.let_go()
    assert len(keys_of(line.came())) == 12
    assert time.monotonic() - begun >= 9 / 20  # two of them make good for a late start


def test_what_stands_in_line_can_be_taken_back(lines):
    line = lines()
    line.add("1", "2")
    assert line.pool.drop() == ["1", "2"]
    line.let_go()
    time.sleep(0.1)
    assert line.left == []
    assert not line.pool.is_busy


def test_a_lost_lane_breaks_off_what_is_under_way_and_lets_nothing_more_go(lines):
    def hang(envelopes: Sequence[Envelope]) -> list[Receipt]:
        for one in line.opened:
            one.was_aborted.wait(10)
        return delivered(envelopes)

    line = lines(hang, size=1)
    line.add("1", "2")
    line.let_go()
    while not line.left:
        time.sleep(0.01)
    begun = time.monotonic()
    line.pool.break_off()
    assert time.monotonic() - begun < 2
    line.add("3")
    line.let_go()
    time.sleep(0.1)
    assert line.left == ["1"]


def test_a_thread_that_finds_the_lane_lost_tells_the_worker(lines):
    def lost(envelopes: Sequence[Envelope]) -> list[Receipt]:
        raise LostLease("Another worker has taken over.")

    line = lines(lost)
    line.add("1")
    line.let_go()
    with pytest.raises(LostLease):
        line.came()


def test_a_thread_that_fails_before_its_request_tells_the_worker_and_goes_on(lines):
    line = lines(size=1)
    leave = line.pool._leave

    def fail(departure: Departure) -> None:
        line.pool._leave = leave
        raise MemoryError

    line.pool._leave = fail
    line.add("1", "2")
    line.let_go()
    with pytest.raises(MemoryError):
        line.came()
    assert keys_of(line.came()) == {"2"}
    assert line.pool.wait_for_all(5) == []


def test_a_thread_that_cannot_choose_what_goes_next_tells_the_worker(lines, monkeypatch):
    line = lines()

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(line.pool.pace, "start", fail)
    line.add("1")
    line.let_go()
    with pytest.raises(ZeroDivisionError):
        line.came()
    assert line.pool.wait_for_all(5) == []  # nothing is under way that would never come back


def test_a_machine_that_gives_few_threads_gets_along_with_these(lines, monkeypatch, caplog):
    line = lines()
    start, started = threading.Thread.start, []

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    line.add(*map(str, range(SIZE * 2)))
    line.let_go()
    assert len(keys_of(line.came())) == SIZE * 2
    line.add(*map(str, range(SIZE)))
    assert len(keys_of(line.came())) == SIZE
    assert len(started) == 2
    assert [one.was_closed for one in line.opened] == [False, False, True]
    assert caplog.text.count("no more threads") == 1


def test_a_machine_that_gives_none_says_so(lines, monkeypatch):
    line = lines()

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(RuntimeError, match="thread"):
        line.add("1")
    assert [one.was_closed for one in line.opened] == [True]


def test_threads_end_with_the_pool(lines):
    line = lines()
    line.add(*map(str, range(SIZE)))
    line.let_go()
    line.came()
    line.pool.close()
    until = time.monotonic() + 5
    while _threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert _threads() == 0
    assert [one.was_closed for one in line.opened] == [True] * SIZE


def _threads() -> int:
    return sum(one.name == "esputnik-lane" for one in threading.enumerate())
