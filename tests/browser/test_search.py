"""Support answers for an order in Ukrainian, and repairs what was refused, in a real browser."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone, translation
from django.utils.translation import gettext
from oscar.test import factories
from playwright.sync_api import expect

from esputnik_connector.models import Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.delivery.relay import Relay

SEARCH = "/admin/esputnik_connector/search/"
PROBLEMS = "/admin/esputnik_connector/problems/"


def uk(text: str) -> str:
    """What a Ukrainian merchant reads for this text."""
    with translation.override("uk"):
        return gettext(text)


@pytest.fixture
def main(fake, settings, transactional_db) -> Connection:
    settings.LANGUAGE_CODE = "uk"
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    made = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, consent_policy="confirmed"
    )
    made.status_mappings.create(shop_status="Cancelled", status="CANCELLED")
    return made


@pytest.fixture
def shop(main) -> None:
    """A customer with an order, and a guest with another."""
    country = factories.CountryFactory(iso_3166_1_a2="UA", printable_name="Україна")
    olena = factories.UserFactory(
        username="olena", email="olena@example.com", first_name="Олена", last_name="Шевченко"
    )
    factories.UserAddressFactory(user=olena, country=country, phone_number="+380501234567")
    for number, user in (("100002", olena), ("100003", None)):
        order = factories.OrderFactory(
            user=user, number=number, status="Cancelled", currency="UAH",
            guest_email="" if user else "taras@example.com",
            total_incl_tax=Decimal(20), total_excl_tax=Decimal(20),
            shipping_address=factories.ShippingAddressFactory(
                country=country, first_name="Тарас", last_name="Мельник",
                phone_number="+380671112233",
            ),
        )  # fmt: skip
        factories.OrderLineFactory(order=order, product=factories.ProductFactory())
        order.save()


def relay() -> None:
    for _round in range(3):
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        Relay(Connection.objects.get()).run()


@pytest.fixture
def page(merchant, live_server):
    """The merchant's browser speaks Ukrainian."""
    merchant.set_extra_http_headers({"Accept-Language": "uk"})
    return merchant


def look_for(page, live_server, what: str) -> None:
    page.goto(f"{live_server.url}{SEARCH}")
    page.fill("#esputnik-what", what)
    with page.expect_navigation():
        page.press("#esputnik-what", "Enter")


def beside(page):
    """Another page of the same browser: scripts of Oscar's dashboard have mistakes of their own."""
    return page.context.new_page()


def overflow(page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize(
    ("what", "title"),
    [
        ("100002", "100002"),
        ("№ 100002", "100002"),
        ("olena@example.com", "Олена Шевченко"),
        ("050 123 45 67", "Олена Шевченко"),
        ("шевченко олена", "Олена Шевченко"),
        ("+38 067 111 22 33", "100003"),
    ],
)
def test_whatever_support_hears_leads_to_one_answer(page, live_server, shop, what, title):
    relay()
    look_for(page, live_server, what)
    expect(page.locator("h1").last).to_contain_text(title)
    expect(page.locator(".esputnik-answer")).to_be_visible()
    expect(page.locator(".esputnik-steps li").first).to_be_visible()
    assert "@" not in page.url


def test_several_people_are_a_list_and_nobody_is_said_so(page, live_server, shop):
    factories.UserFactory(username="o2", email="o2@x.com", first_name="Олена", last_name="Бойко")
    look_for(page, live_server, "олена")
    expect(page.locator(".esputnik-matches a")).to_have_count(2)
    page.click("text=Олена Бойко")
    expect(page.locator("h1").last).to_contain_text("Олена Бойко")
    look_for(page, live_server, "%")
    expect(page.get_by_text(uk("Nothing was found"))).to_be_visible()


def test_the_answer_stands_on_the_shops_own_pages(page, live_server, shop):
    relay()
    order = SyncState.objects.get(kind="order", key="100002")
    assert order.status == "CANCELLED"
    page.goto(f"{live_server.url}/admin/order/order/")
    page.click("#result_list >> text=100002")
    panel = page.locator(".esputnik-panel")
    expect(panel).to_contain_text("CANCELLED")
    panel.locator("summary").click()
    expect(panel.locator(".esputnik-steps li").first).to_be_visible()
    dashboard = beside(page)
    dashboard.goto(f"{live_server.url}/uk/dashboard/orders/100002/")
    expect(dashboard.locator(".esputnik-panel")).to_contain_text("CANCELLED")
    dashboard.click(".esputnik-panel a")
    assert dashboard.url.endswith("/search/order/100002/")


def test_a_failure_is_grouped_repaired_and_tried_again(page, live_server, shop, main, fake):
    main.status_mappings.update(status="NONSENSE")
    relay()
    assert fake.take_violations()  # a status that eSputnik does not have
    assert OutboxMessage.objects.dead().count() == 2

    page.goto(f"{live_server.url}{PROBLEMS}")
    expect(page.locator(".esputnik-cause")).to_have_count(1)
    expect(page.locator(".esputnik-cause")).to_contain_text("100002")
    expect(page.locator(".esputnik-menu")).to_contain_text("(2)")

    page.click(".esputnik-cause p a")  # the statuses, where it is mapped
    page.select_option("tr[data-status=Cancelled] select", "CANCELLED")
    with page.expect_navigation():
        page.click("#esputnik-statuses input[name=save]")

    page.goto(f"{live_server.url}{PROBLEMS}")
    with page.expect_navigation():
        page.locator(".esputnik-cause button[name=cause]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    relay()
    assert set(fake.orders) == {"100002", "100003"}
    page.reload()
    expect(page.locator(".esputnik-cause")).to_have_count(0)


def test_an_erasure_is_typed_and_done(page, live_server, shop, fake):
    relay()
    look_for(page, live_server, "olena@example.com")
    with page.expect_navigation():
        page.click("button.esputnik-destroy")
    page.fill("#esputnik-typed", "olena@example.com")
    with page.expect_navigation():
        page.click("button.esputnik-destroy")
    expect(page.locator(".messagelist .success")).to_be_visible()
    relay()
    assert "olena@example.com" not in [
        each.get("email") for each in fake.all_contacts if each.get("email")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone(page, live_server, shop, main, fake, scheme):
    main.status_mappings.update(status="NONSENSE")
    relay()
    assert fake.take_violations()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    for path in (SEARCH, f"{SEARCH}order/100002/", PROBLEMS):
        page.goto(f"{live_server.url}{path}")
        assert overflow(page) <= 0, f"{path} is {overflow(page)} pixels too wide"
    dashboard = beside(page)
    dashboard.set_viewport_size({"width": 390, "height": 800})
    dashboard.goto(f"{live_server.url}/uk/dashboard/orders/100002/")
    box = dashboard.locator(".esputnik-panel").bounding_box()
    assert box is not None
    assert box["width"] <= 390
