"""The reader of built pages finds what leads nowhere, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.links import broken

INDEX = '<h1 id="top">A</h1><a href="b.html#there">b</a><a href="#top">up</a><img src="i.svg">'


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "b.html").write_text('<p id="there"><a href="https://x.example/#y">out</a>')
    (tmp_path / "i.svg").write_text("<svg/>")
    return tmp_path


def test_whole_pages_have_nothing_to_find(pages: Path) -> None:
    assert list(broken(pages)) == []


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("c.html", "no such page"),
        ("b.html#here", "no such place on the page"),
        ("#bottom", "no such place on the page"),
        ("../outside.html", "no such page"),
    ],
)
def test_a_link_that_leads_nowhere_is_named_with_its_page(
    pages: Path, link: str, fault: str
) -> None:
    (pages.parent / "outside.html").write_text("not a page of ours")
    (pages / "index.html").write_text(f'{INDEX}<a href="{link}">x</a>')
    assert list(broken(pages)) == [f"index.html: {link}: {fault}"]


def test_a_picture_that_is_gone_is_a_broken_link(pages: Path) -> None:
    (pages / "i.svg").unlink()
    assert list(broken(pages)) == ["index.html: i.svg: no such page"]
