"""An import beside live changes: these wait for a part of a page, never for a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.models import Backfill, Lane, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.slices import FEWEST, LATELY, SLICE, Slices
from esputnik_connector.pipeline.backfill.worker import LOOKS_AT_TAKEN, BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Contact, Kind, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

EACH = 0.006  # seconds that one record takes
ANSWER = 0.15  # seconds for each answer where records travel one by one
PAGE = 100  # of the recording destination


@pytest.fixture
def run(connection, plain_shop) -> Backfill:
    for number in range(5 * PAGE):
        plain_shop.people[f"p{number}"] = Contact(key=f"p{number}", email=f"p{number}@example.com")
    return control.start(connection, Kind.CONTACT)[0]


@pytest.fixture(autouse=True)
def _one_time(clock, monkeypatch):
    """What is captured is captured at the time of the clock that is handed in."""
    monkeypatch.setattr("django.utils.timezone.now", clock)


def work(run: Backfill, clock, wait=lambda _seconds: None) -> None:
    BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock, wait=wait).work(seconds=600)
    run.refresh_from_db()


def slow(clock, then=lambda: None):
    """A destination that needs its time for each record."""

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        clock.forward(seconds=EACH * len(envelopes))
        then()
        return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in envelopes]

    return staticmethod(answer)


def imported(recording) -> list[int]:
    """How many records of the import went together, call by call."""
    return [len(call) for call in recording.calls if call[0].key.startswith("p")]


def somebody_changes(plain_shop):
    def change() -> None:
        plain_shop.people["live"] = Contact(key="live", email="live@example.com")
        capture.contact_changed("live")

    return change


def test_alone_an_import_sends_whole_pages(recording, run, clock):
    recording.answer = slow(clock)
    work(run, clock)
    assert imported(recording) == [PAGE] * 5


def test_beside_live_changes_no_part_of_a_page_takes_long(plain_shop, recording, run, clock):
    recording.answer = slow(clock, somebody_changes(plain_shop))
    clock.forward(seconds=1)
    somebody_changes(plain_shop)()
    clock.forward(seconds=1)
    work(run, clock)
    parts = imported(recording)
    assert sum(parts) == 5 * PAGE
    longest = timedelta(seconds=EACH * max(parts[1:]))  # the first one tells how long they take
    assert longest <= SLICE * 1.1
    assert run.state == "finished"


def test_when_live_changes_are_over_whole_pages_go_again(plain_shop, recording, run, clock):
    left = [somebody_changes(plain_shop)]
    recording.answer = slow(clock, lambda: left.pop()() if left else clock.forward(seconds=3))
    work(run, clock)
    parts = imported(recording)
    assert PAGE > parts[1] > 0
    assert parts[-2] == PAGE


def test_one_part_is_sent_for_each_question_about_an_upload(
    plain_shop, recording, run, connection, clock, monkeypatch
):
    for number in range(6):
        SyncState.objects.create(
            connection=connection, kind="contact", key=f"u{number}", session=f"s{number}",
            session_since=clock(), poll_at=clock(), digest="?",
        )  # fmt: skip
    said: list[str] = []

    def resolve(self, session, keys, *, locators):
        said.append("asked")
        clock.forward(seconds=0.2)
        return [Receipt(kind=Kind.CONTACT, key=key, outcome=Outcome.DELIVERED) for key in keys]

    monkeypatch.setattr(recording, "resolve", resolve)
    recording.answer = slow(clock, lambda: said.append("sent"))
    worker = BackfillWorker(run, clock=clock)
    worker._slices.live_came()
    worker.work(seconds=2.5)
    assert said[:6] == ["asked", "sent"] * 3


def test_a_lane_that_rests_makes_no_import_go_in_parts(
    plain_shop, recording, run, connection, clock
):
    until = clock() + timedelta(hours=1)
    Lane.objects.create(connection=connection, kind="cart", paused_until=until, failures=1)
    capture.cart_changed("1")
    clock.forward(seconds=1)
    recording.answer = slow(clock)
    work(run, clock)
    assert imported(recording) == [PAGE] * 5


def test_an_import_waits_for_its_lane_in_place_and_not_by_messages(
    recording, run, connection, clock
):
    lane = Lane.objects.get_or_create(connection=connection, kind="contact")[0]
    lease = lane.lease("another", seconds=600, clock=clock)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.forward(seconds=seconds)
        if len(waits) == 5:
            lease.release()

    work(run, clock, wait)
    assert len(waits) == 5
    assert run.state == "finished"


def test_an_import_does_not_wait_for_ever_for_its_lane(recording, run, connection, clock):
    lane = Lane.objects.get_or_create(connection=connection, kind="contact")[0]
    lane.lease("another", seconds=6000, clock=clock)
    waits: list[float] = []
    work(run, clock, waits.append)
    assert len(waits) == LOOKS_AT_TAKEN
    assert run.wake_at is not None
    assert recording.calls == []


class OneByOne:
    """A destination that takes fewer than ``FEWEST`` one by one, each with an answer of its own. At
    each of them somebody changes something in the shop."""

    def __init__(self, plain_shop, clock) -> None:
        self.parts: list[int] = []  # of the import, by the requests that carried them
        self.waited: list[float] = []  # seconds, of each live change
        self.deliveries = 0
        self.is_changing = True
        self._plain_shop, self._clock = plain_shop, clock
        self._changed_at: dict[str, datetime] = {}

    def deliver(self, destination, envelopes: Sequence[Envelope]) -> list[Receipt]:
        self.deliveries += 1
        together = len(envelopes) >= FEWEST
        receipts: list[Receipt] = []
        for part in [envelopes] if together else [[each] for each in envelopes]:
            destination.before_call()
            self._clock.forward(seconds=ANSWER + (EACH * len(part) if together else 0))
            receipts += self._taken(part)
            destination.after_call(receipts[-len(part) :])
        return receipts

    def _taken(self, part: Sequence[Envelope]) -> list[Receipt]:
        live = [one.key for one in part if one.key in self._changed_at]
        now = self._clock()
        self.waited += [(now - self._changed_at.pop(key)).total_seconds() for key in live]
        if not live:
            self.parts.append(len(part))
            if self.is_changing:
                self.change()
        return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in part]

    def change(self) -> None:
        key = f"live{len(self._plain_shop.people)}"
        self._plain_shop.people[key] = Contact(key=key, email=f"{key}@example.com")
        self._changed_at[key] = self._clock()
        capture.contact_changed(key)


@pytest.fixture
def one_by_one(plain_shop, recording, clock, monkeypatch) -> OneByOne:
    made = OneByOne(plain_shop, clock)
    monkeypatch.setattr(recording, "deliver", lambda self, some: made.deliver(self, some))
    monkeypatch.setattr(recording, "connections", 1)
    return made


REST = 0.5  # seconds that a live change rests before it is due
# Its own answer, and one before and after; and a second for a machine that does other things.
LONGEST_WAIT = REST + SLICE.total_seconds() + 3 * ANSWER + 1


@pytest.fixture
def small_run(connection, plain_shop) -> Backfill:
    for number in range(30):
        plain_shop.people[f"p{number}"] = Contact(key=f"p{number}", email=f"p{number}@example.com")
    return control.start(connection, Kind.CONTACT)[0]


def test_a_live_change_does_not_wait_for_records_that_travel_one_by_one(
    one_by_one, small_run, clock
):
    one_by_one.change()
    clock.forward(seconds=1)
    work(small_run, clock)
    assert one_by_one.parts == [1] * 30
    assert len(one_by_one.waited) >= 5
    assert max(one_by_one.waited[1:]) <= LONGEST_WAIT
    assert small_run.state == "finished"


def test_a_live_change_that_comes_in_the_middle_of_a_page_does_not_wait_for_its_end(
    one_by_one, small_run, clock
):
    """Nothing was changed lately when the page began."""
    one_by_one.is_changing = False
    usual = one_by_one._taken

    def taken(part: Sequence[Envelope]) -> list[Receipt]:
        if len(one_by_one.parts) == 5:
            one_by_one.change()
        return usual(part)

    one_by_one._taken = taken
    work(small_run, clock)
    assert one_by_one.waited
    assert max(one_by_one.waited) <= LONGEST_WAIT
    assert small_run.state == "finished"


def test_nothing_of_an_import_is_cut_when_nobody_waits(one_by_one, small_run, clock):
    one_by_one.is_changing = False
    work(small_run, clock)
    assert one_by_one.parts == [1] * 30
    assert one_by_one.deliveries == 1


def test_no_page_ends_in_a_part_that_travels_one_by_one(
    one_by_one, recording, run, clock, monkeypatch
):
    monkeypatch.setattr(recording, "batch_sizes", dict.fromkeys(Kind, 130))
    one_by_one.change()
    clock.forward(seconds=1)
    work(run, clock)
    assert sum(one_by_one.parts) == 5 * PAGE
    assert min(one_by_one.parts) >= FEWEST
    assert max(one_by_one.waited[1:]) <= REST + ANSWER + 2 * (ANSWER + EACH * 130) + 1


class StandingClock:
    """What happens takes no time but what a test says."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, *, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def standing() -> StandingClock:
    return StandingClock()


