"""What the benchmarks of one run came to, beside what was recorded: ratios, never seconds.

A ratio compares two things that took turns on one machine, so it says the same on another one. What
was recorded stands in ``recorded.json``, with how far a run may be off to the worse.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded.json")
HEAD = ("benchmark", "size", "this run", "recorded", "at worst", "growth")


def sizes(variable: str, default: str) -> list[int]:
    """How many records: ``BACKFILL_ORDERS=10000,100000`` runs one benchmark at each of these,
    ``BENCH_SIZES`` all that grow with a number of records."""
    return numbers(variable, os.environ.get("BENCH_SIZES") or default)


def numbers(variable: str, default: str) -> list[int]:
    return [int(each) for each in (os.environ.get(variable) or default).split(",")]


def rounded(ratio: float) -> float:
    """To two digits: a third one would be another one tomorrow."""
    return float(f"{ratio:.2g}")


@dataclass(frozen=True)
class Expected:
    """Of one benchmark, as it was recorded.

    :param better: ``higher`` or ``lower``.
    :param tolerance: how much worse a run may be, as a share of the ratio.
    """

    ratio: float
    better: str
    tolerance: float
    meaning: str

    @property
    def worst(self) -> float:
        if self.better == "higher":
            return self.ratio * (1 - self.tolerance)
        return self.ratio * (1 + self.tolerance)

    def allows(self, ratio: float) -> bool:
        return ratio >= self.worst if self.better == "higher" else ratio <= self.worst


@dataclass(frozen=True)
class Found:
    benchmark: str
    size: int
    ratio: float


@dataclass
class Results:
    expected: dict[str, Expected]
    found: list[Found] = field(default_factory=list)
    is_recording: bool = False  # what this run comes to is to be expected from now on

    @classmethod
    def recorded(cls) -> Results:
        told = json.loads(RECORDED.read_text())
        expected = {name: Expected(**values) for name, values in told.items()}
        return cls(expected, is_recording=bool(os.environ.get("RECORD")))

    def add(self, benchmark: str, ratio: float, *, size: int) -> None:
        """:raises AssertionError: it is worse than what was recorded, by more than is allowed."""
        self.found.append(Found(benchmark, size, ratio))
        expected = self.expected[benchmark]
        assert self.is_recording or expected.allows(ratio), (
            f"{benchmark}: {ratio:.3g} at {size:,}; recorded were {expected.ratio:g}, "
            f"and {expected.worst:.3g} is allowed"
        )

    def growth(self, benchmark: str) -> float | None:
        """The ratio at the largest size beside that at the smallest; 1 is linear."""
        mine = sorted((one for one in self.found if one.benchmark == benchmark), key=_size)
        if len(mine) < 2 or mine[0].size == mine[-1].size:
            return None
        return mine[-1].ratio / mine[0].ratio

    def table(self) -> list[str]:
        rows = [HEAD]
        for one in self.found:
            expected = self.expected[one.benchmark]
            growth = self.growth(one.benchmark)
            numbers = (one.ratio, expected.ratio, expected.worst, growth)
            shown = ["" if each is None else f"{each:.2f}" for each in numbers]
            rows.append((one.benchmark, f"{one.size:,}", shown[0], shown[1], shown[2], shown[3]))
        widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
        return [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]

    def record(self, path: Path) -> None:
        """Expect from now on what this run came to; of several sizes the worst. What it did not
        measure stays as it was, and so does how much worse a run may be."""
        told = {name: asdict(one) for name, one in self.expected.items()}
        for name in dict.fromkeys(one.benchmark for one in self.found):
            ratios = [one.ratio for one in self.found if one.benchmark == name]
            worst = min if self.expected[name].better == "higher" else max
            told[name]["ratio"] = rounded(worst(ratios))
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def write(self, path: Path) -> None:
        benchmarks: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(one.benchmark for one in self.found):
            mine = [one for one in self.found if one.benchmark == name]
            benchmarks[name] = {
                "recorded": asdict(self.expected[name]),
                "sizes": {str(one.size): round(one.ratio, 4) for one in mine},
                "growth": self.growth(name),
            }
        path.write_text(json.dumps({"benchmarks": benchmarks}, indent=2, ensure_ascii=False) + "\n")


def _size(one: Found) -> int:
    return one.size
