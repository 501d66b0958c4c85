"""Whose forms a visitor meets, and what becomes of the shop's own, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from esputnik_connector.behaviour import ALLOWED_ROUTES, BehaviourType, Route
from esputnik_connector.models import Connection, OutboxMessage, Storefront
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay

CDN = "https://cdn.esputnik.com/scripts/KEY.js"
WIDGET = """var widget = document.createElement('div'); widget.id = 'es-widget';
widget.textContent = 'Subscribe with a widget'; document.body.append(widget);"""


@pytest.fixture
def storefront(live_server: Any, transactional_db: None, settings: Any, fake: Any) -> Storefront:
    settings.ROOT_URLCONF = "tests.browser.form_pages"
    cache.clear()
    capture.forget_connections()
    main = Connection.objects.create(name="main", api_key=fake.key, api_url=fake.api_url)
    return Storefront.objects.create(
        connection=main,
        domain="localhost",
        script=f'<script async src="{CDN}"></script>',
    )


@pytest.fixture
def visitor(page: Page, live_server: Any) -> Page:
    """eSputnik's script, as an account with a widget has it."""
    page.route(f"{CDN}*", lambda route: route.fulfill(body=WIDGET, content_type="text/javascript"))
    return page


def told_without_browser(storefront: Storefront) -> None:
    storefront.routes = {
        each.value: (Route.TRACKER if Route.TRACKER in ALLOWED_ROUTES[each] else Route.OFF).value
        for each in BehaviourType
    }


@pytest.mark.parametrize(
    ("forms", "has_form", "has_widget"),
    [("both", True, True), ("widgets", False, True), ("shop", True, False)],
)
def test_a_visitor_meets_the_forms_that_the_merchant_chose(
    visitor, live_server, storefront, forms, has_form, has_widget
):
    storefront.forms = forms
    told_without_browser(storefront)
    storefront.save()
    visitor.goto(live_server.url, wait_until="networkidle")
    assert visitor.locator("form.esputnik-subscribe").count() == has_form
    assert visitor.locator("#own").count() == has_form
    assert visitor.locator("#es-widget").count() == has_widget


def test_what_needs_the_script_brings_the_widgets_of_the_account(visitor, live_server, storefront):
    """Nothing in the script switches them off: the documentation sends the merchant there."""
    storefront.forms = "shop"
    storefront.save()
    visitor.goto(live_server.url, wait_until="networkidle")
    assert storefront.has_unwanted_widgets
    assert visitor.locator("#es-widget").count() == 1


def test_the_form_of_a_cached_page_stays_on_its_page(visitor, live_server, storefront, fake):
    mistakes: list[str] = []
    visitor.on("pageerror", lambda error: mistakes.append(str(error)))
    for email in ("ada@example.com", "eve@example.com"):
        visitor.goto(f"{live_server.url}/cached", wait_until="networkidle")
        visitor.get_by_label("E-mail").fill(email)
        visitor.get_by_role("button", name="Subscribe").click()
        expect(visitor.get_by_role("status")).to_contain_text("Thank you")
        assert visitor.url == f"{live_server.url}/cached"
    assert mistakes == []
    Relay(storefront.connection).run()
    assert set(fake.addresses) == {"ada@example.com", "eve@example.com"}


def test_a_wrong_address_is_said_to_a_screen_reader(visitor, live_server, storefront):
    visitor.goto(live_server.url, wait_until="networkidle")
    field = visitor.get_by_label("E-mail")
    field.fill("ada@example")  # the browser itself takes it
    visitor.get_by_role("button", name="Subscribe").click()
    expect(visitor.get_by_role("status")).to_have_text("Enter a valid e-mail address.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    described = field.get_attribute("aria-describedby")
    assert visitor.locator(f"#{described}").get_attribute("role") == "status"
    assert not OutboxMessage.objects.exists()


def test_without_javascript_it_thanks_on_a_page_and_leads_back(
    browser: Browser, live_server, storefront
):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/cached")
    page.get_by_label("E-mail").fill("ada@example")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("status")).to_have_text("Enter a valid e-mail address.")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.get_by_role("link", name="Back to the page").click()
    assert page.url == f"{live_server.url}/cached"
    assert OutboxMessage.objects.filter(kind="subscribe").count() == 1
    context.close()


def test_a_page_of_another_site_cannot_send_the_form(visitor, live_server, storefront):
    """The same server under another name is another site to the browser."""
    other = live_server.url.replace("localhost", "127.0.0.1")
    assert other != live_server.url
    visitor.goto(live_server.url, wait_until="networkidle")
    form = visitor.locator("[name=form]").get_attribute("value")
    visitor.route(
        f"{other}/evil",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"""<form method=post action="{live_server.url}/esputnik/subscribe">
            <input name=email value=victim@example.com><input name=form value="{form}">
            <button>Win</button></form>""",
        ),
    )
    visitor.goto(f"{other}/evil")
    visitor.get_by_role("button", name="Win").click()
    expect(visitor.get_by_role("status")).to_contain_text("only be sent from a page of this site")
    assert not OutboxMessage.objects.exists()


def test_a_robot_sees_a_field_that_people_do_not(visitor, live_server, storefront):
    visitor.goto(live_server.url, wait_until="networkidle")
    assert not visitor.locator("[name=website]").is_visible()
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_label("E-mail")).to_be_focused()
