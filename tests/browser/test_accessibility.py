"""Every page of ours keeps WCAG 2 at A and AA, as far as axe-core can tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    FeedBuild,
    FeedProblem,
    Heartbeat,
    Lane,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.models.storefront import StepState

from .accessible import DJANGOS, Rule, ours, violations
from .month import Month, a_month, page

Open = Callable[[str], Page]


@pytest.fixture
def month(transactional_db: None, fake: Any, settings: Any) -> Month:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    return a_month(fake)


@pytest.fixture
def opened(merchant: Page, live_server: Any) -> Open:
    """Goes to an address, in Ukrainian."""
    merchant.context.add_cookies(
        [{"name": "django_language", "value": "uk", "url": live_server.url}]
    )

    def go(address: str) -> Page:
        answer = merchant.goto(f"{live_server.url}{address}")
        assert answer is not None
        assert answer.ok, address
        return merchant

    return go


@pytest.fixture(scope="module")
def known() -> set[Rule]:
    """Of one run of this file."""
    return set()


@pytest.fixture
def excused(opened: Open, month: Month, known: set[Rule]) -> set[Rule]:
    """What pages of Django's own break, where they have the same parts."""
    if not known:
        known.add(("", ""))  # it was looked for
        for address in (
            f"{reverse('admin:auth_user_changelist')}?q=olena",
            reverse("admin:order_order_change", args=[month.order_pk]),  # it has rows in a table
        ):
            known |= {one.rule for one in violations(opened(address)) if one.rule[1] in DJANGOS}
    return known


def assert_accessible(merchant: Page, opened: Open, pages: dict[str, str], excused: Any) -> None:
    told = ours(merchant, opened, pages, excused)
    assert told == [], "\n".join(told)


def change(model: type[Any]) -> str:
    row = model.objects.first()
    assert row is not None, model
    return page(f"{model.__name__.lower()}_change", row.pk)


def test_what_the_merchant_reads_each_morning(merchant, opened, month, excused):
    Heartbeat.objects.filter(name="sweep").update(beaten_at=timezone.now() - timedelta(hours=3))
    mine = month.connection.pk
    addresses = {
        "index": f"{reverse('admin:app_list', args=['esputnik_connector'])}",
        "overview": page("overview"),
        "overview by days": f"{page('overview')}?chart=days",
        "orders": page("orders", mine, "week", "taken"),
        "order": page("record", "order", month.refused),
        "person": page("record", "contact", str(month.olena.pk)),
        "nobody": page("record", "order", "no-such-order"),
        "erase": page("erase", str(month.olena.pk)),
        "search": page("search"),
        "problems": page("problems"),
    }
    assert_accessible(merchant, opened, addresses, excused)


def test_the_import(merchant, opened, month, excused):
    mine = month.connection.pk
    Backfill.objects.create(
        connection=month.connection, kind="order", state="paused", total=10,
        detail="9 of 10 were refused.",
    )  # fmt: skip
    addresses = {
        "imports": page("backfill_changelist"),
        "runs": page("backfill_page", mine),
        "new": page("backfill_new", mine),
        "mistaken": f"{page('backfill_new', mine)}?what=orders&until=never",
        "forecast": f"{page('backfill_new', mine)}?what=contacts&route=orders&consent=confirmed",
    }
    assert_accessible(merchant, opened, addresses, excused)


def test_the_feeds(merchant, opened, month, excused):
    FeedBuild.objects.create(
        feed=month.feed, status=BuildStatus.HELD, detail="It shrank.", item_count=2
    )
    addresses = {
        "feeds": page("feed_changelist"),
        "feed": page("feed_change", month.feed.pk),
        "a new one": page("feed_add"),
        "another address": page("feed_rotate", month.feed.pk),
        "delete": page("feed_delete", month.feed.pk),
    }
    assert_accessible(merchant, opened, addresses, excused)


