"""What the trial of the wheel reads from a page."""

from __future__ import annotations

import pytest

from tests.trial.pages import PageError, python_blocks, steps
from tests.trial.routes import ROUTES
from tests.trial.shop import GOODS, SHOP, TUTORIAL


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_finds_its_section_and_every_sentence_to_follow_by_hand(name: str) -> None:
    route = ROUTES[name]
    found = list(steps(route.page, section=route.section, by_hand=route.by_hand))
    by_hand = [step.text for step in found if step.language == "hand"]
    assert by_hand == list(route.by_hand.values())
    assert {step.language for step in found} == {"hand", "console", "python"}
    assert [step.line for step in found] == sorted(step.line for step in found)


def test_a_comment_in_a_block_does_not_end_the_section() -> None:
    shop = list(steps(TUTORIAL, section=SHOP, by_hand={}))
    assert [step.language for step in shop] == ["console", "python", "python"]
    assert "oscar.apps.basket" in shop[1].text
    goods = list(steps(TUTORIAL, section=GOODS, by_hand={}))
    assert [step.language for step in goods] == ["python", "console"]


def test_a_section_ends_where_the_next_one_begins() -> None:
    assert len(python_blocks("docs/howto/existing-shop.md", section="Celery")) == 2


def test_a_sentence_that_is_gone_is_an_error() -> None:
    with pytest.raises(PageError, match="does not say 'Paste the moon'"):
        list(steps("README.md", by_hand={"Paste the moon": "connect"}))