@pytest.fixture
def slices(standing) -> Slices:
    return Slices(standing, lambda: False)


def test_parts_are_as_large_as_the_time_allows(slices, standing):
    assert slices.most(1000) == 1000
    slices.live_came()
    assert slices.most(1000) <= 100  # nobody knows yet how long one takes
    for _ in range(10):
        records = slices.most(1000)
        with slices.measured(records):
            standing.forward(seconds=records * 0.001 + 0.1)
    assert 250 <= slices.most(1000) <= 350
    standing.forward(seconds=LATELY.total_seconds())
    assert slices.most(1000) == 1000


def test_records_that_take_long_still_go_together(slices, standing):
    """Fewer would travel one by one, and that takes longer."""
    slices.live_came()
    with slices.measured(FEWEST):
        standing.forward(seconds=9)
    assert slices.most(1000) == FEWEST


def test_a_small_part_says_nothing_of_how_long_a_record_takes(slices, standing):
    slices.live_came()
    with slices.measured(100):
        standing.forward(seconds=0.2)
    assert slices.most(1000) == 200
    with slices.measured(FEWEST - 1):
        standing.forward(seconds=9)
    assert slices.most(1000) == 200


def test_a_part_that_was_cut_says_nothing_either(slices, standing):
    slices.live_came()
    with slices.measured(100):
        standing.forward(seconds=0.2)
    with slices.measured(200):
        standing.forward(seconds=SLICE.total_seconds())
        assert slices.is_over()
    assert slices.most(1000) == 200


