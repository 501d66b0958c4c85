"""What all texts of the screens have in common."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import esputnik_connector

PACKAGE = Path(esputnik_connector.__file__).parent
SCREENS = sorted(
    [*(PACKAGE / "templates" / "admin").rglob("*.html"), *(PACKAGE / "admin").rglob("*.py")]
)
DIRECTION = re.compile(r"(?i)\b(?:on|to|at) the (?:left|right)\b|\b(?:left|right)-hand\b")


@pytest.mark.parametrize("file", SCREENS, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_text_says_left_or_right(file: Path) -> None:
    """At 390 pixels columns stand one below the other."""
    assert DIRECTION.findall(file.read_text()) == []
