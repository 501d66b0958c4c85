"""A page as what somebody does who follows it: its blocks, and the sentences that ask for hands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class PageError(Exception):
    """The page is not what the trial expects of it."""


@dataclass(frozen=True)
class Step:
    """One block of the page, or one sentence that a person follows by hand."""

    line: int
    language: str  # "hand" for a sentence
    text: str


def steps(page: str, *, section: str = "", by_hand: Mapping[str, str]) -> Iterator[Step]:
    """What the page asks for, from its top to its end.

    :param section: only what stands under this heading.
    :param by_hand: sentence of the page → name of what the trial does there.
    :raises PageError: a sentence or the section is not on the page any more.
    """
    whole = (ROOT / page).read_text()
    start, end = _section(whole, section) if section else (0, len(whole))
    found = [
        (match.start(), match[2], dedent(match[3]))
        for match in BLOCK.finditer(whole)
        if start <= match.start() < end
    ]
    for sentence, name in by_hand.items():
        place = whole.find(sentence, start, end)
        if place < 0:
            raise PageError(f"{page} does not say {sentence!r} any more")
        found.append((place, "hand", name))
    for place, language, text in sorted(found):
        yield Step(whole.count("\n", 0, place) + 1, language, text)


def python_blocks(page: str, *, section: str) -> list[str]:
    """The Python of one section, in order."""
    return [step.text for step in steps(page, section=section, by_hand={}) if _is_python(step)]


def _is_python(step: Step) -> bool:
    return step.language == "python"


def _section(whole: str, title: str) -> tuple[int, int]:
    """Where it begins and ends. A comment in a block of code is no heading."""
    whole = BLOCK.sub(lambda block: " " * len(block[0]), whole)
    heading = re.search(rf"^(#+) {re.escape(title)}$", whole, re.MULTILINE)
    if heading is None:
        raise PageError(f"no section {title!r}")
    following = re.compile(rf"^#{{1,{len(heading[1])}}} ", re.MULTILINE)
    after = following.search(whole, heading.end())
    return heading.end(), after.start() if after else len(whole)
