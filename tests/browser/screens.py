"""Pictures of the merchant's screens for the pages, in both languages: ``make screenshots``.

Not part of the suite. A shop with a month behind it is sent to the fake eSputnik by the real relay,
then each screen is opened in Chromium and kept under ``docs/images/screens/<language>/``.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories
from PIL import Image
from playwright.sync_api import Page

from esputnik_connector import api
from esputnik_connector.models import Connection, Feed, Heartbeat, OutboxMessage, SyncState
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind

TARGET = Path(__file__).parents[2] / "docs" / "images" / "screens"
DESK, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
HIGHEST = 1700  # pixels; what stands below is not worth a picture
PEOPLE = (
    ("olena", "Олена", "Шевченко", "+380501234567"),
    ("taras", "Тарас", "Мельник", "+380671112233"),
    ("iryna", "Ірина", "Бондаренко", "+380931234567"),
    ("andrii", "Андрій", "Коваленко", "+380661234567"),
)
GOODS = (
    "Чайник емальований",
    "Кавоварка гейзерна",
    "Рушник лляний",
    "Свічка соєва",
    "Плед вовняний",
)


@pytest.fixture
def shop(transactional_db: None, fake: Any, settings: Any) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    for task in ("sweep", "prune", "reconcile"):
        Heartbeat.beat(task)
    country = factories.CountryFactory(iso_3166_1_a2="UA", printable_name="Україна")
    products = [factories.create_product(title=title, price=Decimal(480)) for title in GOODS]
    get_model("partner", "StockRecord").objects.update(price_currency="UAH", num_in_stock=7)
    people = [person(*one, country=country) for one in PEOPLE]
    for number in range(24):
        placed(100_001 + number, people[number % 4], products[number % 5], country, hours=number)
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed",
        created_at=timezone.now() - timedelta(days=60),
    )  # fmt: skip
    api.verify(connection)
    connection.bind()
    for mine, theirs in (("Pending", "INITIALIZED"), ("Complete", "DELIVERED")):
        connection.status_mappings.create(shop_status=mine, status=theirs)
    connection.status_mappings.create(shop_status="Returned", status="RETURNED")
    return connection


def person(name: str, first: str, last: str, phone: str, *, country: Any) -> Any:
    user = factories.UserFactory(
        username=name, email=f"{name}@example.com", first_name=first, last_name=last
    )
    factories.UserAddressFactory(user=user, country=country, phone_number=phone)
    return user


def placed(number: int, user: Any, product: Any, country: Any, *, hours: int) -> None:
    order = factories.OrderFactory(
        user=user, number=str(number), currency="UAH",
        status="Returned" if number % 11 == 0 else ("Pending", "Complete")[number % 2],
        total_incl_tax=Decimal(480), total_excl_tax=Decimal(400),
        shipping_incl_tax=Decimal(0), shipping_excl_tax=Decimal(0),
        date_placed=timezone.now() - timedelta(hours=hours),
        shipping_address=factories.ShippingAddressFactory(
            country=country, first_name=user.first_name, last_name=user.last_name
        ),
    )  # fmt: skip
    factories.OrderLineFactory(
        order=order, product=product, quantity=1, title=product.title, partner_sku="sku",
        line_price_incl_tax=Decimal(480), line_price_excl_tax=Decimal(400),
        line_price_before_discounts_incl_tax=Decimal(480),
        line_price_before_discounts_excl_tax=Decimal(400),
        unit_price_incl_tax=Decimal(480), unit_price_excl_tax=Decimal(400),
    )  # fmt: skip


def sent(connection: Connection) -> None:
    """What the shop has, and what is under way, by the ways of the connector itself."""
    run, _is_new = api.start_import(connection, Kind.CONTACT)
    while api.work_at_import(run, seconds=5) is not None:
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
    Order = get_model("order", "Order")
    for order in Order.objects.all():
        order.save()
    for _round in range(4):
        OutboxMessage.objects.unsent().update(due_at=timezone.now())
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        Relay(Connection.objects.get(pk=connection.pk)).run(seconds=10)


@pytest.mark.parametrize("language", ["en", "uk"])
def test_each_screen(
    merchant: Page, live_server: Any, shop: Connection, fake: Any, language: str
) -> None:
    sent(shop)
    assert fake.take_violations()  # the status that eSputnik does not have
    api.reconcile(shop, Kind.ORDER)
    feed = Feed.objects.create(name="main", language="uk", currency="UAH", brand="Kobzar")
    api.build_feed(feed)
    merchant.context.add_cookies(
        [{"name": "django_language", "value": language, "url": live_server.url}]
    )
    merchant.set_extra_http_headers({"Accept-Language": language})
    refused = OutboxMessage.objects.dead().first()
    assert refused is not None
    olena = get_user_model().objects.get(username="olena")
    screens = {
        "index": reverse("admin:index"),
        "overview": page("overview"),
        "order": page("record", "order", refused.key),
        "person": page("record", "contact", str(olena.pk)),
        "problems": page("problems"),
        "import": page("backfill_changelist"),
        "import-new": page("backfill_new", shop.pk),
        "feeds": page("feed_changelist"),
        "feed": page("feed_change", feed.pk),
        "settings": page("connection_change", shop.pk),
        "fields": page("fields") + f"?connection={shop.pk}",
        "storefront": page("storefronts"),
        "panel": reverse("admin:order_order_change", args=[order_pk(refused.key)]),
    }
    for name, address in screens.items():
        merchant.set_viewport_size(DESK)
        kept(merchant, f"{live_server.url}{address}", TARGET / language / f"{name}.png")
    merchant.set_viewport_size(DESK)
    merchant.goto(f"{live_server.url}{page('search')}")
    merchant.fill("#esputnik-what", "Олена")
    merchant.press("#esputnik-what", "Enter")
    merchant.wait_for_load_state("networkidle")
    snap(merchant, TARGET / language / "search.png")
    for name in ("overview", "order", "problems"):
        merchant.set_viewport_size(TELEPHONE)
        address = f"{live_server.url}{screens[name]}"
        kept(merchant, address, TARGET / language / f"{name}-telephone.png")


def page(name: str, *arguments: Any) -> str:
    return reverse(f"admin:esputnik_connector_{name}", args=arguments)


def order_pk(number: str) -> Any:
    return get_model("order", "Order").objects.get(number=number).pk


def kept(page: Page, address: str, path: Path) -> None:
    """One picture of one page, without the admin's own list of tables beside it."""
    answer = page.goto(address, wait_until="networkidle")
    assert answer is not None
    assert answer.ok, address
    page.evaluate("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
    page.reload(wait_until="networkidle")
    snap(page, path)


def snap(page: Page, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(BytesIO(page.screenshot(full_page=True)))
    width = (page.viewport_size or DESK)["width"]
    picture = picture.crop((0, 0, width, min(picture.height, HIGHEST)))
    # In few colours: the pages of the documentation load many.
    picture.convert("RGB").quantize(128).save(path, optimize=True)
