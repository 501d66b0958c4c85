"""Each picture of a screen is in both languages, and on a page of that language."""

from __future__ import annotations

import re

import pytest

from .test_docs import DOCS

SCREENS = DOCS / "images" / "screens"
SHOWN = re.compile(r"!\[[^\]]+\]\(\.\./images/screens/(\w+)/([\w-]+)\.png\)")


def made() -> set[str]:
    """What ``make screenshots`` keeps, by the names in its own file."""
    source = (DOCS.parent / "tests" / "browser" / "screens.py").read_text()
    screens = source[source.index("screens = {") : source.index("for name, address")]
    telephone = source[source.rindex("for name in (") :]
    found = set(re.findall(r'^ {8}"([\w-]+)":', screens, re.MULTILINE))
    found |= set(re.findall(r'"([\w-]+)\.png"', source))
    return found | {f"{name}-telephone" for name in re.findall(r'"(\w+)"', telephone.split(")")[0])}


@pytest.mark.parametrize("language", ["en", "uk"])
def test_each_picture_that_is_made_is_on_a_page(language):
    pages = [*DOCS.glob("howto/*.md"), *DOCS.glob("uk/*.md"), *DOCS.glob("tutorial/*.md")]
    shown = {
        name for page in pages for place, name in SHOWN.findall(page.read_text())
        if place == language
    }  # fmt: skip
    assert len(made()) > 15
    assert shown == made()


@pytest.mark.parametrize("language", ["en", "uk"])
def test_each_picture_of_a_page_is_there_and_no_other(language):
    there = {path.stem for path in (SCREENS / language).glob("*.png")}
    assert there == made()


def test_the_first_hour_shows_what_it_speaks_of():
    shown = SHOWN.findall((DOCS / "tutorial" / "first-hour.md").read_text())
    assert {name for _language, name in shown} >= {"settings", "order", "overview"}
