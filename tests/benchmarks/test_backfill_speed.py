"""How fast history goes out, beside the plain limit measured in the same run.

``BACKFILL_ORDERS=10000,100000 make bench ARGS="-k backfill"`` for the growth.

The *plain limit* reads the same rows with ``values()``, a query per table and page by keyset, puts
the lines to their orders, writes them as JSON and posts them, and does nothing else: no record is
translated, compared or remembered.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from esputnik_connector.models import Backfill, Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.records import Kind
from tests.benchmarks.big_shop import connected, endpoint, fill_elsewhere, resident_memory
from tests.benchmarks.results import sizes

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = sizes("BACKFILL_ORDERS", "10000")
PAGE = 500
MOST_MEMORY = 50.0  # MB above the start
WARM_UP = 3  # pages, so that caches and imports are no growth


@pytest.fixture
def address() -> Iterator[str]:
    with endpoint() as url:
        yield url


@pytest.fixture
def connection(address: str, settings) -> Connection:
    return connected(address, settings)


@dataclass
class Measured:
    """Time and orders over many turns, and the highest resident memory after any query."""

    seconds: float = 0.0
    orders: int = 0
    highest: float = 0.0

    @property
    def rate(self) -> float:
        return self.orders / self.seconds

    def add(self, orders: int) -> None:
        self.orders += orders

    def measure(self, deed: Callable[[], object]) -> None:
        began = time.perf_counter()
        with database.execute_wrapper(self._look):
            deed()
        self.seconds += time.perf_counter() - began

    def _look(self, execute, *rest):
        answer = execute(*rest)
        self.highest = max(self.highest, resident_memory())
        return answer


@pytest.mark.parametrize("route", ["orders", "past_events"])
@pytest.mark.parametrize("orders", ORDERS)
def test_history_goes_out_at_a_good_share_of_the_plain_limit(
    connection, address, results, route, orders
):
    fill_elsewhere(orders)
    remember_customers(connection)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    run, _ = control.start(connection, Kind.ORDER, route=route)
    per_page = queries_per_page(run)
    run.refresh_from_db()
    left = orders - run.counts["delivered"]  # the first pages are small
    plain, ours = Measured(), Measured()
    pages = plain_limit(address)
    gc.collect()
    before = resident_memory()
    ours.measure(lambda: go_on(run, lambda _run: plain.measure(lambda: plain.add(next(pages, 0)))))
    ours.seconds -= plain.seconds
    ours.add(left)
    growth = ours.highest - before
    run.refresh_from_db()
    assert (run.state, run.counts) == ("finished", {"delivered": orders}), run.detail
    assert SyncState.objects.filter(kind="order").exclude(digest="").count() == orders
    assert not OutboxMessage.objects.exists()
    share = ours.rate / plain.rate
    report = (
        f"\n{orders} orders, about 3 lines each, by {route}"
        f"\n  plain limit  {plain.rate:8.0f} orders/s  {plain.seconds:6.1f} s"
        f"\n  import       {ours.rate:8.0f} orders/s  {ours.seconds:6.1f} s"
        f"\n  share        {share:8.0%}"
        f"\n  memory       {growth:+8.1f} MB above the start"
        f"\n  queries      {per_page} per page of {PAGE}"
    )
    sys.stdout.write(report)
    assert per_page[-1] == per_page[-2]  # the first one makes the lane
    assert growth <= MOST_MEMORY
    results.add(f"import of orders by {route}, share of the plain limit", share, size=orders)


def remember_customers(connection: Connection) -> None:
    """As after the import of the customers, which goes before that of the orders."""
    keys = get_model("auth", "User").objects.values_list("pk", flat=True)
    SyncState.objects.bulk_create(
        [
            SyncState(connection=connection, kind=Kind.CONTACT.value, key=str(key), digest="k1")
            for key in keys
        ],
        batch_size=1000,
    )


def queries_per_page(run: Backfill) -> list[int]:
    """A page at a time, as a worker does whose time is up at once."""
    counts = []
    for _ in range(WARM_UP):
        with CaptureQueriesContext(database) as captured:
            BackfillWorker(Backfill.objects.get(pk=run.pk)).work(seconds=0)
        counts.append(len(captured))
    return counts


def go_on(run: Backfill, after_page: Callable[[Backfill], None]) -> None:
    """As workers do: 50 seconds, then the next one. Page by page in turns with the plain limit,
    because the machine may be busy with something else for a while."""
    while Backfill.objects.get(pk=run.pk).is_working:
        worker = BackfillWorker(Backfill.objects.get(pk=run.pk), after_page=after_page)
        worker.work(seconds=50)


def plain_limit(address: str) -> Iterator[int]:
    """Page after page: how many orders each had."""
    session = requests.Session()
    last = 0
    while page := list(
        get_model("order", "Order")
        .objects.filter(pk__gt=last)
        .order_by("pk")
        .values(*COLUMNS)[:PAGE]
    ):
        last = page[-1]["pk"]
        body = {"orders": plain_orders(page)}
        answer = session.post(
            f"{address}/v1/orders",
            data=json.dumps(body, ensure_ascii=False, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        assert answer.json() == {"failedOrders": []}
        yield len(page)


ADDRESS = (
    "first_name", "last_name", "line1", "line2", "line3", "line4", "state", "postcode",
    "country_id", "phone_number",
)  # fmt: skip
COLUMNS = [
    "pk", "number", "date_placed", "status", "currency", "total_incl_tax", "total_excl_tax",
    "shipping_incl_tax", "shipping_method", "guest_email", "user_id", "basket_id",
    *(f"shipping_address__{name}" for name in ADDRESS),
    *(f"billing_address__{name}" for name in ADDRESS if name != "phone_number"),
]  # fmt: skip


def plain_orders(page: list[dict]) -> list[dict]:
    pks = [row["pk"] for row in page]
    lines = grouped("order", "Line", pks, [
        "order_id", "pk", "product_id", "partner_sku", "upc", "title", "quantity",
        "line_price_incl_tax", "line_price_before_discounts_incl_tax",
    ])  # fmt: skip
    discounts = grouped("order", "OrderDiscount", pks, ["order_id", "category", "amount"])
    surcharges = grouped("order", "Surcharge", pks, ["order_id", "incl_tax"])
    sources = grouped("payment", "Source", pks, ["order_id", "source_type_id"])
    users = keyed("auth", "User", {row["user_id"] for row in page}, ["pk", "email", "first_name"])
    sold = {line["product_id"] for group in lines.values() for line in group}
    products = keyed("catalogue", "Product", sold, ["pk", "parent_id", "slug", "title"])
    pictures = keyed("catalogue", "ProductImage", sold, ["product_id", "original"], "product_id")
    through = get_model("catalogue", "Product").categories.through
    shelves = dict(
        through.objects.filter(product_id__in=sold).values_list("product_id", "category_id")
    )
    return [
        {
            **row,
            "buyer": users.get(row["user_id"]),
            "discounts": discounts.get(row["pk"], []),
            "surcharges": surcharges.get(row["pk"], []),
            "sources": sources.get(row["pk"], []),
            "items": [
                {
                    **line,
                    "product": products.get(line["product_id"]),
                    "picture": pictures.get(line["product_id"]),
                    "category": shelves.get(line["product_id"]),
                }
                for line in lines.get(row["pk"], [])
            ],
        }
        for row in page
    ]


def grouped(app: str, name: str, pks: list[int], columns: list[str]) -> dict[int, list[dict]]:
    groups: defaultdict[int, list[dict]] = defaultdict(list)
    found = get_model(app, name).objects.filter(order_id__in=pks).order_by("pk")
    for row in found.values(*columns):
        groups[row["order_id"]].append(row)
    return groups


def keyed(app: str, name: str, pks: set[int], columns: list[str], key: str = "pk") -> dict:
    found = get_model(app, name).objects.order_by().filter(**{f"{key}__in": pks - {None}})
    return {row[key]: row for row in found.values(*columns)}
