"""A shop with many orders, made in bulk, and an endpoint that answers at once."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.statuses import add_proposed
from tests.servers import free_port, wait_for_port

PRODUCTS, USERS_PER_ORDER, GUESTS = 500, 0.3, 5  # every fifth order is a guest's
CHUNK = 5000

ENDPOINT = """
import asyncio, json, sys
from itertools import count
numbers, uploads = count(1), {}
def answer(head, body):
    if b" /api/v1/orders" in head:
        return b'{"failedOrders": []}'
    if b"past_events" in head:
        events = body.count(b'"eventTypeKey"')
        return (b'{"results": [' + b", ".join([b'{"status": "ACCEPTED"}'] * events)
                + b'], "successCount": %d, "errorCount": 0}' % events)
    if b" /api/v1/importstatus/" in head:
        session = head.split(b"/importstatus/")[1].split(b" ")[0].decode()
        return json.dumps({"status": "FINISHED", "mapping": uploads.pop(session)}).encode()
    if b"POST /api/v1/contacts" in head:
        sent, session = json.loads(body), f"session-{next(numbers)}"
        by = sent["dedupeOn"]
        uploads[session] = [
            {"dedupeValue": one.get(by) or next(each["value"] for each in one["channels"]
                                                if each["type"] == by),
             "contactId": next(numbers)} for one in sent["contacts"]
        ]
        return json.dumps({"asyncSessionId": session}).encode()
    return b"{}"
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\\r\\n")[0]
            body = answer(head, await reader.readexactly(int(length or 0)))
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n"
                         b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), limit=2**24)
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def endpoint() -> Iterator[str]:
    """Its address, in a process of its own: it must not share our interpreter."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", ENDPOINT, str(port)])
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.kill()
        server.wait()


def fill_elsewhere(orders: int) -> None:
    elsewhere(fill, orders)


def elsewhere(fill: Callable[[int], None], number: int) -> None:
    """``fill(number)`` in a child, so that its memory does not hide the growth of ours."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            fill(number)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            connections.close_all()
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def fill(orders: int) -> None:
    """Users, products with a picture and a category, orders with two to four lines."""
    users = _users(int(orders * USERS_PER_ORDER) + 1)
    products = _products()
    country = get_model("address", "Country").objects.create(
        iso_3166_1_a2="UA", printable_name="Ukraine", name="Ukraine"
    )
    source_type = get_model("payment", "SourceType").objects.create(name="Card")
    for start in range(0, orders, CHUNK):
        numbers = range(start, min(start + CHUNK, orders))
        _orders(numbers, users, products, country, source_type)


def fill_customers(count: int) -> None:
    """Users with an address each, as shops have them who have no orders to tell of."""
    users = _users(count)
    country = get_model("address", "Country").objects.create(
        iso_3166_1_a2="UA", printable_name="Ukraine", name="Ukraine"
    )
    book = get_model("address", "UserAddress")
    for start in range(0, count, CHUNK):
        book.objects.bulk_create(
            book(
                user_id=pk, first_name="Олена", last_name=_last_name(number),
                line1=f"вул. Хрещатик, {number}", line4="Київ", postcode="01001",
                country=country, phone_number=_phone(number), hash=str(number),
                is_default_for_shipping=True,
            )
            for number, pk in enumerate(users[start : start + CHUNK], start)
        )  # fmt: skip


def fill_guests(count: int) -> None:
    """Guests with two orders each, and as many users: nobody's e-mail is in both."""
    _users(count)
    order = get_model("order", "Order")
    for start in range(0, 2 * count, CHUNK):
        order.objects.bulk_create(
            order(
                number=str(1_000_000 + number), currency="UAH", status="Delivered",
                total_incl_tax=Decimal(10), total_excl_tax=Decimal(10),
                shipping_incl_tax=Decimal(0), shipping_excl_tax=Decimal(0),
                guest_email=f"Guest{number % count}@example.com", date_placed=timezone.now(),
            )
            for number in range(start, min(start + CHUNK, 2 * count))
        )  # fmt: skip


def _users(count: int) -> list[int]:
    model = get_user_model()
    for start in range(0, count, CHUNK):
        model.objects.bulk_create(
            model(
                username=f"buyer{number}", email=f"buyer{number}@example.com", password="!",
                first_name="Олена", last_name=_last_name(number),
            )
            for number in range(start, min(start + CHUNK, count))
        )  # fmt: skip
    return list(model.objects.order_by("pk").values_list("pk", flat=True))


