"""A lease or a pause is believed up to its longest sensible length; a person can end a pause."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.models import Backfill, Feed, Lane
from esputnik_connector.operations.pauses import end_pauses
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind

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
    return datetime.now(timezone.utc) + TEN_YEARS


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
