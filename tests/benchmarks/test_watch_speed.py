"""What a walk over the products that people wait for costs, and an import that they wait for.

``WATCH_REQUESTS`` (default 5,000) is how many alerts and how many wishes there are, each of a
product of its own: the dearest case. A shop's usual one has many for few products.

A read of the same rows takes a hundredth of a walk. So it is repeated until a turn of it is as long
as a walk, and both are compared by processor time, in turns.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model

from esputnik_connector.event_names import BACK_IN_STOCK, PRICE_DROP
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.events.enqueue import PAGE
from esputnik_connector.pipeline.events.scan import scan_for_events
from tests.benchmarks.turns import Spent, in_turns, ratio, spent, typical

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

REQUESTS = int(os.environ.get("WATCH_REQUESTS", "5000"))
QUERIES_PER_PAGE = 5  # of one of the two walks, when nothing happened
READS = 60  # in a turn

StockRecord = get_model("partner", "StockRecord")


def fill(number: int) -> None:
    model = get_model("catalogue", "Product")
    kind = get_model("catalogue", "ProductClass").objects.create(name="Things", track_stock=True)
    partner = get_model("partner", "Partner").objects.create(code="one", name="One")
    user = get_user_model().objects.create_user("ada", "ada@example.com")
    products = model.objects.bulk_create(
        model(product_class=kind, structure="standalone", title=f"P{each}", slug=f"p{each}")
        for each in range(number)
    )
    StockRecord.objects.bulk_create(
        StockRecord(
            product=product, partner=partner, partner_sku=f"s{product.pk}", price=Decimal(100),
            price_currency="UAH", num_in_stock=0,
        )
        for product in products
    )  # fmt: skip
    wishes = get_model("wishlists", "WishList").objects.create(owner=user)
    get_model("wishlists", "Line").objects.bulk_create(
        wishes.lines.model(wishlist=wishes, product=product, title="x") for product in products
    )
    alert = get_model("customer", "ProductAlert")
    alert.objects.bulk_create(alert(user=user, product=product) for product in products)


def walk(what: str, expected: dict[Any, int]) -> tuple[Spent, int]:
    """What it took, and its queries."""
    found: dict[Any, int] = {}
    with CaptureQueriesContext(database) as queries:
        took = spent(lambda: found.update(scan_for_events()))
    told(what, took, f", {len(queries)} queries, {sum(found.values())} noted")
    assert found == expected
    return took, len(queries)


def told(what: str, took: Spent, more: str = "") -> None:
    print(f"{what}: {took.seconds:.3f} s, processor {took.processor:.3f}{more}")  # noqa: T201


def plain_read() -> None:
    """Read the same alerts and wishes with what their products cost, and no more."""
    stock = ("product__stockrecords__price", "product__stockrecords__num_in_stock")
    for app, name in (("customer", "ProductAlert"), ("wishlists", "Line")):
        list(get_model(app, name).objects.order_by("pk").values_list("pk", "product_id", *stock))


def test_a_walk(settings, results):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    fill(REQUESTS)
    Connection.objects.create(
        name="main", api_key="a key", send_back_in_stock=True, send_price_drop=True
    )
    nothing = {BACK_IN_STOCK: 0, PRICE_DROP: 0}
    walk("the first look", nothing)
    _took, queries = walk("nothing happened", nothing)
    assert queries <= QUERIES_PER_PAGE * 2 * (REQUESTS / PAGE + 1)
    plain_read()
    walks, reads = in_turns(
        lambda: spent(scan_for_events), lambda: spent(plain_read, repeats=READS)
    )
    told("usual walk", typical(walks))
    told("usual plain read", typical(reads))
    results.add(
        "walk over awaited products, times a plain read", ratio(walks, reads), size=REQUESTS
    )

    with CaptureQueriesContext(database) as silent:
        StockRecord.objects.update(num_in_stock=1, price=50)
    assert len(silent) == 1
    walk("all of it is back, at half the price", {BACK_IN_STOCK: REQUESTS, PRICE_DROP: REQUESTS})
    assert OutboxMessage.objects.filter(kind="event").count() == 2 * REQUESTS
