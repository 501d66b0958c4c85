"""The merchant looks at the Overview each morning, in Ukrainian, on a desk and on a telephone."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from oscar.core.loading import get_model
from oscar.test import factories
from playwright.sync_api import Page, expect

from esputnik_connector.models import (
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeCount,
    OutcomeHour,
    Reconciliation,
    SyncState,
)
from esputnik_connector.models.outcome_hour import hour_of

SHOTS = os.environ.get("SHOTS", "")  # a folder for pictures of what the merchant sees
DESK, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def uk(text: str) -> str:
    with translation.override("uk"):
        return gettext(text)


def keep(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
def main(transactional_db: None, fake: Any) -> Connection:
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url,
        created_at=timezone.now() - timedelta(days=60),
    )  # fmt: skip
    connection.accept_key(fake.settings.organisation, "1")
    return connection


@pytest.fixture
def morning(main: Connection) -> Connection:
    """A month of a shop that sends all it should, but for two orders."""
    now = timezone.now()
    for task in ("sweep", "reconcile", "prune"):
        Heartbeat.beat(task)
    OutcomeCount.objects.create(
        connection=main, kind="order", outcome="delivered", records=90, timed=90, seconds=500,
        last_at=now - timedelta(seconds=40),
    )  # fmt: skip
    for number in range(60):
        key = str(100_001 + number)
        factories.create_order(number=key)
        hours = number * 11 // 10 if number < 30 else number * 11
        moment = now - timedelta(hours=hours)
        get_model("order", "Order").objects.filter(number=key).update(date_placed=moment)
        if number != 7:
            SyncState.objects.create(
                connection=main, kind="order", key=key, delivered_at=now, digest="d"
            )
        for outcome, reason in (("delivered", ""), ("rejected", "refused")):
            if outcome == "delivered" or number % 9 == 0:
                row, _new = OutcomeHour.objects.get_or_create(
                    connection=main, hour=hour_of(moment), kind="order", outcome=outcome,
                    reason=reason,
                )  # fmt: skip
                row.records, row.timed, row.seconds = row.records + 1, row.timed + 1, 9.0
                row.save()
    OutboxMessage.objects.all().delete()
    OutboxMessage.objects.create(
        connection=main, kind="order", key="100008", is_dead=True, reason="refused"
    )
    Reconciliation.objects.create(
        connection=main, kind="order", counts={"unchanged": 2498, "missing": 5},
        finished_at=now - timedelta(hours=6),
    )  # fmt: skip
    return main


@pytest.fixture
def ukrainian(merchant: Page, live_server: Any) -> Page:
    merchant.context.add_cookies(
        [{"name": "django_language", "value": "uk", "url": live_server.url}]
    )
    merchant.set_viewport_size(DESK)
    return merchant


def opened(page: Page, live_server: Any, view: str = "admin:esputnik_connector_overview") -> Page:
    with translation.override("uk"):  # the shop's own pages have their language in the address
        page.goto(f"{live_server.url}{reverse(view)}")
    return page


def verdict(page: Page) -> str:
    return page.locator(".esputnik-verdict").first.inner_text()


def is_within(page: Page) -> bool:
    """Does the page fit its window, so that nothing is off to the right?"""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_merchant_sees_how_it_is_going_and_finds_the_order_that_did_not_arrive(
    ukrainian, live_server, morning
):
    page = opened(ukrainian, live_server)
    assert page.locator("html").get_attribute("lang") == "uk"
    assert page.locator(".esputnik-verdict.esputnik-is-warning").count() == 1
    assert is_within(page)
    keep(page, "overview-desk")

    page.locator(".esputnik-beside tbody tr").nth(1).locator("td").nth(3).locator("a").click()

    assert page.locator(".esputnik-table tbody th").all_inner_texts() == ["100008"]
    keep(page, "orders-desk")


def test_a_worker_that_was_killed_changes_the_verdict_and_the_badges(
    ukrainian, live_server, morning
):
    OutboxMessage.objects.all().delete()
    assert uk("Everything is being sent.") in verdict(opened(ukrainian, live_server))

    Heartbeat.objects.filter(name="sweep").update(beaten_at=timezone.now() - timedelta(hours=3))

    gone = uk("The sending service on the server has not run for %(time)s.") % {
        "time": uk("%(number)d h") % {"number": 3}
    }
    assert gone in verdict(opened(ukrainian, live_server))
    keep(ukrainian, "worker-gone-desk")
    for view in ("admin:index", "dashboard:index"):
        page = opened(ukrainian, live_server, view)
        assert gone in page.locator(".esputnik-badge.esputnik-is-problem").inner_text()
        keep(page, view.replace(":", "-"))
    page.locator(".esputnik-badge a").click()
    page.get_by_role("link", name=uk("Text for the administrator")).first.click()
    assert "esputnik_doctor" in page.locator("#esputnik-told").input_value()


def test_a_wrong_key_leads_to_the_field_where_a_new_one_is_pasted(
    ukrainian, live_server, morning, fake
):
    fake.configure(key="another-key")
    page = opened(ukrainian, live_server)
    change = reverse("admin:esputnik_connector_connection_change", args=[morning.pk])
    page.goto(f"{live_server.url}{change}")
    with page.expect_navigation():
        page.get_by_role("button", name=uk("Test connection")).click()
    keep(page, "connection-desk")

    opened(page, live_server)

    assert "esputnik-is-problem" in page.locator(".esputnik-verdict").first.get_attribute("class")
    keep(page, "key-refused-desk")
    page.get_by_role("link", name=uk("Paste a key"), exact=True).first.click()
    assert page.url.endswith("#id_new_key")
    expect(page.locator("#id_new_key")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_nothing_is_off_the_screen(ukrainian, live_server, morning, scheme):
    ukrainian.set_viewport_size(TELEPHONE)
    ukrainian.emulate_media(color_scheme=scheme)
    page = opened(ukrainian, live_server)
    assert is_within(page)
    for part in (".esputnik-verdict", ".esputnik-beside", ".esputnik-chart", ".esputnik-steps"):
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= TELEPHONE["width"]
    keep(page, f"overview-telephone-{scheme}")
    ukrainian.set_viewport_size(DESK)
    keep(opened(page, live_server), f"overview-desk-{scheme}")
    ukrainian.set_viewport_size(TELEPHONE)
    keep(opened(page, live_server, "admin:index"), f"index-telephone-{scheme}")
