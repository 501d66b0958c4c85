"""Several seeds of ``make chaos`` end in one table, and in one exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos import __main__ as command
from tests.chaos import series

SAID = """\
Captured 152 = 104 sent + 45 skipped + 3 failed + 0 settled by an import

kept    every order is there as the shop has it
BREACH  nobody erased is there
        contact 2
BREACH  the shop never broke
Seed 7: 2 promises broken.
"""


def result(seed: int = 7, code: int = series.BROKEN, output: str = SAID) -> series.Result:
    return series.Result(seed=seed, code=code, seconds=63.4, output=output)


def test_a_row_tells_the_sums_and_which_promises_were_broken():
    row = result().row()
    assert row.split()[:6] == ["7", "63", "s", "152", "104", "3"]
    assert row.endswith("BROKEN: nobody erased is there; the shop never broke")


@pytest.mark.parametrize(("code", "said"), [(0, "kept"), (1, "BROKEN"), (130, "ended with 130")])
def test_a_run_that_did_not_come_to_its_end_is_no_kept_promise(code, said):
    assert result(code=code, output="").row().endswith(f"  {said}")


def test_the_table_counts_who_kept_everything():
    *_, last = series.table([result(1, 0), result(2), result(3, 0)])
    assert last == "2 of 3 seeds kept every promise."


@pytest.mark.parametrize(("codes", "expected"), [([0, 0], 0), ([0, 1], 1), ([2, 0], 1)])
def test_a_series_ends_well_only_if_every_run_did(codes, expected, tmp_path: Path, monkeypatch):
    program = "import sys; print('says', sys.argv[2]); sys.exit([{}][int(sys.argv[2]) - 1])"
    listed = ", ".join(map(str, codes))
    monkeypatch.setattr(series, "COMMAND", (sys.executable, "-c", program.format(listed)))
    assert series.run([1, 2], ["--minutes", "0.4"], tmp_path) == expected
    assert (tmp_path / "chaos-2.txt").read_text() == "says 2\n"


def test_a_series_hands_each_run_its_options(monkeypatch):
    asked = []
    monkeypatch.setattr(series, "run", lambda *arguments: asked.append(arguments) or 0)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    assert command.main(["--seeds", "1 2", "30", "--minutes", "0.4", "--without", "clock"]) == 0
    ((seeds, options, _logs),) = asked
    assert seeds == [1, 2, 30]
    assert options == ["--minutes", "0.4", "--without", "clock"]
