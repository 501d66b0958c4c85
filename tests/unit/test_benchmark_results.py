"""The table of ``make bench``: what a run came to, beside what was recorded, and how in turns."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.benchmarks.results import Expected, Results, numbers, sizes
from tests.benchmarks.turns import Spent, in_turns, ratio, spent, typical

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


def test_recording_keeps_the_worst_of_a_run_and_what_it_did_not_measure(results, tmp_path):
    results.is_recording = True
    results.add("share", 0.4321, size=10)  # less than is allowed otherwise
    results.add("share", 0.9, size=20)
    results.record(tmp_path / "recorded.json")
    told = json.loads((tmp_path / "recorded.json").read_text())
    assert told["share"] == {
        "ratio": 0.43,
        "better": "higher",
        "tolerance": 0.25,
        "meaning": "rows a second",
    }
    assert told["times"]["ratio"] == 2.0


def test_of_what_should_be_low_the_highest_is_recorded(results, tmp_path):
    results.add("times", 1.2, size=10)
    results.add("times", 1.7777, size=20)
    results.record(tmp_path / "recorded.json")
    assert json.loads((tmp_path / "recorded.json").read_text())["times"]["ratio"] == 1.8


def test_one_variable_sets_the_sizes_of_all_and_another_those_of_one(monkeypatch):
    for name in ("BENCH_SIZES", "GUESTS", "RECORD"):
        monkeypatch.delenv(name, raising=False)
    assert sizes("GUESTS", "5000,20000") == [5000, 20000]
    monkeypatch.setenv("BENCH_SIZES", "10000,100000,1000000")
    assert sizes("GUESTS", "5000,20000") == [10_000, 100_000, 1_000_000]
    assert numbers("CAPTURE_SAVEPOINTS", "1,1000") == [1, 1000]
    monkeypatch.setenv("GUESTS", "7")
    assert sizes("GUESTS", "5000,20000") == [7]


def test_a_run_records_only_when_it_is_told_to(monkeypatch):
    monkeypatch.delenv("RECORD", raising=False)
    assert not Results.recorded().is_recording
    monkeypatch.setenv("RECORD", "1")
    assert Results.recorded().is_recording


def test_every_benchmark_is_recorded_and_everything_recorded_is_measured():
    recorded = Results.recorded().expected
    assert all(one.better in ("higher", "lower") and one.tolerance > 0 for one in recorded.values())
    source = "".join(path.read_text() for path in BENCHMARKS.glob("test_*.py"))
    written = set(re.findall(r'"((?:[a-z{][^"\n]*) [^"\n]*)"', source))
    named = [re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(one))) for one in written]
    for name in recorded:
        assert any(pattern.fullmatch(name) for pattern in named), name


def test_ways_take_turns_and_one_slow_turn_moves_no_ratio():
    order: list[str] = []
    took = iter([(1.0, 2.0), (1.0, 1.0), (9.0, 90.0), (1.0, 1.0), (1.0, 2.0), (4.0, 1.0)])

    def way(name: str) -> Spent:
        order.append(name)
        return Spent(*next(took))

    ones, others = in_turns(lambda: way("ours"), lambda: way("plain"), rounds=3)
    assert order == ["ours", "plain"] * 3
    assert ratio(ones, others) == 2.0
    assert ratio(ones, others, by="seconds") == 1.0
    assert typical(ones) == Spent(1.0, 2.0)


def test_what_is_short_is_repeated_and_told_by_its_mean():
    calls: list[int] = []
    took = spent(lambda: calls.append(sum(range(20_000))), repeats=50)
    assert len(calls) == 50
    whole = spent(lambda: [sum(range(20_000)) for _ in range(50)])
    assert whole.processor / 200 < took.processor < whole.processor / 10
