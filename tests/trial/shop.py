"""A fresh Oscar shop, made by the blocks of the tutorial, before anybody heard of us."""

from __future__ import annotations

import re
from pathlib import Path

from .pages import Step, steps
from .terminal import Terminal

TUTORIAL = "docs/tutorial/first-hour.md"
SHOP, GOODS = "1. A shop", "3. Something to sell"
AT_THE_END = ", at the end"


def open_shop(terminal: Terminal) -> None:
    """Install Oscar and write the project; the database comes with ``migrate``."""
    for step in steps(TUTORIAL, section=SHOP, by_hand={}):
        follow(step, terminal)


def fill_shelves(terminal: Terminal) -> str:
    """One product and a staff account. Returns the path of the product's page."""
    said = ""
    for step in steps(TUTORIAL, section=GOODS, by_hand={}):
        said += follow(step, terminal)
    return product_path(said)


def product_path(said: str) -> str:
    """Of the address that ``stock.py`` printed."""
    found = re.findall(r"^http://[^/\s]+/(\S+)$", said, re.MULTILINE)
    assert found, f"no address of a product in {said!r}"
    return str(found[-1])


def follow(step: Step, terminal: Terminal) -> str:
    """Type a block, or write the file that its first line names. Returns what was printed."""
    if step.language == "console":
        return terminal.type(step.text)
    first, _, code = step.text.partition("\n")
    name = first.removeprefix("# ")
    path = terminal.folder / name.removesuffix(AT_THE_END)
    if name.endswith(AT_THE_END):
        append(path, code)
    else:
        path.write_text(code)
    return ""


def append(path: Path, code: str) -> None:
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{code}")
