"""Few contacts at a time: each upload has to be asked about, so the next small one gathers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from esputnik_connector.destinations.base import Envelope, Part, Receipt
from esputnik_connector.models import OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.flow import GATHER
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = 50  # half of what the recording destination takes at once


@pytest.fixture(autouse=True)
def _uploads(recording, clock, monkeypatch):
    """All that goes together is an upload, and no upload ever ends."""
    monkeypatch.setattr("django.utils.timezone.now", clock)
    monkeypatch.setattr(recording, "connections", 2)

    def parts(self, envelopes: Sequence[Envelope]) -> list[Part]:
        return [Part(envelopes=tuple(envelopes), is_upload=True)] if envelopes else []

    def accepted(envelopes: Sequence[Envelope]) -> list[Receipt]:
        session = f"session-{len(recording.calls)}"
        return [
            Receipt(kind=one.kind, key=one.key, outcome=Outcome.ACCEPTED, session=session)
            for one in envelopes
        ]

    monkeypatch.setattr(recording, "parts", parts)
    recording.answer = staticmethod(accepted)


@pytest.fixture
def change(plain_shop, clock):
    def change_people(*keys: object) -> None:
        for key in map(str, keys):
            plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
            capture.contact_changed(key)
        clock.forward(seconds=1)

    return change_people


@pytest.fixture
def run(connection, clock):
    def run_relay() -> None:
        connection.refresh_from_db()
        Relay(connection, clock=clock).run()

    return run_relay


def together(recording) -> list[int]:
    return [len(call) for call in recording.calls]


def test_the_first_small_upload_goes_at_once(recording, change, run):
    change(1, 2)
    run()
    assert together(recording) == [2]


def test_while_one_is_worked_on_the_next_small_one_gathers(recording, change, run, clock):
    change(1)
    run()
    opened = SyncState.objects.get(key="1").session_since
    change(2)
    run()
    assert together(recording) == [1]
    assert OutboxMessage.objects.get(key="2").due_at == opened + GATHER
    change(3)
    clock.forward(seconds=GATHER.total_seconds())
    run()
    assert together(recording) == [1, 2]


def test_what_is_gathered_is_not_forgotten_to_the_destination(recording, change, run, connection):
    """It did not leave: what was delivered before counts on."""
    change(1)
    run()
    SyncState.objects.create(connection=connection, kind="contact", key="2", digest="as it was")
    change(2)
    run()
    assert SyncState.objects.get(key="2").digest == "as it was"


def test_a_large_one_does_not_wait(recording, change, run):
    change(1)
    run()
    change(*range(2, 2 + LARGE))
    run()
    assert together(recording) == [1, LARGE]


def test_nobody_waits_for_long_although_uploads_never_end(recording, change, run, clock):
    change(1)
    run()
    change(2)
    OutboxMessage.objects.filter(key="2").update(captured_at=clock() - 3 * GATHER)
    run()
    assert together(recording) == [1, 1]


def test_an_upload_of_an_import_makes_no_live_change_wait(recording, change, run, connection):
    history, _ = control.start(connection, Kind.CONTACT)
    change(1)
    run()
    SyncState.objects.filter(key="1").update(backfill=history)
    change(2)
    run()
    assert together(recording) == [1, 1]


def test_an_upload_that_is_over_makes_nobody_wait(recording, change, run):
    change(1)
    run()
    SyncState.objects.update(session="", session_since=None, poll_at=None)
    OutboxMessage.objects.all().delete()
    change(2)
    run()
    assert together(recording) == [1, 1]


def test_the_gathered_go_before_what_came_later(recording, change, run, clock, monkeypatch):
    """A batch that was read before they were due, and is ready after that, waits for them."""
    change(1)
    run()
    change(2)
    run()
    change(3)
    opened = SyncState.objects.get(key="1").session_since
    clock.ahead += opened + GATHER - timedelta(seconds=0.5) - clock()
    usual = recording.parts

    def slowly(self, envelopes: Sequence[Envelope]) -> list[Part]:
        clock.forward(seconds=1)
        return usual(self, envelopes)

    monkeypatch.setattr(recording, "parts", slowly)
    run()
    assert recording.keys()[1:] in ([], ["2", "3"])
    clock.forward(seconds=GATHER.total_seconds())
    run()
    assert together(recording) == [1, 2]


def test_nothing_gathers_twice_because_a_large_one_went_meanwhile(recording, change, run, clock):
    change(1)
    run()
    change(2)
    run()
    change(*range(100, 100 + LARGE))
    clock.forward(seconds=-0.8)
    run()
    assert together(recording) == [1, LARGE]
    clock.forward(seconds=1)  # two since it was noted
    run()
    assert together(recording) == [1, LARGE, 1]


def test_at_a_steady_rate_no_change_waits_for_much_longer_than_the_time_between_two(
    recording, change, run, clock, monkeypatch
):
    """Ten a second; to read, to prepare and to send a batch takes a while."""
    noted_at: dict[str, datetime] = {}
    waits: list[float] = []
    usual, accepted = recording.parts, recording.answer

    def slowly(self, envelopes: Sequence[Envelope]) -> list[Part]:
        clock.forward(seconds=0.15)
        return usual(self, envelopes)

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        waits.extend((clock() - noted_at[one.key]).total_seconds() for one in envelopes)
        return accepted(envelopes)

    monkeypatch.setattr(recording, "parts", slowly)
    recording.answer = staticmethod(answer)
    for number in range(60):
        noted_at[str(number)] = clock()
        change(number)
        clock.forward(seconds=-0.9)
        run()
    assert len(waits) > 30
    assert max(waits) < GATHER.total_seconds() + 2  # with a second for a busy machine
    assert len(recording.calls) <= 2 + 60 * (0.1 + 0.3) / GATHER.total_seconds()