def test_the_settings(merchant, opened, month, excused):
    connection = month.connection
    connection.field_mappings.create(attribute="currency", field_id="999999")  # nobody has it
    assert connection.storefront.steps.update(state=StepState.FAILED)
    mine = connection.pk
    addresses = {
        "connections": page("connection_changelist"),
        "connection": page("connection_change", mine),
        "a new one": page("connection_add"),
        "off": page("connection_off", mine),
        "delete": page("connection_delete", mine),
        "fields": page("fields"),
        "statuses": page("statuses"),
        "storefronts": page("storefronts"),
    }
    assert_accessible(merchant, opened, addresses, excused)
    Connection.objects.update(environment="elsewhere", paused_at=timezone.now(), pause_detail="401")
    addresses = {
        "elsewhere": page("connection_change", mine),
        "send from here": page("connection_bind", mine),
    }
    assert_accessible(merchant, opened, addresses, excused)


def test_the_tables_for_engineers(merchant, opened, month, excused):
    OutboxMessage.objects.create(connection=month.connection, kind="order", key="100002")
    lists = (
        "outboxmessage", "attempt", "syncstate", "lane", "tombstone", "feedbuild", "feedproblem",
    )  # fmt: skip
    addresses = {name: page(f"{name}_changelist") for name in lists}
    for model in (OutboxMessage, Attempt, SyncState, Lane, FeedBuild, FeedProblem):
        addresses[f"one {model.__name__}"] = change(model)
    assert_accessible(merchant, opened, addresses, excused)


def wrong(page: Page, within: str | None = None, excused: set[Rule] | None = None) -> str:
    found = [str(one) for one in violations(page, within) if one.rule not in (excused or set())]
    return "\n".join(found)


def test_what_is_asked_before_it_is_done(merchant, opened, month, excused):
    olena = page("record", "order", month.refused)
    opened(olena)
    with merchant.expect_navigation():
        merchant.locator("form[action*='send-again'] button").first.click()
    assert wrong(merchant, excused=excused) == ""

    opened(page("problems"))
    with merchant.expect_navigation():
        merchant.locator("button[name=skip][value=cause]").first.click()
    assert wrong(merchant, excused=excused) == ""

    opened(page("storefronts"))
    with merchant.expect_navigation():
        merchant.locator("form[action*=disconnect] button").click()
    assert wrong(merchant, excused=excused) == ""

    opened(page("syncstate_changelist"))
    merchant.check("input.action-select >> nth=0")
    merchant.select_option("select[name=action]", index=1)
    with merchant.expect_navigation():
        merchant.click("button[name=index]")
    assert wrong(merchant, excused=excused) == ""


def test_what_was_found_and_what_was_not(merchant, opened, month, excused):
    for text in ("Олена", "100001", "%", "nobody@example.com"):
        opened(page("search"))
        merchant.fill("#esputnik-what", text)
        with merchant.expect_navigation():
            merchant.press("#esputnik-what", "Enter")
        assert wrong(merchant, excused=excused) == ""


def test_our_part_of_other_peoples_pages(merchant, opened, month):
    opened(reverse("admin:index"))
    assert wrong(merchant, ".esputnik-badge") == ""
    opened(reverse("admin:order_order_change", args=[month.order_pk]))
    merchant.locator(".esputnik-panel summary").first.click()
    assert wrong(merchant, ".esputnik-panel") == ""
    dashboard = merchant.context.new_page()  # scripts of Oscar's have mistakes of their own
    host = merchant.url.partition("/admin/")[0]
    for address, part in (
        ("/uk/dashboard/", ".esputnik-badge"),
        (f"/uk/dashboard/orders/{month.refused}/", ".esputnik-panel"),
    ):
        dashboard.goto(f"{host}{address}")
        assert wrong(dashboard, part) == ""


def test_a_mistake_of_ours_would_be_found(merchant, opened, month, excused):
    """Of each sort that the stylesheet could make, and a control without a name."""
    opened(page("overview"))
    merchant.add_style_tag(content=".esputnik-quiet { color: #ddd !important; }")
    merchant.evaluate("document.querySelector('.esputnik').append(document.createElement('input'))")
    rules = {one.rule[0] for one in violations(merchant) if one.rule not in excused}
    assert {"color-contrast", "label"} <= rules
