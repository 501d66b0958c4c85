"""The names of modules and public classes speak the words of the glossary, and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "esputnik_connector"
PAGE = (ROOT / "docs" / "glossary.md").read_text()
ELSEWHERE = ("migrations", "commands", "fake_esputnik")  # their names are Django's, or a server's
HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
TERM = re.compile(r"^([A-Z][^\n:]*)\n: ", re.MULTILINE)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def terms() -> set[str]:
    """Every word of a term, and every word in italics of its explanation."""
    named = " ".join(TERM.findall(PAGE))
    explained = " ".join(re.findall(r"\*([^*]+)\*", PAGE))
    return set(words(f"{named} {explained}"))


def ordinary() -> set[str]:
    return set(words(section("Ordinary words").split("\n\n", 1)[1]))


def unwanted() -> set[str]:
    rows = re.findall(r"^\| ([^|]+) \|", section("Words we do not use"), re.MULTILINE)
    cells = [re.sub(r"\([^)]*\)", "", row) for row in rows[1:] if not row.startswith("---")]
    return {word.strip() for cell in cells for word in cell.split(",") if " " not in word.strip()}


def words(text: str) -> list[str]:
    return [hump.lower() for hump in HUMP.findall(text)]


def names() -> Iterator[tuple[str, str]]:
    """(place, name) of each module, folder and public class of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if set(place.parts) & set(ELSEWHERE):
            continue
        yield from ((str(place), part) for part in place.with_suffix("").parts if part[0] != "_")
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield str(place), node.name


def is_known(word: str, known: set[str]) -> bool:
    """As it stands, or in the plural or another form of it."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ing")}
    forms |= {f"{form}e" for form in forms} | {f"{form}s" for form in forms}
    forms |= {f"{word[:-3]}y" if word.endswith("ies") else word, word.removesuffix("d")}
    forms |= {word.removesuffix("r"), word.removesuffix("er"), word.removesuffix("ed")}
    return bool(forms & known)


def test_each_name_is_made_of_words_of_the_glossary() -> None:
    known = terms() | ordinary()
    strange = {
        f"{word}  ({name} in {place})"
        for place, name in names()
        for word in words(name)
        if not is_known(word, known)
    }
    assert not strange, "say in docs/glossary.md what these mean:\n" + "\n".join(sorted(strange))


def test_no_name_holds_a_word_that_was_given_up() -> None:
    given_up = unwanted()
    assert len(given_up) > 15
    held = [
        f"{name} in {place}" for place, name in names() for word in words(name) if word in given_up
    ]
    assert not held


def test_a_term_stands_once() -> None:
    found = TERM.findall(PAGE)
    assert len(found) > 40
    assert sorted(found) == sorted(set(found))