def _products() -> list[int]:
    product, image = get_model("catalogue", "Product"), get_model("catalogue", "ProductImage")
    kind = get_model("catalogue", "ProductClass").objects.create(name="Things")
    category = get_model("catalogue", "Category")
    _books, shelf = category.objects.bulk_create(  # no signals: Oscar's would walk the tree
        [
            category(name="Книги", slug="books", path="0001", depth=1, numchild=1),
            category(name="Поезія", slug="poems", path="00010001", depth=2),
        ]
    )
    product.objects.bulk_create(
        product(title=f"Кобзар, видання {number}", slug=f"kobzar-{number}", product_class=kind)
        for number in range(PRODUCTS)
    )
    pks = list(product.objects.order_by("pk").values_list("pk", flat=True))
    image.objects.bulk_create(image(product_id=pk, original=f"images/{pk}.jpg") for pk in pks)
    through = product.categories.through
    through.objects.bulk_create(through(product_id=pk, category_id=shelf.pk) for pk in pks)
    return pks


def _orders(numbers, users, products, country, source_type) -> None:
    order, line = get_model("order", "Order"), get_model("order", "Line")
    address, source = get_model("order", "ShippingAddress"), get_model("payment", "Source")
    addresses = address.objects.bulk_create(
        address(
            first_name="Олена", last_name=_last_name(number), line1=f"вул. Хрещатик, {number}",
            line4="Київ", postcode="01001", country=country, phone_number=_phone(number),
        )
        for number in numbers
    )  # fmt: skip
    placed = timezone.now() - timedelta(days=1000)
    orders = order.objects.bulk_create(
        order(
            number=str(1_000_000 + number), currency="UAH", status="Delivered",
            total_incl_tax=_total(number), total_excl_tax=_total(number) - 50,
            shipping_incl_tax=Decimal(30), shipping_excl_tax=Decimal(25),
            shipping_method="Нова пошта", shipping_address=shipping,
            user_id=None if number % GUESTS == 0 else users[number % len(users)],
            guest_email=f"guest{number}@example.com" if number % GUESTS == 0 else "",
            date_placed=placed + timedelta(minutes=number),
        )
        for number, shipping in zip(numbers, addresses, strict=True)
    )  # fmt: skip
    line.objects.bulk_create(
        line(
            order=one, product_id=products[(number + place) % PRODUCTS], title="Кобзар",
            partner_sku=f"sku-{number}", quantity=1 + place, upc="",
            line_price_incl_tax=Decimal(100), line_price_excl_tax=Decimal("83.33"),
            line_price_before_discounts_incl_tax=Decimal(100),
            line_price_before_discounts_excl_tax=Decimal("83.33"), num_allocated=0,
        )
        for number, one in zip(numbers, orders, strict=True)
        for place in range(_lines(number))
    )  # fmt: skip
    source.objects.bulk_create(
        source(order=one, source_type=source_type, currency="UAH") for one in orders
    )


def _last_name(number: int) -> str:
    """Of letters alone, as names are: one with digits would be mended, and its mending noted."""
    letters = "абвгдежзик"
    return "Коваль" + "".join(letters[int(digit)] for digit in str(number))


def _lines(number: int) -> int:
    return 2 + number % 3


def _total(number: int) -> Decimal:
    """What the lines and the delivery add up to."""
    return Decimal(100) * _lines(number) + 30


def _phone(number: int) -> str:
    return f"+38050{1_000_000 + number % 9_000_000}"


def resident_memory() -> float:
    """Of this process now, in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def connected(address: str, settings: Any) -> Connection:
    """The shop's connection to that address, with no pace to keep; nobody is woken."""
    destination = dict(project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"])
    settings.ESPUTNIK_CONNECTOR = {
        **project_settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {**destination, "OPTIONS": {"rate": "100000/second"}}},
        "WAKE": "",
    }
    settings.DEBUG = False
    made = Connection.objects.create(
        name="main", api_url=address, api_key="a key of some length", consent_policy="confirmed"
    )
    add_proposed(made, project_settings.OSCAR_ORDER_STATUS_PIPELINE)
    made.bind()
    return made
