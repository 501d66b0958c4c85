"""A page in Ukrainian says what its English one says: section by section, block by block."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from .test_docs import DOCS, FENCED, PACKAGE

UKRAINIAN = sorted(path for path in (DOCS / "uk").glob("*.md") if path.stem != "index")
NAMES = [path.stem for path in UKRAINIAN]
MERCHANTS = {"connect", "find-out-why", "import-history", "map-fields-and-statuses"}
MERCHANTS |= {"product-feed", "forms-and-consent", "storefront", "web-push", "overview"}
MERCHANTS |= {"track-what-visitors-do", "search", "screens", "consent-banners"}
CODE = re.compile(r"`+[^`\n]+`+")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def pair(name: str) -> tuple[str, str]:
    english, ukrainian = DOCS / "howto" / f"{name}.md", DOCS / "uk" / f"{name}.md"
    return english.read_text(), ukrainian.read_text()


def prose(page: str) -> str:
    return FENCED.sub("", page)


def headings(page: str) -> list[str]:
    return re.findall(r"^(#+) ", prose(page), re.MULTILINE)


def tables(page: str) -> list[int]:
    """Cells of each row of each table."""
    rows = re.findall(r"^\|.*\|$", prose(page), re.MULTILINE)
    return [len(re.split(r"(?<!\\)\|", row)) for row in rows]


def destinations(page: str, folder: str) -> list[str]:
    """Where the links lead, whatever the page's own folder and language is."""
    places = []
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        absolute = (DOCS / folder / path).resolve() if path else Path()
        stem = absolute.stem if absolute.parent.name in {"en", "uk", "howto"} else str(absolute)
        places.append(f"{stem}#{anchor}")
    return sorted(places)


def test_the_pages_of_the_merchant_are_there() -> None:
    assert set(NAMES) == MERCHANTS
    index = (DOCS / "uk" / "index.md").read_text()
    assert all(f"({name}.md)" in index and f"\n{name}\n" in index for name in MERCHANTS)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_same_sections_lists_and_tables(name: str) -> None:
    english, ukrainian = pair(name)
    assert headings(ukrainian) == headings(english)
    assert tables(ukrainian) == tables(english)
    for mark in (r"^ *\d+\. ", r"^ *- "):
        found = [len(re.findall(mark, prose(page), re.MULTILINE)) for page in (ukrainian, english)]
        assert found[0] == found[1], mark


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_same_blocks(name: str) -> None:
    english, ukrainian = pair(name)
    blocks = [
        [match.group(2, 3) for match in FENCED.finditer(page)] for page in (english, ukrainian)
    ]
    assert blocks[0] == blocks[1]


@pytest.mark.parametrize("name", NAMES)
def test_it_names_the_same_code(name: str) -> None:
    english, ukrainian = pair(name)
    assert set(CODE.findall(prose(ukrainian))) == set(CODE.findall(prose(english)))


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_to_the_same_places(name: str) -> None:
    english, ukrainian = pair(name)
    assert destinations(ukrainian, "uk") == destinations(english, "howto")


@pytest.mark.parametrize("name", NAMES)
def test_what_it_calls_a_button_is_what_the_admin_calls_it(name: str) -> None:
    """A name in bold or italics on the English page is a text of the admin; its translation is
    what the Ukrainian page must say."""
    english, ukrainian = pair(name)
    with (PACKAGE / "locale" / "uk" / "LC_MESSAGES" / "django.po").open("rb") as file:
        known = {str(each.id): str(each.string) for each in read_po(file) if each.string}
    plain = " ".join(ukrainian.lower().split())
    named = {match.strip() for match in re.findall(r"\*{1,2}([A-Z][^*\n]{3,40})\*{1,2}", english)}
    missing = {
        text: known[text] for text in named if text in known and known[text].lower() not in plain
    }
    assert not missing
