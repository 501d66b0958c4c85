"""Counters by the hour: what the Overview draws, kept for a season."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock_of_django

from esputnik_connector.models import OutcomeCount, OutcomeHour
from esputnik_connector.models.outcome_count import Outcomes
from esputnik_connector.operations.prune import prune
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 21, 12, 34, 56, tzinfo=timezone.utc)


def some(records: int, outcome: str = "delivered", **values: object) -> Outcomes:
    return Outcomes(kind="order", outcome=outcome, reason="", records=records, **values)


def test_batches_of_an_hour_add_up_and_hours_stay_apart(connection) -> None:
    OutcomeHour.objects.add(connection, [some(3, waits=[1.0, 2.0, 3.0])], now=NOON)
    OutcomeHour.objects.add(
        connection, [some(2), some(1, "rejected")], now=NOON + timedelta(minutes=25)
    )
    OutcomeHour.objects.add(connection, [some(7)], now=NOON + timedelta(minutes=26))

    rows = OutcomeHour.objects.order_by("hour", "outcome")
    assert [(row.hour.hour, row.outcome, row.records) for row in rows] == [
        (12, "delivered", 5),
        (12, "rejected", 1),
        (13, "delivered", 7),
    ]
    assert (rows[0].timed, rows[0].seconds) == (3, 6.0)


def test_the_relay_counts_what_it_sends_in_both_counters(
    connection, plain_shop, recording, clock
) -> None:
    for key in ("1", "2"):
        plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
        capture.contact_changed(key)

    Relay(connection, clock=clock).run()

    hours = OutcomeHour.objects.values_list("kind", "outcome", "records", "timed")
    assert list(hours) == [("contact", "delivered", 2, 2)]
    assert list(OutcomeCount.objects.values_list("kind", "outcome", "records", "timed")) == list(
        hours
    )


def test_hours_of_a_former_season_are_pruned_and_the_counters_stay(connection) -> None:
    now = clock_of_django.now()
    OutcomeHour.objects.add(connection, [some(1)], now=now - timedelta(days=93))
    OutcomeHour.objects.add(connection, [some(1)], now=now - timedelta(days=91))
    OutcomeCount.objects.add(connection, [some(2)], now=now - timedelta(days=93))

    prune()

    assert OutcomeHour.objects.count() == 1
    assert OutcomeCount.objects.get().records == 2
