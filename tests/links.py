"""``python -m tests.links docs/_build``: does each link inside the built pages lead to a place?

Sphinx holds links between Markdown pages against each other; this reads what it wrote, so that
anchors in hand-written HTML, images and links within one page count too. Other hosts are asked by
``make linkcheck EXTERNAL=1``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

SPHINX_OWN = {"genindex.html", "search.html", "py-modindex.html"}
REFERENCES = {"a": "href", "img": "src", "link": "href", "script": "src", "source": "src"}


@dataclass
class Page(HTMLParser):
    """What a page points to, and what in it can be pointed to."""

    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if given.get(name)}
        if given.get(REFERENCES.get(tag, "")):
            self.links.append(given[REFERENCES[tag]])


def broken(root: Path) -> Iterator[str]:
    """One sentence for each link that leads nowhere."""
    for path in sorted(root.rglob("*.html")):
        if path.name in SPHINX_OWN:
            continue
        for link in read(path).links:
            parts = urlsplit(link)
            if not (parts.scheme or parts.netloc) and (fault := _fault(path, parts, root)):
                yield f"{path.relative_to(root)}: {link}: {fault}"


@cache
def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def _fault(path: Path, parts: SplitResult, root: Path) -> str:
    target, anchor = unquote(parts.path), unquote(parts.fragment)
    place = (path.parent / target).resolve() if target else path
    if place.is_dir():
        place /= "index.html"
    if not place.is_file() or root.resolve() not in place.resolve().parents:
        return "no such page"
    if anchor and place.suffix == ".html" and anchor not in read(place).places:
        return "no such place on the page"
    return ""


def main(arguments: Sequence[str]) -> int:
    root = Path(arguments[0])
    pages = list(root.rglob("*.html"))
    found = list(broken(root))
    sys.stdout.write("".join(f"{each}\n" for each in found))
    sys.stdout.write(f"{len(pages)} pages, {len(found)} broken links\n")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
