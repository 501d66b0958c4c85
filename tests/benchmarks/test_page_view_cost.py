"""What a page of the shop costs more when a worker tells that it was seen.

The product page of the sandbox shop, for a customer who is logged in, with the route and without,
in turns within one run: what a neighbour on the machine costs, both sides pay. What counts is the
median time of a page; it may be 3 % or 1 ms longer, whichever is more.
"""

from __future__ import annotations

import time
from decimal import Decimal
from statistics import median

import pytest
from django.test import Client
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import OutboxMessage, Storefront
from tests.benchmarks.results import sizes
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, HOST, SC, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

PAGES = sizes("PAGE_VIEWS", "400")
SHARE, SECONDS = 1.03, 0.001
WARM = 10  # pages


def seconds_of(client: Client, path: str) -> float:
    begun = time.perf_counter()
    response = client.get(path)
    taken = time.perf_counter() - begun
    assert response.status_code == 200
    return taken


@pytest.mark.parametrize("route", ["tracker", "event"])
def test_a_page_view_costs_hardly_more(settings, results, route):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 3600, "WAKE": "",
    }  # fmt: skip
    storefront(script="", routes=dict.fromkeys(BehaviourType, "off"))
    seen = factories.create_product()
    factories.create_stockrecord(seen, price=Decimal("12.50"), num_in_stock=5)
    client = Client(headers={"user-agent": AGENT})
    client.force_login(factories.UserFactory())
    client.cookies["sc"] = SC
    path = seen.get_absolute_url()

    kept = Storefront.objects.for_host(HOST)  # as this process keeps it for CONNECTIONS_TTL
    assert kept is not None
    for _ in range(WARM):
        client.get(path)
    for pages in PAGES:
        taken: dict[str, list[float]] = {"off": [], route: []}
        for page in range(pages):  # page by page, and either first as often
            for chosen in sorted(taken, reverse=bool(page % 2)):
                kept.routes = {**kept.routes, "ProductPage": chosen}
                taken[chosen].append(seconds_of(client, path))
        without, told = median(taken["off"]), median(taken[route])
        print(  # noqa: T201
            f"\n{route}: {without * 1000:.2f} ms a page without, {told * 1000:.2f} ms with, "
            f"{(told - without) * 1000:+.2f} ms"
        )
        assert OutboxMessage.objects.exists()
        assert told <= max(without * SHARE, without + SECONDS)
        results.add("page view told by a worker", told / without, size=pages)
