"""How many rows the database reads for a page, by its own account: what fifty thousand rows cost, a
million do too. Times would tell of the machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.admin.pages import Group, menu
from esputnik_connector.models import Connection, Heartbeat, OutcomeCount, OutcomeHour
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.operations.health.backlog import MOST_COUNTED
from tests.oscar_rows import OSCAR_WARNINGS

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(database.vendor != "postgresql", reason="plans are PostgreSQL's"),
    *OSCAR_WARNINGS,
]

ROWS = 50_000
ORDERS = 60  # of the last month, which the Overview looks at one by one
DEAD = 200
BIG = {
    f"esputnik_connector_{name}" for name in ("outboxmessage", "attempt", "syncstate", "tombstone")
}
MOST = 2 * MOST_COUNTED + 500  # of two lanes a page reads as far as it counts
FEW = 500  # of what does not count

FILL = (
    """INSERT INTO esputnik_connector_outboxmessage (connection_id, kind, key, captured_at, due_at,
       attempts, session, route, is_dead, reason, detail)
       SELECT {pk}, (ARRAY['order', 'contact'])[n % 2 + 1], n::text, now(), now(), 0, '', '',
       n <= {dead}, CASE WHEN n <= {dead} THEN 'refused' ELSE '' END, 'why' || n % 3
       FROM generate_series(1, {rows}) n""",
    """INSERT INTO esputnik_connector_attempt (connection_id, kind, key, outcome, reason, detail,
       status, notes, captured_at, created_at)
       SELECT {pk}, 'order', n::text, CASE WHEN n % 500 = 0 THEN 'rejected' ELSE 'delivered' END,
       CASE WHEN n % 500 = 0 THEN 'refused' ELSE '' END, '', 200, '[]', now(), now()
       FROM generate_series(1, {rows}) n""",
    """INSERT INTO esputnik_connector_syncstate (connection_id, kind, key, owner_key, digest,
       fields, locators, remote_id, status, delivered_at, session, session_digest, seal)
       SELECT {pk}, 'order', n::text, '', 'd', '[]', '{{}}', '', '', now(), '', '', ''
       FROM generate_series(1, {rows}) n""",
    """INSERT INTO esputnik_connector_tombstone (fingerprint, is_erasure, created_at)
       SELECT md5(n::text), true, now() FROM generate_series(1, {rows}) n""",
)


@pytest.fixture
def main() -> Connection:
    now = timezone.now()
    connection = Connection.objects.create(name="main", api_key="a key of many characters")
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    OutcomeCount.objects.create(connection=connection, kind="order", outcome="delivered")
    OutcomeHour.objects.create(
        connection=connection, kind="order", outcome="delivered", records=9, hour=hour_of(now)
    )
    for number in range(ORDERS):
        moment = now - timedelta(hours=number)
        factories.OrderFactory(number=str(ROWS - number), date_placed=moment, user=None)
    with database.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement.format(pk=connection.pk, rows=ROWS, dead=DEAD))
        for table in (*BIG, "esputnik_connector_connection"):
            cursor.execute(f'ANALYZE "{table}"')
    return connection


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(sql: str) -> dict[str, int]:
    """Table of ours → how many of its rows the database looked at for this statement."""
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (answer,) = cursor.fetchone()
    (found,) = json.loads(answer) if isinstance(answer, str) else answer
    read: dict[str, int] = {}
    for node in nodes(found["Plan"]):
        table = node.get("Relation Name")
        if table in BIG:
            removed = node.get("Rows Removed by Filter", 0)
            read[table] = (
                read.get(table, 0) + (node["Actual Rows"] + removed) * node["Actual Loops"]
            )
    return read


def costly(ask: Callable[..., Any], url: str, most: int = MOST, **asked: str) -> list[str]:
    """Statements of a page that read more than so many rows of one table."""
    with CaptureQueriesContext(database) as captured:
        assert ask(url, asked).status_code in (200, 302)
    selects = [each["sql"] for each in captured if each["sql"].lstrip("(").startswith("SELECT")]
    assert selects
    return [
        f"{count} of {table}: {sql[:300]}"
        for sql in selects
        for table, count in rows_read(sql).items()
        if count > most
    ]


def addresses(client: Client, connection: Connection) -> Iterator[str]:
    opened = client.get(reverse("admin:esputnik_connector_overview"))
    for group in (Group.MENU, Group.SETTINGS, Group.ENGINEERS):
        yield from (entry.url for entry in menu(opened.wsgi_request, group))
    yield reverse("admin:index")
    yield reverse("dashboard:index")
    yield f"{reverse('admin:esputnik_connector_overview')}?chart=days"
    for name in ("change", "delete", "off"):
        yield reverse(f"admin:esputnik_connector_connection_{name}", args=[connection.pk])
    for fate in ("taken", "arrived", "on_the_way", "needs_you", "not_sent"):
        yield reverse("admin:esputnik_connector_orders", args=[connection.pk, "month", fate])


def test_every_page_reads_as_much_as_it_shows(admin_client: Client, main: Connection) -> None:
    found = {url: costly(admin_client.get, url) for url in addresses(admin_client, main)}
    assert len(found) > 20
    assert not {url: told for url, told in found.items() if told}


NARROWED: list[tuple[str, dict[str, str], int]] = [
    ("outboxmessage", {"is_dead__exact": "1"}, FEW),
    ("outboxmessage", {"is_dead__exact": "0"}, MOST),
    ("outboxmessage", {"reason__exact": "refused"}, FEW),
    ("outboxmessage", {"reason__exact": "unreachable"}, FEW),
    ("outboxmessage", {"kind__exact": "order"}, MOST),
    ("outboxmessage", {"kind__exact": "cart"}, FEW),
    ("outboxmessage", {"q": "777"}, FEW),
    ("outboxmessage", {"p": "2"}, MOST),
    ("attempt", {"outcome__exact": "rejected"}, FEW),
    ("attempt", {"outcome__exact": "delivered"}, MOST),
    ("attempt", {"outcome__exact": "accepted"}, FEW),
    ("attempt", {"reason__exact": "refused"}, FEW),
    ("attempt", {"reason__exact": "bot"}, FEW),
    ("attempt", {"kind__exact": "cart"}, FEW),
    ("attempt", {"q": "777"}, FEW),
    ("syncstate", {"kind__exact": "cart"}, FEW),
    ("syncstate", {"q": "777"}, FEW),
]


def test_a_narrowed_list_reads_what_fits(admin_client: Client, main: Connection) -> None:
    found = {}
    for name, query, most in NARROWED:
        url = reverse(f"admin:esputnik_connector_{name}_changelist")
        found[name, str(query)] = costly(admin_client.get, url, most, **query)
    assert not {place: told for place, told in found.items() if told}


def test_a_record_is_found_and_answered_for_by_its_own_rows(
    admin_client: Client, main: Connection
) -> None:
    order = get_model("order", "Order").objects.get(number=str(ROWS - 3))
    pages = (
        reverse("admin:esputnik_connector_record", args=["order", order.number]),
        reverse("admin:esputnik_connector_record", args=["contact", "7"]),
        reverse("admin:order_order_change", args=[order.pk]),
        reverse("dashboard:order-detail", kwargs={"number": order.number}),
    )
    found = {url: costly(admin_client.get, url, FEW) for url in pages}
    box = reverse("admin:esputnik_connector_search")
    for what in (order.number, "nobody@example.com", "+380501234567", "Shevchenko", "no-key"):
        found[what] = costly(admin_client.post, box, FEW, what=what)
    assert not {place: told for place, told in found.items() if told}


def test_what_reads_a_whole_table_is_noticed() -> None:
    everything = "SELECT COUNT(*) FROM esputnik_connector_tombstone WHERE is_erasure"
    with database.cursor() as cursor:
        cursor.execute(FILL[-1].format(rows=1000))
    assert rows_read(everything) == {"esputnik_connector_tombstone": 1000}
