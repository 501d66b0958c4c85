"""A quiet import of orders at eSputnik: an event of the past arrived when its answer says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.core.management import call_command

from esputnik_connector.models import Backfill, Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.records import Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a-key-of-the-fake-esputnik"
NOW = datetime.now(timezone.utc)
PATH = "/api/v3/past_events"


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    """Of a merchant who has switched segmentation on, as the import asked."""
    with FakeEsputnik(key=KEY, settings=Settings(segmentation=True)) as server:
        yield server


@pytest.fixture
def connection(plain_shop, settings, fake) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": "esputnik_connector.destinations.esputnik.destination"
                ".EsputnikDestination",
                "OPTIONS": {"rate": "10000/second"},
            }
        },
    }
    for number in range(1200):
        plain_shop.purchases[str(number)] = order(str(number))
    return Connection.objects.create(
        name="main",
        destination="esputnik",
        api_key=KEY,
        api_url=fake.api_url,
        consent_policy="confirmed",
    )


@pytest.fixture
def run(connection) -> Backfill:
    return control.start(connection, Kind.ORDER, route="past_events")[0]


@pytest.fixture
def work(clock):
    def work_at(run: Backfill, rounds: int = 1) -> Backfill:
        for _ in range(rounds):
            present = Backfill.objects.get(pk=run.pk)
            wake_at = BackfillWorker(present, clock=clock).work(seconds=600)
            if wake_at is not None:
                clock.ahead += max(wake_at - clock(), timedelta())
        run.refresh_from_db()
        return run

    return work_at


def order(key: str, **values: object) -> Order:
    common = {
        "key": key, "placed_at": NOW - timedelta(days=30), "status": "New", "currency": "UAH",
        "total": Decimal(10), "contact_key": "1", "email": "buyer1@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def requests(fake: FakeEsputnik) -> int:
    return len(fake.requests(PATH))


def test_a_quiet_import_without_segmentation_stops_within_its_first_batch(fake, run, work):
    fake.configure(segmentation=False)
    work(run, rounds=3)
    assert requests(fake) == 1
    assert (run.state, run.counts) == ("paused", {})
    assert "orderCreated" in run.detail
    assert "Use event for segmentation" in run.detail
    assert not fake.orders
    assert not SyncState.objects.exclude(digest="").exists()
    lane = Lane.objects.filter(kind="order").first()
    assert lane is None or lane.paused_until is None  # live orders go on


def test_it_goes_on_once_segmentation_is_on(fake, run, work):
    fake.configure(segmentation=False)
    work(run)
    fake.configure(segmentation=True)
    control.resume(run)
    work(run, rounds=3)
    assert (run.state, run.counts) == ("finished", {"delivered": 1200})
    assert len(fake.orders) == 1200
    assert not fake.ignored_orders


def test_what_is_too_old_is_refused_with_its_word(fake, plain_shop, run, work):
    fake.configure(past_event_days=365)
    plain_shop.purchases["7"] = order("7", placed_at=NOW - timedelta(days=800))
    plain_shop.purchases["8"] = order("8", placed_at=NOW + timedelta(days=3))
    work(run, rounds=3)
    assert run.counts == {"delivered": 1198, "refused": 2}
    details = dict(OutboxMessage.objects.dead().values_list("key", "detail"))
    assert "OCCURRED_TIME_TOO_DEPTH" in details["7"]
    assert "OCCURRED_TIME_IN_FUTURE" in details["8"]


def test_what_could_not_be_queued_goes_again(fake, run, work):
    fake.script(Fault("refuse", path=PATH, ids={"5"}, text="SERVER_ERROR", times=1))
    work(run, rounds=12)
    assert (run.state, run.counts) == ("finished", {"delivered": 1200})
    assert "5" in fake.orders


@pytest.mark.parametrize(
    "changes",
    [{"successCount": 3}, {"errorCount": 1}, {"results": [{"status": "ACCEPTED"}]}],
    ids=["successes", "errors", "fewer results"],
)
def test_counts_that_disagree_deliver_nothing(fake, run, work, changes):
    fake.script(Fault("patch", path=PATH, body=changes, times=1))
    work(run)
    assert run.counts == {}
    assert run.state == "running"


@pytest.mark.parametrize("answer", ["empty", "text"])
def test_an_answer_without_results_stops_until_the_merchant_has_looked(fake, run, work, answer):
    fake.configure(past_events_v3_answer=answer)
    work(run, rounds=3)
    assert requests(fake) == 1
    assert (run.state, run.counts) == ("paused", {})
    assert "look" in run.detail.lower()
    control.resume(run)
    work(run)
    assert (run.state, run.counts) == ("paused", {})
    assert control.confirm_arrival(run)
    work(run, rounds=3)
    assert (run.state, run.counts) == ("finished", {"delivered": 1200})


def test_the_merchant_says_at_a_terminal_that_it_arrived(fake, run, work, monkeypatch):
    monkeypatch.setattr("esputnik_connector.pipeline.broker.publisher.publish", lambda *_: None)
    fake.configure(past_events_v3_answer="empty")
    work(run)
    call_command("esputnik_backfill", "orders", "--arrived", "--no-wait", stdout=io.StringIO())
    run.refresh_from_db()
    assert (run.state, run.is_arrival_confirmed) == ("running", True)


def test_a_maintenance_page_stops_nothing_for_good(fake, run, work):
    fake.script(Fault("maintenance", path=PATH, times=1))
    work(run)
    assert (run.state, run.counts) == ("running", {})
    work(run, rounds=3)
    assert (run.state, run.counts) == ("finished", {"delivered": 1200})


def test_the_documented_version_can_be_chosen(fake, settings, connection, work):
    backend = settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]
    backend["OPTIONS"]["event_version"] = "v2"
    run = control.start(connection, Kind.ORDER, route="past_events")[0]
    work(run, rounds=3)
    assert (run.state, run.counts) == ("finished", {"delivered": 1200})
    assert len(fake.requests("/api/v2/past_events")) == 3
    assert len(fake.orders) == 1200
