"""Which files several processes begin with, so that none has the longest alone at the end."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import ranks_of

ROOT = Path(__file__).resolve().parents[2]


def in_order(names: list[str]) -> list[str]:
    ranks = ranks_of([ROOT / name for name in names])
    return sorted(names, key=lambda name: ranks[ROOT / name])


def test_what_waits_comes_first_and_the_short_ones_last():
    mixed = ["tests/unit/a.py", "tests/integration/b.py", "tests/live/c.py", "tests/contracts/d.py"]
    assert in_order(mixed) == [
        "tests/live/c.py", "tests/integration/b.py", "tests/unit/a.py", "tests/contracts/d.py",
    ]  # fmt: skip


def test_real_processes_and_the_browser_come_by_turns():
    live = [f"tests/live/test_{number}.py" for number in range(4)]
    browser = [f"tests/browser/test_{number}.py" for number in range(8)]
    rooms = [name.split("/")[1] for name in in_order([*browser, *live])]
    assert rooms[:6].count("live") == rooms[6:].count("live") == 2


def test_files_of_one_room_keep_the_order_they_were_given():
    """Which is another one each time (pytest-randomly)."""
    given = [f"tests/live/test_{number}.py" for number in (3, 1, 2)]
    assert in_order(given) == given
