"""What a page of a historical import costs the shop's database, while one worker goes on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from esputnik_connector.models import Backfill, Lane, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import LONGEST_REST, BackfillWorker
from esputnik_connector.records import Kind, Order, OrderItem

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2025, 11, 21, 12, tzinfo=timezone.utc)
PAGES = 4
LANE = f'SELECT "{Lane._meta.db_table}"'
MOST_PER_PAGE = 40  # of a shop of plain models, transactions included


@pytest.fixture
def purchases(plain_shop) -> list[str]:
    """Four pages of the recording destination, of two customers who are known already."""
    for number in range(100 * PAGES):
        key = str(1000 + number)
        plain_shop.purchases[key] = Order(
            key=key, placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
            contact_key=str(number % 2), email=f"buyer{number % 2}@example.com",
            items=(OrderItem(product_key="1", quantity=1, total=Decimal(10)),),
        )  # fmt: skip
    return list(plain_shop.purchases)


@pytest.fixture
def run(connection, purchases) -> Backfill:
    for key in ("0", "1"):
        SyncState.objects.create(connection=connection, kind="contact", key=key, digest="k1")
    return control.start(connection, Kind.ORDER, route="past_events")[0]


def work(run: Backfill, clock, after_page=lambda _run: None) -> datetime | None:
    present = Backfill.objects.get(pk=run.pk)
    return BackfillWorker(present, clock=clock, after_page=after_page).work(seconds=600)


def statements_by_page(run: Backfill, clock) -> list[list[str]]:
    """Those of each page, from the end of the one before it."""
    ends: list[int] = []
    with CaptureQueriesContext(database) as captured:
        start = len(database.queries_log)
        work(run, clock, lambda _run: ends.append(len(database.queries_log) - start))
    found = [query["sql"] for query in captured.captured_queries]
    return [found[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def lane_reads(statements: list[str]) -> list[str]:
    return [one for one in statements if one.startswith(LANE)]


def test_each_page_in_the_middle_costs_the_same(run, clock):
    pages = statements_by_page(run, clock)
    counts = [len(page) for page in pages[1:PAGES]]
    assert len(set(counts)) == 1, counts
    assert counts[0] <= MOST_PER_PAGE
    run.refresh_from_db()
    assert run.counts == {"delivered": 100 * PAGES}


def test_the_lane_is_read_once_per_page_when_it_is_taken(run, clock):
    pages = statements_by_page(run, clock)
    assert [len(lane_reads(page)) for page in pages[1:PAGES]] == [1] * (PAGES - 1)


def test_a_lane_that_another_worker_was_turned_away_from_gets_no_page(recording, run, clock):
    """The worker remembers the lane from the page before, and believes what it reads with it."""
    until = clock() + timedelta(seconds=30)

    def turned_away(_run: Backfill) -> None:
        Lane.objects.filter(kind="order").update(paused_until=until)

    assert work(run, clock, turned_away) == until
    assert len(recording.calls) == 1
    run.refresh_from_db()
    assert run.counts == {"delivered": 100}
    assert run.is_working


def test_nothing_is_asked_about_uploads_while_the_lane_rests(recording, run, clock, monkeypatch):
    asked = []
    monkeypatch.setattr(recording, "resolve", lambda *args, **_: asked.append(args) or [])

    def turned_away(_run: Backfill) -> None:
        upload = {"session": "of before", "session_since": clock(), "poll_at": clock()}
        SyncState.objects.update_or_create(
            connection=run.connection, kind="order", key="1000000", defaults=upload
        )
        Lane.objects.filter(kind="order").update(paused_until=clock() + timedelta(seconds=30))

    work(run, clock, turned_away)
    assert asked == []


def test_a_long_pause_is_looked_at_again_after_a_minute(run, clock):
    def turned_away(_run: Backfill) -> None:
        Lane.objects.filter(kind="order").update(paused_until=clock() + timedelta(minutes=10))

    before = clock()
    wake_at = work(run, clock, turned_away)
    assert before + LONGEST_REST <= wake_at <= clock() + LONGEST_REST


def test_the_import_goes_on_where_it_was_when_the_pause_is_over(recording, run, clock):
    paused = iter([True])

    def turned_away(_run: Backfill) -> None:
        if next(paused, False):
            until = clock() + timedelta(seconds=30)
            Lane.objects.filter(kind="order").update(paused_until=until)

    assert work(run, clock, turned_away) is not None
    clock.ahead += timedelta(seconds=31)
    assert work(run, clock) is None
    run.refresh_from_db()
    assert (run.state, run.counts) == ("finished", {"delivered": 100 * PAGES})
    assert len(recording.calls) == PAGES


def test_customers_who_are_known_get_no_second_state(run, clock):
    work(run, clock)
    assert SyncState.objects.filter(kind=Kind.CONTACT.value).count() == 2
