"""What a shopper waits for with the connector, beside the same pages without it.

Oscar's own product page, basket and check-out on a real PostgreSQL, request by request in this
process. A shopper with the connector and one without take turns, so what else the machine does
slows both alike; both ways of ``ATOMIC_REQUESTS``. ``PAGE_ROUNDS`` (default 25) is how many each.
What is compared with what was recorded is the time of the processor, which no neighbour changes.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from statistics import median
from typing import NamedTuple
from urllib.parse import urljoin

import pytest
from django.conf import settings as project_settings
from django.db import connection as database
from django.db import connections, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.test.factories import CountryFactory, create_product

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.connection.statuses import add_proposed
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.pipeline.capture import capture
from sandbox_project.browser import Browser, BrowserError, Form, FormReader, Page
from sandbox_project.shopper import Recipient, Shopper

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's own pages
]

ROUNDS = int(os.environ.get("PAGE_ROUNDS", "25"))
WARM_UP = 2  # rounds that do not count
MOST = 0.03, 0.001  # of the time without, or seconds: whichever is more
GUEST = Recipient(first_name="Ivan", last_name="Franko", phone="+380501112233")
PAGES = {
    "product page": "GET catalogue:detail",
    "add to basket": "POST basket:add",
    "place order": "POST checkout:preview",
}


class Asked(NamedTuple):
    """What one request took."""

    seconds: float
    processor: float  # seconds, of this thread: no neighbour on the machine changes it
    statements: int


Pages = dict[str, list[Asked]]  # method and view → what each request of it took


class Clocked(Browser):
    """Asks the shop in this process, and notes how long each page took."""

    def __init__(self, pages: Pages) -> None:
        super().__init__("http://testserver")
        self._client = Client()
        self._pages = pages

    def get(self, path: str) -> Page:
        return self._ask("GET", urljoin(self.root, path), {})

    def submit(self, page: Page, form: Form, *, button: tuple[str, str] | None = None) -> Page:
        fields = dict(form.fields) | (dict([button]) if button else {})
        return self._ask(form.method, urljoin(page.url, form.action), fields)

    def _ask(self, method: str, url: str, fields: dict[str, str]) -> Page:
        ask = self._client.post if method == "POST" else self._client.get
        reset_queries()  # its log has an end
        with CaptureQueriesContext(database) as queries:
            begun, worked = time.perf_counter(), time.thread_time()
            answer = ask(url, fields)
            took = time.perf_counter() - begun, time.thread_time() - worked
        page = f"{method} {answer.resolver_match.view_name}"
        self._pages[page].append(Asked(*took, len(queries)))
        if answer.status_code in (301, 302):
            return self._ask("GET", urljoin(url, answer["Location"]), {})
        if answer.status_code >= 400:
            raise BrowserError(f"{answer.status_code} from {url}")
        reader = FormReader()
        reader.feed(answer.content.decode())
        return Page(url, answer.status_code, answer.content.decode(), tuple(reader.forms))


@pytest.fixture
def product():
    for code, name in (("UA", "Ukraine"), ("PL", "Poland")):
        CountryFactory(iso_3166_1_a2=code, printable_name=name, name=name, is_shipping_country=True)
    return create_product(title="Kobzar", price=250, num_in_stock=10**6)


@pytest.fixture
def shop(product) -> Connection:
    made = Connection.objects.create(name="main", api_key="a key", consent_policy="confirmed")
    add_proposed(made, project_settings.OSCAR_ORDER_STATUS_PIPELINE)
    made.bind()
    publisher.begin_anew()
    return made


def switch(is_on: bool) -> None:
    """Without an enabled connection nothing is noted, and nobody is woken."""
    Connection.objects.update(is_enabled=is_on)
    capture.forget_connections()
    capture.cart_changed("0")  # reads the list of connections, as a process does each five seconds


def buy(path: str, number: int, pages: Pages) -> None:
    shopper = Shopper("http://testserver", email=f"guest{number}@example.com", password="")
    shopper.browser = Clocked(pages)
    shopper.add_to_basket(path)
    shopper.check_out(delivery="collect", recipient=GUEST)


def typical(some: list[Asked]) -> Asked:
    return Asked(*map(median, zip(*some, strict=True)))


def is_short(ours: float, plain: float) -> bool:
    """The promise. On a machine that does other work too, a median says little of a millisecond."""
    return ours - plain <= max(MOST[0] * plain, MOST[1])


@pytest.mark.parametrize("is_atomic", [True, False], ids=["atomic", "without transactions"])
def test_no_shopper_waits_for_it(shop, product, monkeypatch, results, is_atomic):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", is_atomic)
    path = product.get_absolute_url().lstrip("/").removeprefix("en/")
    pages: dict[bool, Pages] = {is_on: defaultdict(list) for is_on in (True, False)}
    for number in range(WARM_UP + ROUNDS):
        for is_on in (True, False) if number % 2 else (False, True):
            switch(is_on)
            buy(path, number, pages[is_on] if number >= WARM_UP else defaultdict(list))
    assert OutboxMessage.objects.filter(kind="order").count() >= ROUNDS
    print(  # noqa: T201
        f"\nATOMIC_REQUESTS = {is_atomic}: without → with; ms, of the processor, statements"
    )
    for name, page in PAGES.items():
        plain, ours = (typical(pages[is_on][page]) for is_on in (False, True))
        print(  # noqa: T201
            f"{name:14} {plain.seconds * 1000:6.1f} → {ours.seconds * 1000:6.1f}"
            f" {plain.processor * 1000:8.1f} → {ours.processor * 1000:6.1f}"
            f" {plain.statements:6.0f} → {ours.statements:.0f}"
            f"  {'as' if is_short(ours.seconds, plain.seconds) else 'longer than'} promised"
        )
        label = f"{name}, with the connector beside without"
        results.add(label, ours.processor / plain.processor, size=int(is_atomic))
