"""The table of ``make bench``: what a run came to, beside what was recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.benchmarks.results import Expected, Results

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def results() -> Results:
    return Results(
        {
            "share": Expected(ratio=0.8, better="higher", tolerance=0.25, meaning="rows a second"),
            "times": Expected(ratio=2.0, better="lower", tolerance=0.5, meaning="seconds"),
        }
    )


@pytest.mark.parametrize(("name", "ratio"), [("share", 0.61), ("share", 5), ("times", 3.0)])
def test_a_ratio_within_what_is_allowed_passes(results, name, ratio):
    results.add(name, ratio, size=10)
    assert results.found[0].ratio == ratio


@pytest.mark.parametrize(("name", "ratio"), [("share", 0.59), ("times", 3.1)])
def test_a_ratio_that_is_worse_fails_and_stands_in_the_table_all_the_same(results, name, ratio):
    with pytest.raises(AssertionError, match=name):
        results.add(name, ratio, size=10)
    assert f"{ratio:.2f}" in results.table()[1]


def test_growth_is_the_largest_size_beside_the_smallest(results):
    results.add("times", 2.4, size=100_000)
    assert results.growth("times") is None
    results.add("times", 2.0, size=10_000)
    assert results.growth("times") == pytest.approx(1.2)
    assert results.table()[1].split()[-1] == "1.20"


def test_the_same_is_written_as_json(results, tmp_path):
    results.add("share", 0.7, size=10)
    results.add("share", 0.9, size=20)
    results.write(tmp_path / "bench.json")
    told = json.loads((tmp_path / "bench.json").read_text())["benchmarks"]["share"]
    assert told["sizes"] == {"10": 0.7, "20": 0.9}
    assert told["recorded"]["ratio"] == 0.8


def test_every_benchmark_is_recorded_and_everything_recorded_is_measured():
    recorded = Results.recorded().expected
    assert all(one.better in ("higher", "lower") and one.tolerance > 0 for one in recorded.values())
    source = "".join(path.read_text() for path in BENCHMARKS.glob("test_*.py"))
    written = set(re.findall(r'"((?:[a-z][^"\n]*) [^"\n]*)"', source))
    named = [re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(one))) for one in written]
    for name in recorded:
        assert any(pattern.fullmatch(name) for pattern in named), name
