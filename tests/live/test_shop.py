"""The shopper notices nothing: real pages of the shop over HTTP, while other parts are away."""

from __future__ import annotations

import time

import pytest
from django.conf import settings as project_settings
from oscar.test.factories import CountryFactory, create_product

from esputnik_connector.models import OutboxMessage
from sandbox_project.celery import app as celery_app
from sandbox_project.shopper import Recipient, Shopper
from tests.live.parts import SocketWatch, point_to

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's own pages
]

GUEST = Recipient(first_name="Ivan", last_name="Franko", phone="+380501112233")
IMPATIENCE = 2.0  # seconds; far above what a page takes, far below any broker's own time-out


@pytest.fixture
def product(db):
    for code, name in (("UA", "Ukraine"), ("PL", "Poland")):
        CountryFactory(iso_3166_1_a2=code, printable_name=name, name=name, is_shipping_country=True)
    return create_product(title="Kobzar", price=250, num_in_stock=50)


@pytest.fixture
def broker(broker_line):
    """Our line to the broker, with the web process on it."""
    point_to(celery_app, broker_line.url)
    yield broker_line
    point_to(celery_app, project_settings.REDIS_URL)


def journey(live_server, product, name: str) -> tuple[str, str]:
    """Register, say a name, fill the basket, change it, check out; the same as a guest."""
    shopper = Shopper(live_server.url, email=f"{name}@example.com", password="Sonechko-2026")
    shopper.register()
    shopper.rename(first_name="Olena", last_name="Pchilka")
    shopper.add_to_basket(product.get_absolute_url().lstrip("/").removeprefix("en/"))
    shopper.set_quantity(0, 3)
    first = shopper.check_out(delivery="collect", recipient=GUEST)
    guest = Shopper(live_server.url, email=f"guest-of-{name}@example.com", password="")
    guest.add_to_basket(product.get_absolute_url().lstrip("/").removeprefix("en/"))
    return first, guest.check_out(delivery="collect", recipient=GUEST)


def arrived(fake, *numbers: str) -> bool:
    return set(numbers) <= set(fake.orders) and not OutboxMessage.objects.exists()


def test_no_request_opens_a_socket_but_to_the_database_and_the_broker(
    live, fake, live_server, product, broker
):
    with SocketWatch() as watch:
        journey(live_server, product, "watched")
    allowed = {("127.0.0.1", broker.port), broker.target}  # our line, and the line's far end
    assert [address for address in watch.addresses if address not in allowed] == []
    assert allowed & set(watch.addresses)
    assert fake.log == []
    assert OutboxMessage.objects.exists()


def test_esputnik_is_away_during_the_whole_checkout(live, fake, live_server, product, worker):
    fake.stop()
    numbers = journey(live_server, product, "unreachable")
    worker.start()
    time.sleep(6)  # the worker finds nobody there and pauses its lanes
    assert OutboxMessage.objects.filter(is_dead=False, attempts=0).exists()
    fake.start()
    fake.wait_for(lambda: arrived(fake, *numbers), timeout=60)
    assert fake.orders[numbers[0]]["body"]["items"][0]["quantity"] == 3
    assert fake.violations == []


@pytest.mark.parametrize("how", ["cut", "black_hole"])
def test_the_broker_is_away_during_the_whole_checkout(
    live, fake, live_server, product, broker, worker, how
):
    getattr(broker, how)()
    started = time.monotonic()
    numbers = journey(live_server, product, how)
    elapsed = time.monotonic() - started

    point_to(celery_app, project_settings.REDIS_URL)
    started = time.monotonic()
    others = journey(live_server, product, f"after-{how}")
    undisturbed = time.monotonic() - started
    assert elapsed - undisturbed < IMPATIENCE

    worker.start()  # the broker is back: a sweep finds what nobody woke a relay for
    fake.wait_for(lambda: arrived(fake, *numbers, *others), timeout=60)
    assert fake.violations == []
