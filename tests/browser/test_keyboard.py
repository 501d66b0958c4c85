"""Search and Problems by keyboard alone: Tab comes to every control in the order of the page, and
one sees where one is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from esputnik_connector.models import OutboxMessage

from .month import Month, a_month, page

pytestmark = pytest.mark.parametrize("scheme", ["light", "dark"])

INSIDE = """form => [...form.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter(one => one.type != "hidden" && one.checkVisibility())
  .map((one, place) => (one.dataset.place = place))"""
HERE = "form => form.contains(document.activeElement) ? document.activeElement.dataset.place : null"
# Is it drawn in another way than without focus?
MARKED = """form => {
  const one = document.activeElement, drawn = style => [
    style.outlineStyle != "none" && style.outlineWidth + style.outlineColor,
    style.boxShadow, style.borderTopColor, style.backgroundColor, style.textDecorationLine,
  ].join();
  const focused = drawn(getComputedStyle(one));
  one.blur();
  const plain = drawn(getComputedStyle(one));
  one.focus();
  return focused != plain;
}"""


@pytest.fixture
def month(transactional_db: None, fake: Any, settings: Any) -> Month:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    return a_month(fake)


def walked(page: Page, selector: str) -> tuple[list[int], list[int], list[bool]]:
    """The controls of a part, those to which Tab comes in its order, and which of them show it."""
    page.add_style_tag(content="* { transition: none !important; }")
    part = page.locator(selector).first
    places = part.evaluate(INSIDE)
    part.evaluate("part => { part.tabIndex = -1; part.focus(); }")
    reached, marked = [], []
    for _step in range(len(places) + 1):
        page.keyboard.press("Tab")
        here = part.evaluate(HERE)
        if here is not None:
            reached.append(int(here))
            marked.append(bool(part.evaluate(MARKED)))
    return places, reached, marked


def test_the_search_box_is_ready_and_every_control_is_reached(merchant, live_server, month, scheme):
    merchant.emulate_media(color_scheme=scheme)
    merchant.goto(f"{live_server.url}{page('search')}")
    assert merchant.evaluate("document.activeElement.id") == "esputnik-what"
    places, reached, marked = walked(merchant, ".esputnik-search")
    assert reached == places == [0, 1]
    assert all(marked)


def test_an_order_is_found_without_a_mouse(merchant, live_server, month, scheme):
    merchant.emulate_media(color_scheme=scheme)
    merchant.goto(f"{live_server.url}{page('search')}")
    merchant.keyboard.type("100002")
    with merchant.expect_navigation():
        merchant.keyboard.press("Enter")
    expect(merchant.locator(".esputnik-answer")).to_contain_text("100002")
    places, reached, marked = walked(merchant, ".esputnik-account")
    assert reached == places
    assert all(marked)


def test_problems_are_ticked_and_tried_again_without_a_mouse(merchant, live_server, month, scheme):
    merchant.emulate_media(color_scheme=scheme)
    merchant.goto(f"{live_server.url}{page('problems')}")
    places, reached, marked = walked(merchant, ".esputnik-cause form")
    assert len(places) >= 8  # three records with a box and a link each, and the buttons
    assert reached == places
    assert all(marked)

    merchant.reload()
    merchant.focus(".esputnik-cause input[type=checkbox]")
    merchant.keyboard.press("Space")
    ticked = int(merchant.locator(".esputnik-cause input:checked").get_attribute("value") or 0)
    merchant.focus("button[name=try]")
    with merchant.expect_navigation():
        merchant.keyboard.press("Enter")
    assert not OutboxMessage.objects.get(pk=ticked).is_dead
    assert OutboxMessage.objects.dead().count() == 2
