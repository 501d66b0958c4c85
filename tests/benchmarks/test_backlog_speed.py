"""A backlog: how it drains, how much memory that takes, and what goes before it.

``BACKLOG_ROWS=1000000 make bench ARGS="-k backlog"`` for the size that was promised.

The *plain limit* reads the same rows in the same batches, asks the same shop for the records,
writes them as JSON, and deletes the rows: nothing is compared or remembered.
"""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from esputnik_connector.models import OutboxMessage, SyncState
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Cart, CartItem, Contact, Kind, Order
from tests.benchmarks.big_shop import resident_memory
from tests.benchmarks.results import sizes
from tests.benchmarks.turns import Spent, in_turns, ratio, spent, typical

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = sizes("BACKLOG_ROWS", "2000,8000")
BATCH = 100  # records that the destination takes at a time
ROUNDS = 3  # of both, in turns
REPEATS = 4  # rows of one record, in a row
MOST_MEMORY = 60.0  # MB above the start


@pytest.fixture
def backlog(plain_shop, connection):
    def fill(rows: int) -> None:
        waiting = timezone.now() - timedelta(hours=1)
        for number in range(rows // REPEATS):
            key = f"p{number}"
            plain_shop.people[key] = Contact(key=key, email=f"{key}@example.com")
        OutboxMessage.objects.bulk_create(
            (
                OutboxMessage(
                    connection=connection, kind=Kind.CONTACT.value, key=f"p{number // REPEATS}",
                    captured_at=waiting, due_at=waiting,
                )
                for number in range(rows)
            ),
            batch_size=5000,
        )  # fmt: skip

    return fill


def plain_limit(plain_shop) -> None:
    while rows := list(OutboxMessage.objects.order_by("pk")[: BATCH * REPEATS]):
        keys = list(dict.fromkeys(row.key for row in rows))
        json.dumps([asdict(plain_shop.people[key]) for key in keys], default=str)
        OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).delete()


def drain(connection) -> None:
    connection.refresh_from_db()
    while OutboxMessage.objects.exists():
        Relay(connection).run(seconds=50)


@pytest.mark.parametrize("rows", ROWS)
def test_a_backlog_drains_evenly(plain_shop, recording, connection, backlog, results, rows):
    def plainly() -> Spent:
        backlog(rows)
        return spent(lambda: plain_limit(plain_shop))

    def drained() -> Spent:
        SyncState.objects.all().delete()  # else nothing would have to be sent again
        backlog(rows)
        gc.collect()
        return spent(lambda: drain(connection))

    before = resident_memory()
    plains, drains = in_turns(plainly, drained, rounds=ROUNDS)
    grown = resident_memory() - before
    plain, ours = typical(plains), typical(drains)
    assert {len(call) for call in recording.calls} == {BATCH}  # however often each was noted
    assert SyncState.objects.exclude(digest="").count() == rows // REPEATS
    sys.stdout.write(
        f"\n{rows} rows: {ours.seconds:.1f} s (processor {ours.processor:.1f}), plain limit "
        f"{plain.seconds:.1f} s ({plain.processor:.1f}), memory {grown:+.0f} MB"
    )
    assert grown < MOST_MEMORY
    share = ratio(plains, drains, by="seconds")
    results.add("drain of a backlog, share of the plain limit", share, size=rows)


def test_what_is_of_now_goes_before_a_backlog(plain_shop, recording, connection, backlog, results):
    """Counted in calls of the destination, which no machine changes."""
    rows = max(ROWS)
    backlog(rows)
    item = CartItem(product_key="1", name="Thing", quantity=1, unit_price=Decimal(10))
    plain_shop.baskets["7"] = Cart(key="7", currency="UAH", contact_key="p1", items=(item,))
    plain_shop.purchases["100"] = Order(
        key="100", placed_at=timezone.now(), status="New", currency="UAH", total=Decimal(10),
        contact_key="p1", email="p1@example.com",
    )  # fmt: skip
    capture.cart_changed("7")
    capture.order_changed("100")
    drain(connection)
    kinds = [call[0].kind for call in recording.calls]
    last = max(kinds.index(Kind.CART), kinds.index(Kind.ORDER)) + 1
    results.add("calls until an order and a cart of now are through", float(last), size=rows)
