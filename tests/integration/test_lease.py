"""One worker at a time, whatever it works at: a lane, an import, a feed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from esputnik_connector.models import Backfill, Feed, Lane
from esputnik_connector.models import lease as lease_module
from esputnik_connector.models.lease import LONGEST_LEASE, Leased, LostLease

pytestmark = pytest.mark.django_db(transaction=True)

OURS, THEIRS = "our worker", "their worker"


@pytest.fixture(params=["lane", "import", "feed"])
def row(request, connection) -> Leased:
    if request.param == "lane":
        return Lane.objects.create(connection=connection, kind="order")
    if request.param == "import":
        return Backfill.objects.create(connection=connection, kind="contact")
    return Feed.objects.create(name="all", language="en", currency="UAH")


def fresh(row: Leased) -> Leased:
    return type(row)._default_manager.get(pk=row.pk)


def test_a_row_has_one_worker(row, clock):
    assert row.lease(OURS, seconds=60, clock=clock) is not None
    assert fresh(row).is_leased(clock())
    assert fresh(row).lease(THEIRS, seconds=60, clock=clock) is None


def test_the_same_worker_may_ask_again(row, clock):
    assert row.lease(OURS, seconds=60, clock=clock) is not None
    assert row.lease(OURS, seconds=60, clock=clock) is not None


def test_a_lease_of_a_dead_worker_runs_out(row, clock):
    row.lease(OURS, seconds=60, clock=clock)
    clock.forward(seconds=61)
    assert not fresh(row).is_leased(clock())
    assert row.lease(THEIRS, seconds=60, clock=clock) is not None


def test_a_kept_lease_does_not_run_out(row, clock):
    lease = row.lease(OURS, seconds=60, clock=clock)
    for _ in range(5):
        clock.forward(seconds=40)
        lease.keep()
    assert row.lease(THEIRS, seconds=60, clock=clock) is None


def test_whoever_lost_the_row_is_told_at_the_next_step_and_writes_nothing(row, clock):
    lost = row.lease(OURS, seconds=60, clock=clock)
    clock.forward(seconds=61)
    row.lease(THEIRS, seconds=60, clock=clock)
    with pytest.raises(LostLease):
        lost.keep()
    with pytest.raises(LostLease):
        lost.write(leased_until=None)
    with pytest.raises(LostLease), transaction.atomic():
        lost.lock()
    assert not lost.release()
    assert fresh(row).holder == THEIRS


def test_a_released_row_is_free_at_once(row, clock):
    with row.lease(OURS, seconds=60, clock=clock):
        assert fresh(row).holder == OURS
    assert fresh(row).holder == ""
    assert row.lease(THEIRS, seconds=60, clock=clock) is not None


def test_a_row_is_released_also_when_the_work_fails(row, clock):
    with pytest.raises(ZeroDivisionError), row.lease(OURS, seconds=60, clock=clock):
        raise ZeroDivisionError
    assert not fresh(row).is_leased(clock())


def test_a_lease_from_a_clock_years_ahead_is_not_believed(row, clock):
    type(row)._default_manager.filter(pk=row.pk).update(
        holder=THEIRS, leased_until=clock() + timedelta(days=3650)
    )
    assert not fresh(row).is_leased(clock())
    assert row.lease(OURS, seconds=60, clock=clock) is not None


def test_a_lease_of_clocks_that_are_minutes_apart_is_believed(row, clock):
    type(row)._default_manager.filter(pk=row.pk).update(
        holder=THEIRS, leased_until=clock() + LONGEST_LEASE - timedelta(minutes=1)
    )
    assert row.lease(OURS, seconds=60, clock=clock) is None


def test_a_held_row_stays_ours_until_the_transaction_is_over(row, clock):
    lease = row.lease(OURS, seconds=60, clock=clock)
    with transaction.atomic():
        lease.lock()
        clock.forward(seconds=61)
        assert fresh(row).holder == OURS
    assert row.lease(THEIRS, seconds=60, clock=clock) is not None


def test_a_lease_that_was_kept_a_moment_ago_costs_no_statement(
    row, clock, django_assert_num_queries
):
    lease = row.lease(OURS, seconds=60, clock=clock)
    with django_assert_num_queries(0):
        lease.keep_if_due()


def test_a_lease_is_kept_again_once_the_moment_is_over(row, clock, monkeypatch):
    monkeypatch.setattr(lease_module, "KEPT_JUST_NOW", 0.0)  # as if a second had gone by
    lease = row.lease(OURS, seconds=60, clock=clock)
    clock.forward(seconds=61)
    row.lease(THEIRS, seconds=60, clock=clock)
    with pytest.raises(LostLease):
        lease.keep_if_due()


def test_columns_written_with_a_kept_lease_cost_one_statement(
    row, clock, django_assert_num_queries
):
    lease = row.lease(OURS, seconds=60, clock=clock)
    clock.forward(seconds=40)
    with django_assert_num_queries(1):
        lease.keep(holder=OURS)
    clock.forward(seconds=40)
    assert fresh(row).is_leased(clock())


def test_a_locked_row_shows_what_another_process_wrote(connection, clock):
    run = Backfill.objects.create(connection=connection, kind="contact")
    lease = run.lease(OURS, seconds=60, clock=clock)
    Backfill.objects.filter(pk=run.pk).update(detail="paused by a person")
    with transaction.atomic():
        lease.lock()
    assert run.detail == "paused by a person"
