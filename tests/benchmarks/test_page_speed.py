"""What a shopper waits for with the connector, beside the same pages without it.

Oscar's own product page, basket and check-out on a real PostgreSQL, request by request in this
process. A shopper with the connector and one without take turns, so what else the machine does
slows both alike; both ways of ``ATOMIC_REQUESTS``. ``PAGE_ROUNDS`` (default 25) is how many each; a
machine that does other work is given up to four times as many until the promise shows.

The clock runs until the answer is there to be sent: what the connector does after it, the shopper
does not wait for. The calls of functions are counted too, which no neighbour changes, but for what
Python itself remembers.
"""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urljoin

import pytest
from django.conf import settings as project_settings
from django.db import connection as database
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import ClientHandler
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
BATCHES = 4  # of so many rounds, at the most
WARM_UP = 2  # rounds that do not count
COUNTED = 3  # rounds in which calls are counted, and no time
MOST = 0.03, 0.001  # of the time without, or seconds: whichever is more
MOST_CALLS = 0.03  # of those without
GUEST = Recipient(first_name="Ivan", last_name="Franko", phone="+380501112233")
PAGES = {
    "product page": "GET catalogue:detail",
    "add to basket": "POST basket:add",
    "place order": "POST checkout:preview",
}


class Asked(NamedTuple):
    """What one request took until its answer could be sent."""

    seconds: float
    processor: float  # seconds, of this thread: no neighbour on the machine changes it
    statements: int
    calls: int  # of functions; 0 where they were not counted


Pages = dict[str, list[Asked]]  # method and view → what each request of it took


class ClockedHandler(ClientHandler):
    """Takes the time of a request from its first middleware to its last."""

    def __init__(self, *, is_counting: bool) -> None:
        super().__init__(enforce_csrf_checks=False)
        self.is_counting = is_counting
        self._statements = self._calls = 0

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        self._statements = self._calls = 0
        with database.execute_wrapper(self._execute):
            begun, worked = time.perf_counter(), time.thread_time()
            if self.is_counting:
                sys.setprofile(self._count)
            answer = super().get_response(request)
            sys.setprofile(None)
            took = time.perf_counter() - begun, time.thread_time() - worked
        self.asked = Asked(*took, self._statements, self._calls)
        return answer

    def _execute(self, execute: Any, *statement: Any) -> Any:
        self._statements += 1
        return execute(*statement)

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self._calls += event in ("call", "c_call")


class Clocked(Browser):
    """Asks the shop in this process, and notes how long each page took."""

    def __init__(self, pages: Pages, *, is_counting: bool) -> None:
        super().__init__("http://testserver")
        self._client = Client()
        self._client.handler = self._handler = ClockedHandler(is_counting=is_counting)
        self._pages = pages

    def get(self, path: str) -> Page:
        return self._ask("GET", urljoin(self.root, path), {})

    def submit(self, page: Page, form: Form, *, button: tuple[str, str] | None = None) -> Page:
        fields = dict(form.fields) | (dict([button]) if button else {})
        return self._ask(form.method, urljoin(page.url, form.action), fields)

    def _ask(self, method: str, url: str, fields: dict[str, str]) -> Page:
        ask = self._client.post if method == "POST" else self._client.get
        answer = ask(url, fields)
        self._pages[f"{method} {answer.resolver_match.view_name}"].append(self._handler.asked)
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


def buy(path: str, number: int, pages: Pages, *, is_counting: bool = False) -> None:
    shopper = Shopper("http://testserver", email=f"guest{number}@example.com", password="")
    shopper.browser = Clocked(pages, is_counting=is_counting)
    shopper.add_to_basket(path)
    shopper.check_out(delivery="collect", recipient=GUEST)


class Turns:
    """Two shoppers, one with the connector and one without, who take turns."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rounds = 0
        self.with_it: Pages = defaultdict(list)
        self.without: Pages = defaultdict(list)

    def take(self, rounds: int, *, is_counting: bool = False) -> None:
        for _ in range(rounds):
            self._rounds += 1
            for is_on in (True, False) if self._rounds % 2 else (False, True):
                switch(is_on)
                pages = self.with_it if is_on else self.without
                number = 2 * self._rounds + is_on
                buy(self._path, number, pages, is_counting=is_counting)

    def typical(self, page: str) -> tuple[Asked, Asked]:
        """The medians without and with."""
        both = (self.without[PAGES[page]], self.with_it[PAGES[page]])
        plain, ours = (Asked(*map(median, zip(*some, strict=True))) for some in both)
        return plain, ours

    def is_kept(self, page: str) -> bool:
        """The promise."""
        plain, ours = self.typical(page)
        return ours.seconds - plain.seconds <= max(MOST[0] * plain.seconds, MOST[1])


def calls_of(path: str) -> Turns:
    counted = Turns(path)
    counted.take(COUNTED, is_counting=True)
    return counted


@pytest.mark.parametrize("is_atomic", [True, False], ids=["atomic", "without transactions"])
def test_no_shopper_waits_for_it(shop, product, monkeypatch, results, is_atomic):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", is_atomic)
    path = product.get_absolute_url().lstrip("/").removeprefix("en/")
    Turns(path).take(WARM_UP)
    counted, turns = calls_of(path), Turns(path)
    for _ in range(BATCHES):
        turns.take(ROUNDS)
        if all(map(turns.is_kept, PAGES)):
            break
    assert OutboxMessage.objects.filter(kind="order").count() >= ROUNDS
    print(  # noqa: T201
        f"\nATOMIC_REQUESTS = {is_atomic}: without → with; ms, of the processor, statements, calls"
    )
    for name in PAGES:
        plain, ours = turns.typical(name)
        few, many = counted.typical(name)
        print(  # noqa: T201
            f"{name:14} {plain.seconds * 1000:6.1f} → {ours.seconds * 1000:6.1f}"
            f" {plain.processor * 1000:8.1f} → {ours.processor * 1000:6.1f}"
            f" {plain.statements:6.0f} → {ours.statements:.0f}"
            f" {few.calls:8.0f} → {many.calls:.0f}"
        )
        label = f"{name}, with the connector beside without"
        results.add(label, ours.processor / plain.processor, size=int(is_atomic))
        assert many.calls <= few.calls * (1 + MOST_CALLS), name
    assert [name for name in PAGES if not turns.is_kept(name)] == []
