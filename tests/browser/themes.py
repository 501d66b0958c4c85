"""The merchant's screens under other themes of the admin: ``make themes``.

Not part of the suite: the theme is installed for this alone, and the settings name it before Django
starts. Pictures are kept in ``.themes/pictures``, for a person to look at; what a program can tell
is asserted: each page answers, every text of ours can be read, and every control has a name, room
for its text, and nothing that lies over it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings as project
from django.urls import reverse
from playwright.sync_api import Page

from .accessible import STILL
from .month import Month, a_month, page

PICTURES = Path(__file__).parents[2] / ".themes" / "pictures"
SIZES = {"desk": {"width": 1280, "height": 900}, "telephone": {"width": 390, "height": 844}}
READABLE_AT = 3  # to 1: the links of Grappelli itself have 3.2
READABLE = ["color-contrast", "label", "select-name", "link-name", "button-name"]


@pytest.fixture
def month(transactional_db: None, fake: Any, settings: Any) -> Month:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    return a_month(fake)


def addresses(month: Month) -> dict[str, str]:
    return {
        "index": reverse("admin:index"),
        "overview": page("overview"),
        "search": page("search"),
        "order": page("record", "order", month.refused),
        "problems": page("problems"),
        "import": page("backfill_page", month.connection.pk),
        "import-new": page("backfill_new", month.connection.pk),
        "feeds": page("feed_changelist"),
        "feed": page("feed_change", month.feed.pk),
        "connections": page("connection_changelist"),
        "connection": page("connection_change", month.connection.pk),
        "off": page("connection_off", month.connection.pk),
        "fields": page("fields"),
        "statuses": page("statuses"),
        "storefront": page("storefronts"),
        "outbox": page("outboxmessage_changelist"),
        "panel": reverse("admin:order_order_change", args=[month.order_pk]),
    }


# What sticks out of the window to the right; and what of ours has no room for its own text.
CROWDED = """() => [...document.querySelectorAll(
    ".esputnik .button, .esputnik-state .button, .esputnik-menu a, .esputnik-verdict h2")]
  .filter(one => one.checkVisibility() && (one.scrollWidth > one.clientWidth + 1
                                           || one.getBoundingClientRect().height < 12))
  .map(one => one.outerHTML.slice(0, 90))"""
# Two controls of ours of which one lies over the other.
OVERLAPPING = """() => {
  const all = [...document.querySelectorAll(".esputnik .button, .esputnik-state .button, "
    + ".esputnik-menu a, .esputnik input, .esputnik select")].filter(one => one.checkVisibility());
  const boxes = all.map(one => one.getBoundingClientRect()), found = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
      found.push(all[i].outerHTML.slice(0, 60) + " and " + all[i + 1 + j].outerHTML.slice(0, 60));
  }));
  return found;
}"""
OURS = (".esputnik", ".esputnik-state", ".esputnik-menu", ".esputnik-panel", ".esputnik-badge")


def mistakes(page: Page) -> list[str]:
    """What a program sees of a page that a person could not read or press."""
    page.add_style_tag(content=STILL)
    page.evaluate(AXE_SCRIPT)
    parts = [part for part in OURS if page.locator(part).count()]
    assert parts, page.url
    found = page.evaluate(
        "([include, rules]) => axe.run({ include }, rules)",
        [[[part] for part in parts], {"runOnly": {"type": "rule", "values": READABLE}}],
    )
    faint = [
        f"{each['id']}: {node['html'][:90]}: {(node['any'] or node['all'])[0]['message']}"
        for each in found["violations"]
        for node in each["nodes"]
        if each["id"] != "color-contrast" or node["any"][0]["data"]["contrastRatio"] < READABLE_AT
    ]
    return [*faint, *page.evaluate(CROWDED), *page.evaluate(OVERLAPPING)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_each_screen_under_a_theme(
    merchant: Page, live_server: Any, month: Month, scheme: Any, size: str
) -> None:
    merchant.context.add_cookies(
        [{"name": "django_language", "value": "uk", "url": live_server.url}]
    )
    merchant.emulate_media(color_scheme=scheme)
    merchant.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    told: list[str] = []
    for name, address in addresses(month).items():
        answer = merchant.goto(f"{live_server.url}{address}", wait_until="networkidle")
        assert answer is not None
        assert answer.ok, address
        kept = PICTURES / project.THEME / f"{name}-{size}-{scheme}.png"
        kept.parent.mkdir(parents=True, exist_ok=True)
        merchant.screenshot(path=str(kept), full_page=True)
        told += [f"{name}: {one}" for one in mistakes(merchant)]
    assert told == [], "\n".join(told)
