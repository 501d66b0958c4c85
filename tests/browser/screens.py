"""Pictures of the merchant's screens for the pages, in both languages: ``make screenshots``.

Not part of the suite. A shop with a month behind it is sent to the fake eSputnik by the real relay,
then each screen is opened in Chromium and kept under ``docs/images/screens/<language>/``.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page

from .month import Month, a_month, page

TARGET = Path(__file__).parents[2] / "docs" / "images" / "screens"
DESK, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
HIGHEST = 1700  # pixels; what stands below is not worth a picture


@pytest.fixture
def month(transactional_db: None, fake: Any, settings: Any) -> Month:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    return a_month(fake)


@pytest.mark.parametrize("language", ["en", "uk"])
def test_each_screen(merchant: Page, live_server: Any, month: Month, language: str) -> None:
    merchant.context.add_cookies(
        [{"name": "django_language", "value": language, "url": live_server.url}]
    )
    merchant.set_extra_http_headers({"Accept-Language": language})
    screens = {
        "index": reverse("admin:index"),
        "overview": page("overview"),
        "order": page("record", "order", month.refused),
        "person": page("record", "contact", str(month.olena.pk)),
        "problems": page("problems"),
        "import": page("backfill_changelist"),
        "import-run": page("backfill_page", month.connection.pk),
        "import-new": page("backfill_new", month.connection.pk),
        "feeds": page("feed_changelist"),
        "feed": page("feed_change", month.feed.pk),
        "settings": page("connection_change", month.connection.pk),
        "fields": page("fields") + f"?connection={month.connection.name}",
        "statuses": page("statuses"),
        "storefront": page("storefronts"),
        "panel": reverse("admin:order_order_change", args=[month.order_pk]),
    }
    for name, address in screens.items():
        merchant.set_viewport_size(DESK)
        kept(merchant, f"{live_server.url}{address}", TARGET / language / f"{name}.png")
    merchant.set_viewport_size(DESK)
    merchant.goto(f"{live_server.url}{page('statuses')}")
    merchant.select_option("tr[data-status=Complete] select", "IN_PROGRESS")
    merchant.click("#esputnik-statuses input[name=save]")
    merchant.wait_for_selector("#esputnik-question")
    snap(merchant, TARGET / language / "statuses-question.png")
    merchant.goto(f"{live_server.url}{page('search')}")
    merchant.fill("#esputnik-what", "Олена")
    merchant.press("#esputnik-what", "Enter")
    merchant.wait_for_load_state("networkidle")
    snap(merchant, TARGET / language / "search.png")
    for name in ("overview", "order", "problems", "statuses"):
        merchant.set_viewport_size(TELEPHONE)
        address = f"{live_server.url}{screens[name]}"
        kept(merchant, address, TARGET / language / f"{name}-telephone.png")


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
