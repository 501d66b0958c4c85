"""A night over a big shop in which nothing has changed: what it costs, beside sending it all.

``RECONCILE_ORDERS=100000 make bench ARGS="-k reconcile"`` for the size that was promised.
Everything is measured in one run on one machine: *sending* is the way of the historical import
(the same ``prepare``, ``deliver`` and ``settle``, no outbox rows; of contacts also the question how
their imports ended) to a server that answers at once; the *plain limit* is the leanest reading of
the same orders, one hash each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from statistics import median

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.models import Connection, FieldMapping, OutboxMessage, SyncState
from esputnik_connector.pipeline.delivery.deliver import deliver
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.pipeline.delivery.settle.batch import settle
from esputnik_connector.pipeline.delivery.settle.in_flight import mark_in_flight
from esputnik_connector.pipeline.delivery.settle.uploads import Upload, Uploading, settle_upload
from esputnik_connector.pipeline.reconcile.compare import Comparer, chunks
from esputnik_connector.pipeline.reconcile.run import CHUNK, Reconciler, new_run
from esputnik_connector.records import Kind
from tests.servers import free_port, wait_for_port

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = int(os.environ.get("RECONCILE_ORDERS", "6000"))
LINES_PER_ORDER = 3
ROUNDS = 3

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
sessions, stored = count(), {}
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.endswith("/contacts"):
            return self.answer({})
        session = f"session-{next(sessions)}"
        sent = json.loads(body)
        by = sent["dedupeOn"]
        stored[session] = [
            {"dedupeValue": one.get(by) or [each["value"] for each in one["channels"]
                                            if each["type"] == by][0], "contactId": number}
            for number, one in enumerate(sent["contacts"], 1)
        ]
        self.answer({"asyncSessionId": session})
    def do_GET(self):
        session = self.path.rpartition("/")[2]
        self.answer({"status": "FINISHED", "mapping": stored.get(session, [])})
    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A server in a process of its own that takes everything at once."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def connection(endpoint, settings, db) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": "",
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {
            "esputnik": {
                **registry.conf.DESTINATIONS["esputnik"],
                "OPTIONS": {"rate": "100000/second"},
            }
        },
    }
    seed()
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection = Connection.objects.create(
        consent_policy="confirmed",
        name="bench", api_key="a key of the benchmark", api_url=endpoint, is_enabled=True,
        created_at=timezone.now() - timedelta(days=9999),
    )  # fmt: skip
    for number, attribute in enumerate(("total_spent", "purchased_categories"), start=1):
        FieldMapping.objects.create(connection=connection, attribute=attribute, field_id=number)
    return connection


def seed() -> None:
    """A shop of ``ORDERS`` orders: a user with an address for every fifth, products in
    categories."""
    product_class = get_model("catalogue", "ProductClass").objects.create(name="Thing")
    products = get_model("catalogue", "Product").objects.bulk_create(
        get_model("catalogue", "Product")(
            title=f"Thing {number}", slug=f"thing-{number}", product_class=product_class,
            upc=f"upc{number}", structure="standalone",
        )
        for number in range(500)
    )  # fmt: skip
    shelves = get_model("catalogue", "Category").objects.bulk_create(
        get_model("catalogue", "Category")(
            name=f"Shelf {number}", slug=f"shelf-{number}", path=f"{number:04}", depth=1
        )
        for number in range(50)
    )
    through = get_model("catalogue", "Product").categories.through
    through.objects.bulk_create(
        through(product=product, category=shelves[number % len(shelves)])
        for number, product in enumerate(products)
    )
    users = get_user_model().objects.bulk_create(
        get_user_model()(
            username=f"u{number}", email=f"u{number}@example.com", first_name="Тарас",
            last_name=f"Шевченко {number}",
        )
        for number in range(max(1, ORDERS // 5))
    )  # fmt: skip
    country, _ = get_model("address", "Country").objects.get_or_create(
        iso_3166_1_a2="UA", defaults={"printable_name": "Ukraine", "name": "Ukraine"}
    )
    get_model("address", "UserAddress").objects.bulk_create(
        get_model("address", "UserAddress")(
            user=user, first_name="Тарас", last_name="Шевченко", line1=f"Хрещатик {user.pk}",
            line4="Київ", postcode="01001", country=country, phone_number="+380501234567",
            hash=str(user.pk),
        )
        for user in users
    )  # fmt: skip
    placed = timezone.now() - timedelta(days=100)
    for start in range(0, ORDERS, 5000):
        numbers = range(start, min(start + 5000, ORDERS))
        addresses = get_model("order", "ShippingAddress").objects.bulk_create(
            get_model("order", "ShippingAddress")(
                first_name="Тарас", last_name="Шевченко", line1=f"Хрещатик {number}", line4="Київ",
                postcode="01001", country=country, phone_number="+380501234567",
            )
            for number in numbers
        )  # fmt: skip
        orders = get_model("order", "Order").objects.bulk_create(
            get_model("order", "Order")(
                number=str(100000 + number), user=users[number % len(users)], status="New",
                currency="UAH", total_incl_tax=Decimal("330.00"), total_excl_tax=Decimal("275.00"),
                shipping_incl_tax=Decimal("30.00"), shipping_excl_tax=Decimal("25.00"),
                shipping_method="Nova Poshta", date_placed=placed, shipping_address=address,
            )
            for number, address in zip(numbers, addresses, strict=True)
        )  # fmt: skip
        get_model("order", "Line").objects.bulk_create(
            get_model("order", "Line")(
                order=order, product=products[(number * 7 + part) % len(products)],
                title="A thing of beauty", quantity=1, partner_sku=f"sku{part}", upc=f"upc{part}",
                line_price_incl_tax=Decimal("100.00"), line_price_excl_tax=Decimal("83.33"),
                line_price_before_discounts_incl_tax=Decimal("100.00"),
                line_price_before_discounts_excl_tax=Decimal("83.33"), status="New",
                num_allocated=0,
            )
            for number, order in zip(numbers, orders, strict=True)
            for part in range(LINES_PER_ORDER)
        )  # fmt: skip


def send_all(connection: Connection, kind: Kind) -> float:
    """Seconds to send every record."""
    started = time.perf_counter()
    cursor, shop = "", registry.shop()
    with closing(registry.destination(connection)) as destination, shop.long_walk():
        while True:
            page = shop.keys(kind, after=cursor, limit=500)
            if page.keys:
                prepared = prepare(connection, destination, shop, kind, page.keys)
                mark_in_flight(connection, kind, prepared)
                settled = partial(settle, connection, kind, rows={}, now=timezone.now())
                deliver(destination, prepared, settled)
            cursor = page.cursor
            if not cursor:
                break
        resolve_all(connection, destination)
    return time.perf_counter() - started


def resolve_all(connection: Connection, destination: Destination) -> None:
    waiting = SyncState.objects.exclude(session="").order_by("session")
    for session in list(waiting.values_list("session", flat=True).distinct()):
        rows = SyncState.objects.filter(session=session).values_list(*Uploading._fields)
        upload = Upload(
            kind=Kind.CONTACT,
            session=session,
            since=timezone.now(),
            records=[Uploading(*row) for row in rows],
        )
        receipts = destination.resolve(
            session, upload.keys, locators={one.key: one.locators for one in upload.records}
        )
        settle_upload(connection, upload, receipts, now=timezone.now())


def reconcile_all(connection: Connection, kind: Kind, count: int) -> float:
    """Seconds to find that nothing has changed."""
    started = time.perf_counter()
    run = new_run(connection, kind)
    run.save()
    with closing(registry.destination(connection)) as destination:
        comparer = Comparer(connection, destination, registry.shop())
        assert Reconciler(run, comparer).work()
    assert run.counts == {"unchanged": count}, run.counts
    return time.perf_counter() - started


@dataclass
class Nights:
    """What became of one kind, in seconds."""

    count: int
    sending: float
    first: float
    other: float

    @property
    def times_faster(self) -> float:
        return self.sending / self.other

    def report(self) -> str:
        rows = {"sending": self.sending, "first night": self.first, "any other": self.other}
        lines = [
            f"  {name:<14} {seconds:7.2f} s  {self.count / seconds:8.0f}/s"
            for name, seconds in rows.items()
        ]
        share = f"  {self.times_faster:.1f} times faster than sending"
        return "\n".join([*lines, f"{share} (first night {self.sending / self.first:.1f})"])


def nights(connection: Connection, kind: Kind, count: int) -> Nights:
    """Send everything, then three nights in which nothing has changed and nothing may go out; all
    of it some times over, since what is done once is done cold. The median of each."""
    rounds = [_sent_and_compared(connection, kind, count) for _ in range(ROUNDS)]
    return Nights(count, *(median(each) for each in zip(*rounds, strict=True)))


def _sent_and_compared(connection: Connection, kind: Kind, count: int) -> tuple[float, ...]:
    """Seconds of sending, of the first night, and of another one beside which they are held."""
    SyncState.objects.filter(kind=kind.value).delete()  # as if nothing had been sent yet
    sending = send_all(connection, kind)
    assert SyncState.objects.filter(kind=kind.value).exclude(digest="").count() == count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HttpClient, "send", no_request)
        first = reconcile_all(connection, kind, count)
        other = min(reconcile_all(connection, kind, count) for _ in range(2))
    assert not OutboxMessage.objects.exists()
    return sending, first, other


def no_request(*_args, **_kwargs):
    raise AssertionError("a reconciliation sends nothing")


def plain_limit() -> float:
    """Seconds to read the orders, their lines and the delivered states, and hash each order."""
    started = time.perf_counter()
    orders, lines = get_model("order", "Order"), get_model("order", "Line")
    pks = list(orders._base_manager.order_by("pk").values_list("pk", flat=True))
    for chunk in chunks(pks, CHUNK):
        heads = orders._base_manager.filter(pk__in=chunk).values_list()
        parts: dict[int, list[object]] = {pk: [] for pk in chunk}
        for row in lines._base_manager.filter(order_id__in=chunk).values_list(
            "order_id", "product_id", "quantity", "line_price_incl_tax", "title"
        ):
            parts[row[0]].append(row)
        numbers = []
        for head in heads:
            numbers.append(head[1])
            blake2b(repr((head, parts[head[0]])).encode()).hexdigest()
        list(SyncState.objects.filter(key__in=numbers).values_list("key", "digest", "etag"))
    return time.perf_counter() - started


def test_an_unchanged_shop_costs_no_request_and_a_part_of_sending(connection, results):
    contacts = nights(connection, Kind.CONTACT, get_user_model().objects.count())
    orders = nights(connection, Kind.ORDER, ORDERS)
    limit = plain_limit()
    print(  # noqa: T201  the numbers are what a benchmark is for
        f"\n{contacts.count} customers with an address, {ORDERS // contacts.count} orders each\n"
        f"{contacts.report()}\n"
        f"{ORDERS} orders, {LINES_PER_ORDER} lines each\n{orders.report()}, "
        f"{limit / orders.other:.0%} of the plain limit's speed"
    )
    for name, found in (("orders", orders), ("contacts", contacts)):
        benchmark = f"night over unchanged {name}, times faster than sending"
        results.add(benchmark, found.times_faster, size=found.count)
