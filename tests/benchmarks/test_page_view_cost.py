"""What a page of the shop costs more when a worker tells that it was seen.

The product page of the sandbox shop, for a customer who is logged in, with the route and without,
in turns within one run: what a neighbour on the machine costs, both sides pay. What counts is what
the visitor waits for, until the answer is there to be sent; it may be 3 % or 1 ms longer, whichever
is more. What the server does after that is printed beside it. ``PAGE_VIEWS`` (default 150) is how
many pages of each; while their difference is not clear, up to four times as many.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import OutboxMessage, Storefront
from tests.benchmarks.clocked import Asked, Clocked, ClockedHandler, Difference, settled, typical
from tests.benchmarks.results import sizes
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, HOST, SC, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

PAGES = sizes("PAGE_VIEWS", "150")
BATCHES = 4  # of so many pages, at the most
WARM = 10  # pages
COUNTED = 5  # pages of which calls are counted, and no time
MOST_CALLS = 0.01  # of those without, until the answer


class Visits:
    """One visitor who opens a page again and again: told, not told, and either first as often."""

    def __init__(self, client: Client, path: str, route: str) -> None:
        self._client, self._path, self._route = client, path, route
        kept = Storefront.objects.for_host(HOST)  # as this process keeps it for CONNECTIONS_TTL
        assert kept is not None
        self._kept = kept
        self.without: list[Clocked] = []
        self.told: list[Clocked] = []

    def take(self, pages: int, *, is_counting: bool = False) -> None:
        self._client.handler = handler = ClockedHandler(is_counting=is_counting)
        for _ in range(pages):
            ways = [("off", self.without), (self._route, self.told)]
            for route, taken in ways if len(self.told) % 2 else reversed(ways):
                self._kept.routes = {**self._kept.routes, "ProductPage": route}
                assert self._client.get(self._path).status_code == 200
                taken.append(handler.clocked)

    def answered(self) -> tuple[list[Asked], list[Asked]]:
        return [each.answered for each in self.without], [each.answered for each in self.told]

    def whole(self) -> tuple[list[Asked], list[Asked]]:
        return [each.whole for each in self.without], [each.whole for each in self.told]


@pytest.fixture
def visitor(settings) -> Client:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 3600, "WAKE": "",
    }  # fmt: skip
    storefront(script="", routes=dict.fromkeys(BehaviourType, "off"))
    client = Client(headers={"user-agent": AGENT})
    client.force_login(factories.UserFactory())
    client.cookies["sc"] = SC
    return client


@pytest.fixture
def path() -> str:
    seen = factories.create_product()
    factories.create_stockrecord(seen, price=Decimal("12.50"), num_in_stock=5)
    return seen.get_absolute_url()


def line(name: str, both: tuple[list[Asked], list[Asked]], counted: tuple[Asked, Asked]) -> str:
    (plain, told), (few, many) = map(typical, both), counted
    return (
        f"  {name:12} {plain.seconds * 1000:6.2f} → {told.seconds * 1000:6.2f} ms"
        f" {plain.processor * 1000:7.2f} → {told.processor * 1000:6.2f} of the processor"
        f" {plain.statements:4.0f} → {told.statements:.0f} statements"
        f" {few.calls:7.0f} → {many.calls:.0f} calls"
    )


@pytest.mark.parametrize("route", ["tracker", "event"])
def test_a_page_view_costs_hardly_more(visitor, path, results, route):
    Visits(visitor, path, route).take(WARM)
    counted = Visits(visitor, path, route)
    counted.take(COUNTED, is_counting=True)
    few, many = map(typical, counted.answered())
    few_whole, many_whole = map(typical, counted.whole())
    for pages in PAGES:
        visits = Visits(visitor, path, route)
        with settled():
            for _ in range(BATCHES):
                visits.take(pages)
                found = Difference.of(*visits.answered())
                if found.is_clear:
                    break
        print(  # noqa: T201
            f"\n{route}, {len(visits.told)} pages of each: {found}, without → told:",
            line("the visitor", visits.answered(), (few, many)),
            line("the server", visits.whole(), (few_whole, many_whole)),
            sep="\n",
        )
        assert OutboxMessage.objects.count() >= pages
        plain, told = map(typical, visits.answered())
        results.add("page view told by a worker", told.processor / plain.processor, size=pages)
        assert many.calls <= few.calls * (1 + MOST_CALLS)
        assert found.is_kept
