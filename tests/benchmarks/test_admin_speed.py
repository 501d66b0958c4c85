"""How long the merchant's pages take in a shop with a long history.

``ADMIN_ROWS`` (default 20,000) is how many rows each of outbox, deliveries and delivered records
has; with 1,000,000 it is the promise of the pages: an answer within 300 ms. ``ADMIN_ORDERS``
(default 300) is how many orders the shop took in the last thirty days.

Others use the machine too, so Django's own list of a hundred customers takes turns with the pages.
How much longer it takes than the processor works on it is how much longer a page of ours may take;
and none may give the processor more to do than four such lists. How many rows the database reads is
no matter of time: see ``tests/integration/admin/test_rows_read.py``.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector.admin import pages
from esputnik_connector.models import (
    Attempt,
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeHour,
    SyncState,
)
from esputnik_connector.models.outcome_hour import hour_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ROWS = int(os.environ.get("ADMIN_ROWS", "20000"))
ORDERS = int(os.environ.get("ADMIN_ORDERS", "300"))
PROMISED = 0.3  # seconds, on a machine that has nothing else to do
MOST_LISTS = 4  # of a hundred customers, by the work of the processor
CUSTOMERS = 100  # as many as Django shows on a page
LOOKS = 5


def multiply(row: Any) -> None:
    """As many rows like this one, each with a key of its own, made by the database itself."""
    values = {"key": "g::text", "kind": "(ARRAY['order', 'contact', 'cart', 'order'])[g %% 4 + 1]"}
    columns = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    chosen = ", ".join(values.get(column, f'"{column}"') for column in columns)
    names, table = ", ".join(f'"{column}"' for column in columns), row._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {chosen} '
            f'FROM "{table}", generate_series(1, %s) AS g WHERE id = %s',
            [ROWS - 1, row.pk],
        )


@pytest.fixture
def shop(db) -> Connection:
    """Rows of every table, most of which no page needs; the last thousands are of this month."""
    now = timezone.now()
    connection = Connection.objects.create(
        name="main", api_key="a key", created_at=now - timedelta(days=900)
    )
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    common = {"connection": connection, "kind": "order", "key": "0"}
    multiply(OutboxMessage.objects.create(**common))
    multiply(SyncState.objects.create(**common, delivered_at=now))
    multiply(Attempt.objects.create(**common, outcome="delivered"))
    orders = get_model("order", "Order")
    orders.objects.bulk_create(
        orders(
            number=str(ROWS - number), currency="UAH", total_incl_tax=1, total_excl_tax=1,
            date_placed=now - timedelta(days=30) * number / ORDERS,
        )
        for number in range(ORDERS)
    )  # fmt: skip
    OutcomeHour.objects.bulk_create(
        OutcomeHour(
            connection=connection, kind=kind, outcome=outcome, records=9, timed=9, seconds=9,
            hour=hour_of(now - timedelta(hours=hour)),
        )
        for hour in range(24 * 90)
        for kind in ("order", "contact", "cart")
        for outcome in ("delivered", "skipped", "rejected")
    )  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    return connection


@dataclass
class Cost:
    """Of one page, the least of some looks, in seconds."""

    taken: float = math.inf
    worked: float = math.inf  # by the processor, in this process

    def look(self, client: Client, url: str) -> None:
        started, worked = time.perf_counter(), time.process_time()
        assert client.get(url).status_code == 200
        self.taken = min(self.taken, time.perf_counter() - started)
        self.worked = min(self.worked, time.process_time() - worked)


def told(client: Client, name: str, url: str, cost: Cost, lists: float) -> None:
    """A line for whoever reads along, with the statements that took longest."""
    with CaptureQueriesContext(database) as queries:
        client.get(url)
    took, of_processor = cost.taken * 1000, cost.worked * 1000
    print(  # noqa: T201
        f"{name}: {took:.0f} ms, {of_processor:.0f} of the processor ({lists:.1f} lists), "
        f"{len(queries)} queries, {ROWS} rows"
    )
    for query in sorted(queries.captured_queries, key=lambda each: -float(each["time"]))[:3]:
        print(f"    {query['time']} s: {query['sql'][:160]}")  # noqa: T201


def test_the_pages_of_the_menu_answer_at_once(shop: Connection) -> None:
    client = Client()
    users = get_user_model()
    client.force_login(users.objects.create_superuser("merchant"))
    users.objects.bulk_create(users(username=f"customer {place}") for place in range(CUSTOMERS))
    opened = client.get(reverse("admin:esputnik_connector_overview"))
    groups = (pages.Group.MENU, pages.Group.SETTINGS, pages.Group.ENGINEERS)
    entries = [each for group in groups for each in pages.menu(opened.wsgi_request, group)]
    addresses = {
        "index": reverse("admin:index"),
        **{entry.page.name: entry.url for entry in entries},
        "overview, days": f"{reverse('admin:esputnik_connector_overview')}?chart=days",
    }
    plain, costs = Cost(), {name: Cost() for name in addresses}
    for _again in range(LOOKS):
        for name, url in addresses.items():
            costs[name].look(client, url)
        plain.look(client, reverse("admin:auth_user_changelist"))
    load = max(1.0, plain.taken / plain.worked)
    late = {}
    for name, cost in costs.items():
        lists = cost.worked / plain.worked
        told(client, name, addresses[name], cost, lists)
        if cost.taken > PROMISED * load or lists > MOST_LISTS:
            late[name] = cost
    print(f"a plain list takes {load:.1f} times the work of the processor")  # noqa: T201
    assert not late
