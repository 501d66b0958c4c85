"""A lease or a pause is believed up to its longest sensible length; a person can end a pause."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.models import (
    Backfill,
    Connection,
    Feed,
    Heartbeat,
    Lane,
    LostUpload,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.operations.connection.pauses import end_pauses
from esputnik_connector.operations.sweep import recheck_keys
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.turns import connections_with_work
from esputnik_connector.records import Contact, Kind, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

TEN_YEARS = timedelta(days=3653)
woken: list[tuple[int, float]] = []


def remember_wake(connection_id: int, delay: float) -> None:
    woken.append((connection_id, delay))


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


@pytest.fixture
def lane(plain_shop, connection) -> Lane:
    """The lane of contacts, in which one change waits."""
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")
    capture.contact_changed("1")
    return Lane.objects.create(connection=connection, kind="contact")


def years_ahead() -> datetime:
    return timezone.now() + TEN_YEARS


def test_a_lane_that_a_worker_leased_in_the_far_future_is_not_blocked(lane, run):
    lane.lease("a worker with a wrong clock", seconds=180, clock=years_ahead)
    assert run() == {"delivered": 1}


def test_a_lane_that_a_worker_paused_into_the_far_future_is_not_blocked(lane, run, clock):
    lane.pause(until=years_ahead(), detail="slow down", failures=1)
    assert run() == {"delivered": 1}


def test_a_retry_after_of_a_year_is_believed_for_an_hour(lane, recording, run, clock):
    def busy(_envelopes):
        raise TemporaryError("slow down", status=429, retry_after=365 * 86400.0)

    recording.answer = staticmethod(busy)
    run()
    recording.answer = None
    clock.forward(minutes=50)
    assert run() == {}
    clock.forward(minutes=11)
    assert run() == {"delivered": 1}


def test_an_import_that_a_worker_leased_in_the_far_future_goes_on(
    plain_shop, connection, recording, clock
):
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")
    present, _ = control.start(connection, Kind.CONTACT)
    present.lease("a worker with a wrong clock", seconds=180, clock=years_ahead)
    Backfill.objects.update(wake_at=years_ahead())
    assert list(Backfill.objects.waiting_for_a_worker(clock())) == [present]
    BackfillWorker(present, clock=clock).work(seconds=60)
    assert recording.keys() == ["1"]


def test_a_feed_that_a_worker_leased_in_the_far_future_is_built(db, clock):
    feed = Feed.objects.create(name="uk", language="uk", currency="UAH")
    feed.lease("a worker with a wrong clock", seconds=180, clock=years_ahead)
    feed.refresh_from_db()
    assert not feed.is_leased(clock())
    assert list(Feed.objects.due(clock() + timedelta(seconds=1))) == [feed]
    assert feed.lease("another worker", seconds=180, clock=clock) is not None


def test_a_wake_up_that_was_claimed_for_the_far_future_is_claimed_anew(lane, clock):
    assert lane.claim_wake(years_ahead(), now=years_ahead())
    assert lane.claim_wake(clock() + timedelta(seconds=5), now=clock())
    assert not lane.claim_wake(clock() + timedelta(seconds=5), now=clock())


def test_a_person_ends_a_pause_and_a_worker_is_woken(lane, connection, run, settings, clock):
    lane.pause(until=clock() + timedelta(hours=1), detail="slow down", failures=7)
    other = Lane.objects.create(connection=connection, kind="order")
    other.pause(until=clock() + timedelta(hours=1), detail="slow down", failures=7)
    assert run() == {}
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.remember_wake",
    }
    assert end_pauses(connection, [Kind.CONTACT]) == 1
    assert [pk for pk, _delay in woken] == [connection.pk]
    assert run() == {"delivered": 1}
    other.refresh_from_db()
    assert other.is_paused(clock())
    assert end_pauses(connection) == 1
    assert end_pauses(connection) == 0


def test_a_change_that_a_process_noted_in_the_far_future_is_sent(lane, run):
    OutboxMessage.objects.update(due_at=years_ahead(), captured_at=years_ahead())
    assert [one.name for one in connections_with_work(timezone.now())] == ["main"]
    assert run() == {"delivered": 1}


def test_a_retry_hours_ahead_is_believed(lane, run, clock):
    OutboxMessage.objects.update(due_at=clock() + timedelta(hours=6))
    assert run() == {}


def test_a_record_that_has_failed_since_the_far_future_comes_to_its_horizon(lane, recording, run):
    OutboxMessage.objects.update(failing_since=years_ahead(), attempts=1)

    def broken(_envelopes):
        raise TemporaryError("broken", status=500, was_received=True)

    recording.answer = staticmethod(broken)
    run()
    assert OutboxMessage.objects.get().failing_since <= timezone.now()


@pytest.fixture
def upload(lane, recording, run) -> SyncState:
    """An upload that the destination still works on."""

    def accept(envelopes):
        return [
            Receipt(kind=one.kind, key=one.key, outcome=Outcome.ACCEPTED, session="s1")
            for one in envelopes
        ]

    recording.answer = staticmethod(accept)
    run()
    recording.answer = None
    return SyncState.objects.get()


def test_an_upload_to_be_asked_about_in_the_far_future_is_asked_about(upload, recording, run):
    SyncState.objects.update(poll_at=years_ahead())
    assert [one.name for one in connections_with_work(timezone.now())] == ["main"]
    delivered = Receipt(kind=Kind.CONTACT, key="1", outcome=Outcome.DELIVERED)
    recording.resolutions = [delivered]
    assert run() == {"delivered": 1}


def test_an_upload_that_began_in_the_far_future_is_given_up(upload, run):
    SyncState.objects.update(session_since=years_ahead(), poll_at=timezone.now())
    run()
    assert not SyncState.objects.uploading().exists()
    assert OutboxMessage.objects.get().reason == "import_failed"


def test_a_lost_upload_of_the_far_future_comes_to_its_end(upload, connection, run):
    LostUpload.objects.create(
        connection=connection, kind="contact", session="s0", keys=["1"],
        lost_at=years_ahead(), poll_at=years_ahead(),
    )  # fmt: skip
    SyncState.objects.update(session="")
    assert [one.name for one in connections_with_work(timezone.now())] == ["main"]
    run()
    assert not LostUpload.objects.exists()


def test_a_feed_that_is_due_in_the_far_future_is_built(db):
    Feed.objects.create(name="uk", language="uk", currency="UAH", due_at=years_ahead())
    assert Feed.objects.due(timezone.now()).count() == 1
    Feed.objects.update(due_at=timezone.now() + timedelta(days=7))
    assert not Feed.objects.due(timezone.now()).exists()


def test_a_key_that_was_tried_in_the_far_future_is_tried_again(connection, recording):
    connection.pause("401")
    Connection.objects.update(checked_at=years_ahead())
    recheck_keys()
    connection.refresh_from_db()
    assert connection.paused_at is None


def test_a_mark_of_the_far_future_hides_no_standstill(db):
    Heartbeat.objects.create(name="sweep", beaten_at=years_ahead())
    assert Heartbeat.last("sweep") is None


def test_what_waits_because_the_destination_asked_for_it_is_due_when_a_person_ends_the_pause(
    lane, recording, connection, run, clock
):
    def busy(_envelopes):
        raise TemporaryError("slow down", status=429, retry_after=3000.0)

    recording.answer = staticmethod(busy)
    run()
    recording.answer = None
    clock.forward(minutes=1)
    assert run() == {}

    assert end_pauses(connection) == 1

    assert run() == {"delivered": 1}


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("esputnik_resume", *arguments, stdout=output, no_color=True)
    return output.getvalue()


def test_a_command_ends_pauses_and_says_what_rested_and_why(lane, connection, run):
    later = timezone.now() + timedelta(hours=1)
    lane.pause(until=later, detail="slow down", failures=7)
    other = Lane.objects.create(connection=connection, kind="order")
    other.pause(until=later, detail="too busy", failures=7)

    text = command("--kind", "contact")

    assert "main" in text
    assert "slow down" in text
    assert "too busy" not in text
    assert run() == {"delivered": 1}
    assert "too busy" in command()
    assert "Nothing rests." in command()


def test_a_command_cannot_accept_a_key_and_says_who_can(connection):
    connection.pause("Refused with 401")
    with pytest.raises(CommandError, match=r"main.*Refused with 401.*esputnik_doctor"):
        command()
