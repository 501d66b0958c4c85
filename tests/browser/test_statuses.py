"""The merchant maps statuses and fields in Ukrainian: what becomes of the orders, two editors."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from oscar.test import factories
from playwright.sync_api import Page, expect

from esputnik_connector import api
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.connection import status_orders
from esputnik_connector.records import Kind
from tests.browser.walk import TELEPHONE, cut_off, in_ukrainian, opened, too_wide, work

SAVE = "input[name=save]"


@pytest.fixture
def main(transactional_db: None, fake: Any, settings: Any) -> Connection:
    """Three paid orders arrived as received; a shipped one was held back."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    status_orders._last.clear()
    main = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed",
        created_at=timezone.now() - timedelta(days=2),
    )  # fmt: skip
    api.verify(main)
    main.bind()
    main.status_mappings.create(shop_status="Paid", status="INITIALIZED")
    main.status_mappings.create(shop_status="Shipped", status="DO_NOT_SEND")
    country = factories.CountryFactory(iso_3166_1_a2="UA", printable_name="Україна")
    olena = factories.UserFactory(username="olena", email="olena@example.com", first_name="Олена")
    for number, status in (("1", "Paid"), ("2", "Paid"), ("3", "Paid"), ("4", "Shipped")):
        order = factories.OrderFactory(
            user=olena, number=f"10000{number}", status=status, currency="UAH",
            total_incl_tax=Decimal(20), total_excl_tax=Decimal(20),
            date_placed=timezone.now() - timedelta(days=1),
            shipping_address=factories.ShippingAddressFactory(country=country),
        )  # fmt: skip
        factories.OrderLineFactory(order=order, product=factories.ProductFactory())
        order.save()
    work()
    assert told(fake) == dict.fromkeys(["100001", "100002", "100003"], "INITIALIZED")
    return main


@pytest.fixture
def page(merchant: Page, live_server: Any) -> Page:
    return in_ukrainian(merchant, live_server)


def told(fake: Any) -> dict[str, str]:
    return {key: one["body"]["status"] for key, one in fake.orders.items()}


def saved(page: Page) -> None:
    with page.expect_navigation():
        page.click(SAVE)


def choose(page: Page, **words: str) -> None:
    for status, word in words.items():
        page.select_option(f"tr[data-status={status}] select", word)


def starts(fake: Any) -> int:
    """Requests with orders: each starts their events."""
    return sum(one.method == "POST" and one.path.endswith("/orders") for one in fake.log)


def test_orders_go_again_when_the_merchant_says_so(page, live_server, main, fake):
    opened(page, live_server, "statuses")
    row = page.locator("tr[data-status=Paid]")
    expect(row.locator(".esputnik-number")).to_have_text("3")
    expect(page.locator("tr.is-unmapped").first).to_be_visible()
    expect(page.locator(".esputnik-statuses tbody tr").first).to_have_class(
        "esputnik-is-warning is-unmapped"
    )

    choose(page, Paid="DELIVERED", Shipped="IN_PROGRESS")
    saved(page)

    expect(page.locator("#esputnik-question")).to_contain_text("orderDELIVERED")
    expect(page.locator("#esputnik-question")).to_contain_text("orderIN_PROGRESS")
    expect(page.locator("button[value=again]")).to_contain_text("4")
    assert main.status_mappings.get(shop_status="Paid").status == "INITIALIZED"
    before = starts(fake)
    with page.expect_navigation():
        page.click("button[value=again]")
    expect(page.locator(".messagelist .success")).to_contain_text("4")
    work()

    assert starts(fake) > before
    assert told(fake) == {
        **dict.fromkeys(["100001", "100002", "100003"], "DELIVERED"),
        "100004": "IN_PROGRESS",
    }
    expect(page.locator("tr[data-status=Paid] select")).to_have_value("DELIVERED")


def test_for_new_changes_only_holds_against_the_night(page, live_server, main, fake):
    opened(page, live_server, "statuses")
    choose(page, Paid="DELIVERED", Shipped="IN_PROGRESS")
    saved(page)
    before = starts(fake)
    with page.expect_navigation():
        page.click("button[value=new]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    work()
    for _night in range(2):
        api.reconcile(main, Kind.ORDER)
        assert not OutboxMessage.objects.exists()
        work()

    assert starts(fake) == before
    assert told(fake) == dict.fromkeys(["100001", "100002", "100003"], "INITIALIZED")
    order = factories.OrderFactory._meta.model.objects.get(number="100001")
    order.total_incl_tax = Decimal(30)
    order.save()
    work()
    assert told(fake)["100001"] == "DELIVERED"


def test_the_merchant_may_think_again(page, live_server, main):
    opened(page, live_server, "statuses")
    choose(page, Paid="DELIVERED")
    saved(page)
    with page.expect_navigation():
        page.click("a.cancel-link")
    expect(page.locator("tr[data-status=Paid] select")).to_have_value("INITIALIZED")
    assert not OutboxMessage.objects.exists()


def test_proposals_are_looked_at_before_they_are_saved(page, live_server, main):
    opened(page, live_server, "statuses")
    page.click("#esputnik-propose")
    expect(page.locator("tr[data-status=Cancelled] select")).to_have_value("CANCELLED")
    assert main.status_mappings.count() == 2
    saved(page)
    assert main.status_mappings.get(shop_status="Cancelled").status == "CANCELLED"
    expect(page.locator("tr.is-unmapped")).to_have_count(0)


def test_the_second_editor_of_statuses_is_told_and_undoes_nothing(page, live_server, main):
    opened(page, live_server, "statuses")
    other = in_ukrainian(page.context.new_page(), live_server)
    opened(other, live_server, "statuses")
    choose(other, Cancelled="CANCELLED")
    saved(other)

    choose(page, Cancelled="DO_NOT_SEND")
    saved(page)

    expect(page.locator(".messagelist .error")).to_be_visible()
    assert main.status_mappings.get(shop_status="Cancelled").status == "CANCELLED"
    saved(page)  # and pressing it once more does not help
    expect(page.locator(".messagelist .error")).to_be_visible()
    assert main.status_mappings.get(shop_status="Cancelled").status == "CANCELLED"


def test_the_second_editor_of_fields_is_told_and_undoes_nothing(page, live_server, main):
    opened(page, live_server, "fields")
    with page.expect_navigation():
        page.click("button[name=fetch]")
    other = in_ukrainian(page.context.new_page(), live_server)
    opened(other, live_server, "fields")
    for editor, attribute, field in (
        (other, "date_joined", "10001"),
        (page, "first_name", "10003"),
    ):
        editor.select_option("[name=field_mappings-0-attribute]", attribute)
        editor.select_option("[name=field_mappings-0-field_id]", field)
        saved(editor)

    expect(other.locator(".messagelist .success")).to_be_visible()
    expect(page.locator(".messagelist .error")).to_be_visible()
    assert [str(one) for one in main.field_mappings.all()] == ["date_joined → 10001"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone(page, live_server, main, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(TELEPHONE)
    for view, parts in (("connection_change", [main.pk]), ("fields", []), ("statuses", [])):
        opened(page, live_server, view, *parts)
        assert too_wide(page) <= 0, f"{view} is {too_wide(page)} pixels too wide"
        assert cut_off(page) == [], view
    choose(page, Paid="DELIVERED")
    saved(page)
    expect(page.locator("#esputnik-question")).to_be_visible()
    assert too_wide(page) <= 0, f"the question is {too_wide(page)} pixels too wide"
    assert cut_off(page) == []
