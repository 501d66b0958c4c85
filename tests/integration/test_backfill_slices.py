"""An import beside live changes: these wait for a part of a page, never for a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.models import Backfill, Lane, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.slices import LATELY, SLICE, Slices
from esputnik_connector.pipeline.backfill.worker import LOOKS_AT_TAKEN, BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Contact, Kind, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

EACH = 0.01  # seconds that one record takes
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


def test_parts_are_as_large_as_the_time_allows(clock):
    slices = Slices(clock)
    assert slices.most(1000) == 1000
    slices.live_came()
    assert slices.most(1000) <= 100  # nobody knows yet how long one takes
    for _ in range(10):
        records = slices.most(1000)
        with slices.measured(records):
            clock.forward(seconds=records * 0.001 + 0.1)
    assert 250 <= slices.most(1000) <= 350
    clock.forward(seconds=LATELY.total_seconds())
    assert slices.most(1000) == 1000


def test_a_record_that_takes_longer_than_its_part_goes_alone(clock):
    slices = Slices(clock)
    slices.live_came()
    with slices.measured(1):
        clock.forward(seconds=9)
    assert slices.most(1000) == 1
