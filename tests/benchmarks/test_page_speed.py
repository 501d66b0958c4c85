"""What a shopper waits for with the connector, beside the same pages without it.

Oscar's own product page, basket and check-out on a real PostgreSQL, request by request in this
process. A shopper with the connector and one without take turns, so what else the machine does
slows both alike; both ways of ``ATOMIC_REQUESTS``. ``PAGE_ROUNDS`` (default 25) is how many each;
up to ten times as many are taken until the difference is clear: of a hundred, the median of a
page that does the very same work swings by half a millisecond.

The clock runs until the answer is there to be sent: what the connector does after it, the shopper
does not wait for. The calls of functions are counted too, which no neighbour changes, but for what
Python itself remembers.
"""

from __future__ import annotations

import os
from collections import defaultdict
from urllib.parse import urljoin

import pytest
from django.conf import settings as project_settings
from django.db import connections
from django.test import Client
from oscar.test.factories import CountryFactory, create_product

from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.connection.statuses import add_proposed
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.pipeline.capture import capture
from sandbox_project.browser import Browser, BrowserError, Form, FormReader, Page
from sandbox_project.shopper import Recipient, Shopper
from tests.benchmarks.clocked import Asked, ClockedHandler, Difference, settled, typical

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's own pages
]

ROUNDS = int(os.environ.get("PAGE_ROUNDS", "25"))
BATCHES = 10  # of so many rounds, at the most
WARM_UP = 2  # rounds that do not count
COUNTED = 3  # rounds in which calls are counted, and no time
MOST_CALLS = 0.03  # of those without
GUEST = Recipient(first_name="Ivan", last_name="Franko", phone="+380501112233")
PAGES = {
    "product page": "GET catalogue:detail",
    "add to basket": "POST basket:add",
    "place order": "POST checkout:preview",
}


Pages = dict[str, list[Asked]]  # method and view → what each request of it took


class InThisProcess(Browser):
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
        view = f"{method} {answer.resolver_match.view_name}"
        self._pages[view].append(self._handler.clocked.answered)
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
    # Reads the list of connections, as a process does each five seconds, and notes nothing, since
    # no such event is sent: both ways begin their first page alike.
    capture.event_happened(BACK_IN_STOCK.key("0"))


def buy(path: str, number: int, pages: Pages, *, is_counting: bool = False) -> None:
    shopper = Shopper("http://testserver", email=f"guest{number}@example.com", password="")
    shopper.browser = InThisProcess(pages, is_counting=is_counting)
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

    def of(self, page: str) -> tuple[list[Asked], list[Asked]]:
        """Without and with, turn by turn."""
        return self.without[PAGES[page]], self.with_it[PAGES[page]]

    def differences(self) -> dict[str, Difference]:
        return {page: Difference.of(*self.of(page)) for page in PAGES}


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
    with settled():
        for _ in range(BATCHES):
            turns.take(ROUNDS)
            found = turns.differences()
            if all(each.is_clear for each in found.values()):
                break
    assert OutboxMessage.objects.filter(kind="order").count() >= ROUNDS
    print(  # noqa: T201
        f"\nATOMIC_REQUESTS = {is_atomic}: without → with; ms, of the processor, statements, calls"
    )
    for name in PAGES:
        plain, ours = map(typical, turns.of(name))
        few, many = map(typical, counted.of(name))
        print(  # noqa: T201
            f"{name:14} {plain.seconds * 1000:6.1f} → {ours.seconds * 1000:6.1f}"
            f" {plain.processor * 1000:8.1f} → {ours.processor * 1000:6.1f}"
            f" {plain.statements:6.0f} → {ours.statements:.0f}"
            f" {few.calls:8.0f} → {many.calls:.0f}   {found[name]}"
        )
        label = f"{name}, with the connector beside without"
        results.add(label, ours.processor / plain.processor, size=int(is_atomic))
        assert many.calls <= few.calls * (1 + MOST_CALLS), name
    assert [name for name in PAGES if not found[name].is_kept] == []
