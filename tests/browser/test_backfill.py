"""A merchant imports history from the admin, while a real worker does the work."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.utils import timezone, translation
from django.utils.translation import gettext
from oscar.core.loading import get_model
from playwright.sync_api import Page, expect

from esputnik_connector.models import Backfill, Connection, OutboxMessage
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.live.conftest import database_url
from tests.live.parts import Worker

PAST = "/api/v3/past_events"
ORDERS, PAGE = 2000, 500


@pytest.fixture
def connection(fake: FakeEsputnik, transactional_db: None, settings: Any) -> Connection:
    """A shop with customers and orders that were there before."""
    publisher.begin_anew()
    named_by_address = {**settings.ESPUTNIK_CONNECTOR, "ENVIRONMENT": ""}  # as the worker is
    settings.ESPUTNIK_CONNECTOR = named_by_address
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"buyer{n}", email=f"buyer{n}@example.com", password="!")
        for n in range(100)
    )
    order = get_model("order", "Order")
    order.objects.bulk_create(
        order(
            number=str(100_000 + n), currency="UAH", status="New", user=users[n % 100],
            total_incl_tax=Decimal(10), total_excl_tax=Decimal(10), shipping_incl_tax=0,
            shipping_excl_tax=0, date_placed=timezone.now(),
        )
        for n in range(ORDERS)
    )  # fmt: skip
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed"
    )
    connection.accept_key("Kobzar", "1")
    connection.bind()
    OutboxMessage.objects.all().delete()
    return connection


@pytest.fixture
def worker(connection: Connection, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(
        database_url=database_url(), broker_url=project_settings.REDIS_URL,
        log=tmp_path / "worker.log",
    )  # fmt: skip
    yield worker
    worker.kill()


def uk(text: str) -> str:
    """What a Ukrainian merchant reads for this text."""
    with translation.override("uk"):
        return gettext(text)


def count(page: Page, row: str) -> int:
    text = page.locator(f"[data-row={row}] [data-part=count]").inner_text()
    return int("".join(filter(str.isdigit, text)))


def fits(page: Page) -> bool:
    """At the width of a phone, without scrolling sideways."""
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.set_viewport_size(size)
    return bool(wide <= 0)


def test_a_merchant_imports_orders_quietly_and_watches(
    connection, worker, merchant, live_server, fake
):
    page = merchant
    page.goto(f"{live_server.url}/admin/esputnik_connector/connection/{connection.pk}/change/")
    page.get_by_role("link", name="Historical import", exact=True).click()
    expect(page.get_by_text("no workflow starts: try a single day first")).to_be_visible()
    assert fits(page)
    page.get_by_label("Orders only").check()
    page.get_by_role("button", name="See what would be sent").click()
    expect(page.get_by_text("Choose how orders shall travel.")).to_be_visible()
    page.get_by_label("Quiet").check()
    page.get_by_role("button", name="See what would be sent").click()
    expect(page.get_by_role("row", name="in the range")).to_contain_text("2,000")
    assert fits(page)
    assert not Backfill.objects.exists()

    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Orders: running")).to_be_visible()
    expect(page.get_by_text("No worker has been seen yet.")).to_be_visible()
    fake.script(Fault("delay", path=PAST, seconds=2.5, times=None))
    worker.start()
    page.evaluate("window.isTheSamePage = true")
    page.wait_for_function(
        "document.querySelector('[data-row=delivered] [data-part=count]').textContent !== '0'",
        timeout=60_000,
    )
    expect(page.locator("[data-part=pace]")).to_contain_text("a second, about", timeout=20_000)
    expect(page.get_by_text("No worker has been seen yet.")).not_to_be_visible()
    assert page.evaluate("window.isTheSamePage")  # the numbers moved by themselves
    assert 0 < count(page, "delivered") < ORDERS
    assert fits(page)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Orders: paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="Orders: finished")).to_be_visible(timeout=60_000)
    assert (count(page, "delivered"), count(page, "left")) == (ORDERS, 0)
    assert page.get_by_role("button", name="Start again").is_visible()
    assert len(fake.orders) == ORDERS
    assert not any(event["starts_workflow"] for event in fake.events())


def test_it_pauses_and_resumes_in_ukrainian(connection, worker, merchant, live_server, fake):
    page = merchant
    page.set_extra_http_headers({"Accept-Language": "uk"})
    page.goto(f"{live_server.url}/admin/esputnik_connector/backfill/of/{connection.pk}/new/")
    assert page.locator("html").get_attribute("lang") == "uk"
    page.get_by_label(uk("Orders only")).check()
    page.get_by_role("button", name=uk("See what would be sent")).click()
    page.locator("input[value=past_events]").check()
    page.get_by_role("button", name=uk("See what would be sent")).click()
    page.get_by_role("button", name=uk("Start the import")).click()
    fake.script(Fault("delay", path=PAST, seconds=2.5, times=None))
    worker.start()
    page.wait_for_function(
        "document.querySelector('[data-row=delivered] [data-part=count]').textContent !== '0'",
        timeout=60_000,
    )
    page.get_by_role("button", name=uk("Pause"), exact=True).click()
    expect(page.get_by_role("button", name=uk("Resume"), exact=True)).to_be_visible()
    assert Backfill.objects.get().state == "paused"
    page.get_by_role("button", name=uk("Resume"), exact=True).click()
    expect(page.get_by_role("button", name=uk("Start again"))).to_be_visible(timeout=60_000)
    assert (count(page, "delivered"), count(page, "left")) == (ORDERS, 0)
    assert len(fake.orders) == ORDERS


def test_what_was_refused_leads_to_the_list_of_set_aside_changes(
    connection, worker, merchant, live_server, fake
):
    bad = Fault("refuse", path="/api/v1/orders", ids=["100007"], text="bad date", times=None)
    fake.script(bad)
    worker.start()
    page = merchant
    page.goto(f"{live_server.url}/admin/esputnik_connector/backfill/of/{connection.pk}/new/")
    page.get_by_label("Orders only").check()
    page.get_by_label("Loud").check()
    page.get_by_role("button", name="See what would be sent").click()
    expect(page.locator(".errornote").first).to_contain_text("the next campaign may reach them")
    expect(page.locator(".errornote").last).to_contain_text("starts for every old order")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", name="Orders: finished")).to_be_visible(timeout=60_000)
    assert (count(page, "delivered"), count(page, "refused")) == (ORDERS - 1, 1)
    page.locator("[data-row=refused] a").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("100007")
    expect(page.locator("#result_list")).to_contain_text("bad date")
