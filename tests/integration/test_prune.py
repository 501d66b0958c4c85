"""Retention by outcome; what is unsent or set aside keeps its history."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.utils import timezone

from esputnik_connector import tasks
from esputnik_connector.models import (
    Attempt,
    CartSession,
    Lane,
    OutboxMessage,
    Reconciliation,
    SyncState,
    Tombstone,
)
from esputnik_connector.operations import prune as pruning
from esputnik_connector.operations.prune import prunable, prune, table_sizes
from esputnik_connector.pipeline.capture import capture

pytestmark = pytest.mark.django_db(transaction=True)


def ago(days: int):
    return timezone.now() - timedelta(days=days)


def attempt(connection, key: str, outcome: str, days: int) -> None:
    Attempt.objects.create(
        connection=connection, kind="order", key=key, outcome=outcome, created_at=ago(days)
    )


@pytest.fixture
def history(connection):
    attempt(connection, "new", "delivered", 29)
    attempt(connection, "old", "delivered", 31)
    attempt(connection, "old", "skipped", 31)
    attempt(connection, "refused", "rejected", 31)
    attempt(connection, "refused long ago", "rejected", 181)
    attempt(connection, "dead", "rejected", 999)
    attempt(connection, "dead", "deferred", 999)
    attempt(connection, "unsent", "delivered", 999)
    OutboxMessage.objects.create(connection=connection, kind="order", key="dead", is_dead=True)
    OutboxMessage.objects.create(
        connection=connection, kind="order", key="unsent", captured_at=ago(999)
    )
    CartSession.objects.create(cart_key="1", email="a@example.com", created_at=ago(31))
    CartSession.objects.create(cart_key="2", email="b@example.com", created_at=ago(31))
    OutboxMessage.objects.create(connection=connection, kind="cart", key="2")
    SyncState.objects.create(
        connection=connection, kind="order", key="old", delivered_at=ago(999), digest="d"
    )
    Tombstone.objects.create(connection=connection, fingerprint="f", created_at=ago(999))
    Reconciliation.objects.create(connection=connection, kind="order", finished_at=ago(31))
    Reconciliation.objects.create(connection=connection, kind="order", started_at=ago(31))
    return connection


def kept() -> list[tuple[str, str]]:
    return sorted(Attempt.objects.values_list("key", "outcome"))


KEPT = [
    ("dead", "deferred"), ("dead", "rejected"), ("new", "delivered"), ("refused", "rejected"),
    ("unsent", "delivered"),
]  # fmt: skip


def test_history_goes_by_outcome_and_nothing_unsent_or_dead_is_touched(history):
    went = prune()
    assert kept() == KEPT
    assert sum(went.values()) == 3 + 1 + 1
    assert list(CartSession.objects.values_list("cart_key", flat=True)) == ["2"]
    assert OutboxMessage.objects.count() == 3
    assert SyncState.objects.count() == Tombstone.objects.count() == 1
    assert Reconciliation.objects.filter(finished_at=None).count() == 1


def test_it_works_in_steps(history, monkeypatch):
    monkeypatch.setattr(pruning, "CHUNK", 1)
    prune()
    assert kept() == KEPT


def test_the_task_does_the_same(history):
    tasks.prune()
    assert kept() == KEPT


def test_fewer_days_keep_refusals_no_shorter(history):
    prune(days=0)
    assert ("refused", "rejected") in kept()
    assert ("new", "delivered") not in kept()


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("esputnik_prune", *arguments, stdout=output, no_color=True)
    return output.getvalue()


def test_a_dry_run_tells_and_removes_nothing(history):
    before = Attempt.objects.count()
    output = run("--dry-run")
    assert "3 rows of esputnik_connector_attempt would go" in output
    assert Attempt.objects.count() == before
    assert prunable() == prune()


def test_the_command_tells_what_went_and_how_large_the_tables_are(history):
    output = run()
    assert "3 rows of esputnik_connector_attempt are gone" in output
    assert f"{5:>16}  esputnik_connector_attempt" in output
    assert "esputnik_connector_outboxmessage" in output


def test_days_must_make_sense(history):
    with pytest.raises(CommandError, match="negative"):
        run("--days", "-1")


def test_a_large_table_is_estimated(history, monkeypatch):
    if database.vendor != "postgresql":
        pytest.skip("only PostgreSQL keeps statistics")
    with database.cursor() as cursor:
        cursor.execute("ANALYZE esputnik_connector_attempt")
    monkeypatch.setattr(pruning, "COUNTED_UP_TO", 2)
    sizes = {size.name: size for size in table_sizes()}
    assert sizes["esputnik_connector_attempt"].is_estimate
    assert sizes["esputnik_connector_attempt"].rows == 8
    assert not sizes["esputnik_connector_tombstone"].is_estimate
    assert "about 8" in run("--dry-run")


def test_rows_of_a_connection_that_is_gone_are_removed(connection):
    OutboxMessage.objects.create(connection=connection, kind="order", key="1")
    OutboxMessage.objects.create(connection_id=connection.pk + 1, kind="order", key="2")
    prune()
    assert list(OutboxMessage.objects.values_list("key", flat=True)) == ["1"]


def test_repeats_of_one_record_are_one_row_and_nothing_is_lost(connection, plain_shop, recording):
    """Of a connection that was paused for weeks: one row for each change."""
    connection.pause("wrong key")
    for _ in range(20):
        capture.order_changed("1")
        capture.contact_changed("1")
    capture.order_changed("2")
    OutboxMessage.objects.create(connection=connection, kind="order", key="1", route="past_events")
    OutboxMessage.objects.create(connection=connection, kind="order", key="1", is_dead=True)
    assert prunable()["esputnik_connector_outboxmessage"] == 38
    assert prune()["esputnik_connector_outboxmessage"] == 38
    rows = OutboxMessage.objects.filter(is_dead=False).order_by("pk")
    assert list(rows.values_list("kind", "key", "route")) == [
        ("order", "1", ""),
        ("contact", "1", ""),
        ("order", "2", ""),
        ("order", "1", "past_events"),
    ]


def test_events_and_deletions_are_no_repeats(connection):
    for kind in ("event", "erasure"):
        for _ in range(2):
            OutboxMessage.objects.create(connection=connection, kind=kind, key="1")
    prune()
    assert OutboxMessage.objects.count() == 4


def test_a_change_does_not_wait_for_the_retry_of_an_older_one(connection):
    later = timezone.now() + timedelta(hours=6)
    OutboxMessage.objects.create(connection=connection, kind="order", key="1", due_at=later)
    OutboxMessage.objects.create(connection=connection, kind="order", key="1")
    prune()
    assert OutboxMessage.objects.count() == 2


def test_rows_that_a_worker_has_in_hand_are_left_alone(connection):
    for _ in range(3):
        OutboxMessage.objects.create(connection=connection, kind="order", key="1")
    lane = Lane.objects.create(connection=connection, kind="order")
    lease = lane.lease("a worker", seconds=60)
    prune()
    assert OutboxMessage.objects.count() == 3
    lease.release()
    prune()
    assert OutboxMessage.objects.count() == 1
