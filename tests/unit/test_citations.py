"""Comments that rest on a fact about eSputnik cite the page of this repository that states it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from esputnik_connector.destinations.esputnik.client import EsputnikClient

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "esputnik-api.md"
ROOMS = ("esputnik_connector", "tests", "sandbox_project")
SUFFIXES = frozenset({".py", ".json", ".html", ".txt", ".toml", ".js", ".xml", ".yml", ".yaml"})

CITATION = re.compile(r"esputnik-api\.md#([\w-]*)")
ANCHOR = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
ENDPOINT = re.compile(r"``(GET|POST|PUT|DELETE) (/v\d/[^`?]+)``")
ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE) (/v\d/[^`]+)` \|.*\| (yes|no) \|$", re.MULTILINE)

# "contract 5.3", "section 15.2 of the contract": a document that no reader has.
OUTSIDE = re.compile(
    r"\bcontracts?\b[\s,:(#]*(?:sections?\s*)?\d"
    r"|\bsections?\s+\d+(?:\.\d+)*\s+of\s+the\s+contract\b",
    re.IGNORECASE,
)


def texts() -> Iterator[tuple[Path, str]]:
    """Every file of ours that may cite, and what it says."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in SUFFIXES and path != Path(__file__).resolve():
                yield path, path.read_text(encoding="utf-8")


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def citations_of_another_document(text: str) -> list[re.Match[str]]:
    return list(OUTSIDE.finditer(text))


def test_each_citation_leads_to_a_section_of_the_page() -> None:
    anchors = set(ANCHOR.findall(PAGE.read_text()))
    cited = [
        (path, line_of(text, found.start()), found[1])
        for path, text in texts()
        for found in CITATION.finditer(text)
    ]
    lost = [
        f"{path.relative_to(ROOT)}:{line}: #{anchor}"
        for path, line, anchor in cited
        if anchor not in anchors
    ]
    assert cited
    assert lost == []


def test_an_anchor_of_the_page_stands_there_once() -> None:
    anchors = ANCHOR.findall(PAGE.read_text())
    assert len(anchors) == len(set(anchors))


def test_nothing_cites_a_document_that_is_not_in_the_repository() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line_of(text, citation.start())}: {citation[0]!r}"
        for path, text in texts()
        for citation in citations_of_another_document(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "comment",
    [
        "1..3000 (contract 5.3)",
        "the object of contract 6.1",
        "(contract 5.3, 6.2, 15.2): an object",
        'never sent empty (contract 14, "Traps")',
        "the contract\n    # 5.3 says so",
        "see section 5.3 of the contract",
    ],
)
def test_a_citation_by_number_is_noticed(comment: str) -> None:
    assert citations_of_another_document(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "asks what the contract demands",
        "keeps the contract. 12 requests later",
        "orders: 1 to 1,000 (esputnik-api.md#orders-add)",
        "Django 4.2, 5.2",
    ],
)
def test_other_words_and_numbers_are_left_alone(comment: str) -> None:
    assert not citations_of_another_document(comment)


def called_by_the_client() -> set[tuple[str, str]]:
    """Method and path in the docstring of each endpoint's method, as the page writes them."""
    called = set()
    for name, method in vars(EsputnikClient).items():
        if name.startswith("_") or name == "close":
            continue
        endpoints = ENDPOINT.findall(inspect.getdoc(method) or "")
        assert endpoints, f"EsputnikClient.{name} does not say which endpoint it calls"
        called.update(endpoints)
    return called


def test_the_page_says_which_endpoints_the_connector_calls() -> None:
    rows = ROW.findall(PAGE.read_text())
    assert {(method, path) for method, path, word in rows if word == "yes"} == (
        called_by_the_client()
    )
