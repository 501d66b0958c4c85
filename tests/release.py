"""``python -m tests.release v1.2.3``: may what stands here be released under this tag?"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from esputnik_connector import __version__

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def objections(tag: str, *, version: str, changelog: str) -> list[str]:
    """Why not; nothing if it may."""
    found = []
    if tag != f"v{version}":
        found.append(f"The tag is {tag!r}; the code says {version}.")
    if not re.search(rf"^## {re.escape(version)}(?: – \d{{4}}-\d\d-\d\d)?$", changelog, re.M):
        found.append(f"The changelog has no heading “## {version}”.")
    return found


def main(arguments: Sequence[str]) -> int:
    tag = arguments[0] if arguments else ""
    found = objections(tag, version=__version__, changelog=CHANGELOG.read_text())
    sys.stderr.write("".join(f"{each}\n" for each in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
