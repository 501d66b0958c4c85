"""The one script that the shop's pages load is small, and stands alone."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from tests.unit.test_docs import PACKAGE

SCRIPT: Path = PACKAGE / "static" / "esputnik_connector" / "tracking.js"
LONGEST = 4096  # bytes, compressed: what a phone notices


def test_it_is_small():
    assert len(gzip.compress(SCRIPT.read_bytes())) < LONGEST


def test_it_does_nothing_that_a_strict_policy_forbids():
    text = SCRIPT.read_text()
    assert not re.search(r"\beval\(|new Function|document\.write|setAttribute\(.on|\.style\b", text)


def test_it_needs_no_other_script_and_names_no_other_host():
    text = SCRIPT.read_text()
    assert not re.search(r"jQuery|\$\(|^import |require\(|https?://", text, re.MULTILINE)
