"""What the walks through the merchant's pages share: addresses, Ukrainian, the width of a phone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from playwright.sync_api import Page

from esputnik_connector.models import Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.delivery.relay import Relay

DESK, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def uk(text: str) -> str:
    """What a Ukrainian merchant reads for this text."""
    with translation.override("uk"):
        return gettext(text)


def in_ukrainian(page: Page, live_server: Any) -> Page:
    page.context.add_cookies([{"name": "django_language", "value": "uk", "url": live_server.url}])
    page.set_extra_http_headers({"Accept-Language": "uk"})
    return page


def opened(page: Page, live_server: Any, view: str, *parts: Any, **query: str) -> Page:
    """One of our pages, which is in Ukrainian."""
    address = reverse(f"admin:esputnik_connector_{view}", args=parts)
    page.goto(f"{live_server.url}{address}" + (f"?{urlencode(query)}" if query else ""))
    assert page.locator("html").get_attribute("lang") == "uk"
    return page


def too_wide(page: Page) -> int:
    """Pixels that are off to the right."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def cut_off(page: Page) -> list[str]:
    """Names of what can be filled in or pressed in our own part of the page, and is not wholly on
    the screen from left to right."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll(".esputnik select, .esputnik input, .esputnik button")]
        .filter(each => each.getClientRects().length && each.type !== "hidden")
        .filter(each => each.getBoundingClientRect().right > window.innerWidth)
        .map(each => each.name)"""
    )
    return found


def work() -> None:
    """A worker sends all that waits, as if the minutes until it is due had gone by."""
    for _round in range(3):
        OutboxMessage.objects.unsent().update(due_at=timezone.now())
        SyncState.objects.exclude(session="").update(poll_at=timezone.now())
        Relay(Connection.objects.get()).run(seconds=10)
