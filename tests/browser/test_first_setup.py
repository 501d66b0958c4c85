"""A merchant who has never seen a terminal connects the shop, in Ukrainian, along the checklist."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from oscar.test import factories
from playwright.sync_api import Page, expect

from esputnik_connector import api
from esputnik_connector.feed.build import Build
from esputnik_connector.fields import reveal
from esputnik_connector.models import Backfill, Connection, Feed, Heartbeat, Storefront, SyncState
from esputnik_connector.operations.connection import status_orders
from esputnik_connector.operations.storefront import steps
from esputnik_connector.operations.storefront.run import work as set_up
from esputnik_connector.operations.storefront.worker_check import Seen
from tests.browser.walk import TELEPHONE, in_ukrainian, opened, too_wide, work

ORDER = ["key", "statuses", "fields", "history", "feed", "storefront", "first_order", "alerts"]


@pytest.fixture
def shop(transactional_db: None, settings: Any, tmp_path: Any, monkeypatch: Any) -> Any:
    """One customer with an order of last month; nobody has heard of eSputnik."""
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0, "SHOP_URL": "https://shop.example",
    }  # fmt: skip
    status_orders._last.clear()
    monkeypatch.setattr(steps, "look", lambda _storefront: Seen(detail="seen"))
    monkeypatch.setattr("esputnik_connector.admin.feed.views.wake_feed", lambda _pk: None)
    for task in ("sweep", "reconcile", "prune"):
        Heartbeat.beat(task)
    olena = factories.UserFactory(username="olena", email="olena@example.com", first_name="Олена")
    placed("100001", olena, "Paid", days=30)
    return olena


def placed(number: str, user: Any, status: str, *, days: int = 0) -> None:
    order = factories.OrderFactory(
        user=user, number=number, status=status, currency="UAH",
        total_incl_tax=Decimal(20), total_excl_tax=Decimal(20),
        date_placed=timezone.now() - timedelta(days=days),
        shipping_address=factories.ShippingAddressFactory(),
    )  # fmt: skip
    product = factories.create_product(price=Decimal(20))
    factories.OrderLineFactory(order=order, product=product, partner_sku="sku")
    order.save()


def done(page: Page, live_server: Any) -> list[str]:
    """The steps of the Overview's checklist that are ticked."""
    opened(page, live_server, "overview")
    ticked = page.locator(".esputnik-steps li.is-done")
    return [each.get_attribute("data-step") or "" for each in ticked.all()]


def follow(page: Page, step: str) -> None:
    """The link of a step leads to where it is done."""
    with page.expect_navigation():
        page.click(f"li[data-step={step}] a")
    assert page.locator("html").get_attribute("lang") == "uk"


def connect(page: Page, live_server: Any, fake: Any) -> None:
    opened(page, live_server, "connection_add")
    page.fill("#id_name", "main")
    page.fill("#id_new_key", f" {fake.key}\n")
    page.select_option("#id_consent_policy", "unconfirmed")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for toggle in page.query_selector_all("fieldset.collapse a.collapse-toggle"):
        toggle.click()  # Django 4.2 hides the section behind a link
    page.fill("#id_api_url", fake.api_url)
    with page.expect_navigation():
        page.click("input[name=_continue]")
    assert page.locator(".errornote").count() == 0


def map_statuses(page: Page) -> None:
    """Whatever the names of the statuses do not say themselves."""
    for row in page.locator("tr.is-unmapped").all():
        row.locator("select").select_option("IN_PROGRESS")
    with page.expect_navigation():
        page.click("input[name=save]")
    expect(page.locator("tr.is-unmapped")).to_have_count(0)


def map_a_field(page: Page) -> None:
    with page.expect_navigation():
        page.click("button[name=fetch]")
    expect(page.locator(".messagelist .success")).to_contain_text("3")
    page.select_option("[name=field_mappings-0-attribute]", "date_joined")
    page.select_option("[name=field_mappings-0-field_id]", "10001")
    with page.expect_navigation():
        page.click("input[name=save]")


def import_history(page: Page) -> None:
    page.check("input[name=what][value=all]")
    page.check("input[name=route][value=past_events]")
    with page.expect_navigation():
        page.click(".submit-row input[type=submit]")
    with page.expect_navigation():
        page.click("form[method=post] .submit-row input[type=submit]")
    for _round in range(6):
        for run in Backfill.objects.open().order_by("pk"):
            api.work_at_import(run, seconds=5)
            SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        work()


def make_a_feed(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/admin/esputnik_connector/feed/add/")
    page.fill("#id_name", "main")
    page.select_option("#id_language", "uk")
    page.fill("#id_currency", "UAH")
    page.click("input[name=_continue]")
    Build(Feed.objects.get()).run()
    page.reload()
    address = page.input_value("#esputnik-feed-url")
    path = "/esputnik/" + address.split("/esputnik/", 1)[1]
    assert page.request.get(live_server.url + path).status == 200  # as eSputnik does


def connect_the_storefront(page: Page, live_server: Any) -> None:
    opened(page, live_server, "storefronts")
    with page.expect_navigation():
        page.locator("form[action*=connect] button[type=submit]").first.click()
    assert set_up(Storefront.objects.get())


def test_from_nothing_to_the_first_live_order(merchant, live_server, shop, fake, settings):
    page = in_ukrainian(merchant, live_server)
    opened(page, live_server, "overview")
    expect(page.locator(".esputnik-steps")).to_have_count(0)

    connect(page, live_server, fake)
    connection = Connection.objects.get()
    assert reveal(connection.api_key) == fake.key
    assert "key" in done(page, live_server)

    opened(page, live_server, "connection_change", connection.pk)
    page.click("li[data-table=statuses] a")
    map_statuses(page)
    assert done(page, live_server) == ["key", "statuses"]

    follow(page, "fields")
    map_a_field(page)
    assert str(connection.field_mappings.get()) == "date_joined → 10001"
    assert done(page, live_server) == ["key", "statuses", "fields"]

    follow(page, "history")
    import_history(page)
    assert [each["email"] for each in fake.all_contacts] == ["olena@example.com"]
    assert done(page, live_server) == ["key", "statuses", "fields", "history"]

    make_a_feed(page, live_server)
    connect_the_storefront(page, live_server)
    assert done(page, live_server) == ORDER[:6]

    placed("100002", shop, "Paid")
    work()
    assert fake.orders["100002"]["body"]["status"] == "IN_PROGRESS"
    assert done(page, live_server) == ORDER[:7]

    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "ALERT_EMAILS": ["owner@example.com"],
    }  # fmt: skip
    assert done(page, live_server) == ORDER
    expect(page.locator("details .esputnik-steps")).to_have_count(1)  # folded: all is done


def test_the_pages_of_the_set_up_fit_a_phone(merchant, live_server, shop, fake):
    page = in_ukrainian(merchant, live_server)
    page.set_viewport_size(TELEPHONE)
    connect(page, live_server, fake)
    pk = Connection.objects.get().pk
    for view, parts in (
        ("overview", []),
        ("connection_add", []),
        ("connection_change", [pk]),
        ("statuses", []),
        ("fields", []),
        ("storefronts", []),
        ("backfill_new", [pk]),
        ("feed_changelist", []),
        ("feed_add", []),
    ):
        opened(page, live_server, view, *parts)
        assert too_wide(page) <= 0, f"{view} is {too_wide(page)} pixels too wide"