@pytest.mark.parametrize(
    ("left", "sizes"),
    [(1, [1]), (49, [49]), (99, [99]), (100, [50, 50]), (120, [60, 60]), (170, [57, 57, 56])],
)
def test_parts_of_a_page_are_alike(slices, standing, left, sizes):
    slices.live_came()
    with slices.measured(100):
        standing.forward(seconds=SLICE.total_seconds() * 100 / 70)  # seventy at once
    found = []
    while left:
        found.append(slices.most(left))
        left -= found[-1]
    assert found == sizes


def test_a_part_is_over_when_live_changes_came_lately(slices, standing):
    slices.live_came()
    with slices.measured(100):
        assert not slices.is_over()
        standing.forward(seconds=SLICE.total_seconds() - 0.01)
        assert not slices.is_over()
        standing.forward(seconds=0.01)
        assert slices.is_over()
    with slices.measured(100):
        assert not slices.is_over()  # the next one has its own time


def test_it_is_asked_now_and_then_whether_a_live_change_is_due(standing):
    asked: list[bool] = []
    slices = Slices(standing, lambda: bool(asked.append(True)) or len(asked) > 2)
    with slices.measured(100):
        for _ in range(3 * 8 - 1):
            standing.forward(seconds=SLICE.total_seconds() / 8)
            assert not slices.is_over()
        assert len(asked) == 2
        standing.forward(seconds=SLICE.total_seconds() / 8)
        assert slices.is_over()
    assert slices.are_short
