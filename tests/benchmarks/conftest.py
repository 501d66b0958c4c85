"""One table of all benchmarks of a run, and the same as JSON in ``BENCH_JSON``.

With ``RECORD=1`` its ratios become the recorded ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks.results import RECORDED, Results

RESULTS = Results.recorded()


@pytest.fixture
def results() -> Results:
    return RESULTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not RESULTS.found:
        return
    path = Path(os.environ.get("BENCH_JSON", "bench.json"))
    RESULTS.write(path)
    if RESULTS.is_recording:
        RESULTS.record(RECORDED)
    terminalreporter.section("benchmarks: ratios of this run, and those recorded")
    for line in RESULTS.table():
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"growth: at the largest size beside the smallest. JSON: {path}")
