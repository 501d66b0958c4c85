"""What .ci/run makes of what its parts come to. ``make`` is a stand-in here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# As make does, it ends with 2 when what it started failed; which code that had is in a file.
MAKE = """#!/bin/sh
echo "$*" >>calls
case "$1 $2" in
"test ENDED="*)
    mkdir -p .pytest_cache/v/cache
    [ -e failed ] && cp failed .pytest_cache/v/cache/lastfailed
    cat code >"${2#ENDED=}"
    [ "$(cat code)" = 0 ] || exit 2 ;;
*) ! grep -qx "$1" broken || exit 2 ;;
esac
"""

Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run it where the suite ends with ``code`` and so many tests failed, and these targets of make
    fail whenever they are called. Its exit code, what make was asked for, and what was said."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("make", MAKE), ("chromium", "#!/bin/sh\n"), ("msgfmt", "#!/bin/sh\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)

    def go(code: int = 0, failed: int = 0, broken: str = "") -> tuple[int, list[str], str]:
        (tmp_path / "code").write_text(str(code))
        (tmp_path / "broken").write_text(f"{broken}\n")
        if failed:
            names = {f"tests/test_it.py::test_{number}": True for number in range(failed)}
            (tmp_path / "failed").write_text(json.dumps(names))
        done = subprocess.run(
            ["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        )  # fmt: skip
        calls = (tmp_path / "calls").read_text().splitlines()
        return done.returncode, calls, done.stdout + done.stderr

    return go


def again(calls: list[str]) -> list[str]:
    return [call for call in calls if "--last-failed" in call]


def test_where_all_is_well_everything_is_run_once(run: Run):
    code, calls, said = run()
    assert code == 0
    assert "!!!" not in said
    assert again(calls) == []
    for target in ("test", "chaos", "check", "linkcheck"):
        assert len([call for call in calls if call.split()[0] == target]) == 1


def test_a_few_that_failed_beside_others_are_tried_alone_and_named(run: Run):
    code, calls, said = run(code=1, failed=20)
    assert code == 0
    assert "20 tests failed beside others" in said
    assert len(again(calls)) == 1
    assert "JOBS=0" in again(calls)[0]


def test_what_fails_alone_too_fails_it_all(run: Run):
    code, calls, _said = run(code=1, failed=1, broken="test")
    assert code == 1
    assert len(again(calls)) == 1


def test_many_failures_are_no_accident(run: Run):
    code, calls, said = run(code=1, failed=21)
    assert code == 1
    assert again(calls) == []
    assert "21 tests failed: too many" in said


@pytest.mark.parametrize("code", [2, 3, 4, 5, 137])
def test_a_run_that_did_not_come_to_its_end_is_not_saved_by_the_few_that_failed(run: Run, code):
    result, calls, _said = run(code=code, failed=1)
    assert result == 1
    assert again(calls) == []


def test_a_run_that_failed_without_a_failure_has_no_second_try(run: Run):
    code, calls, _said = run(code=1)
    assert code == 1
    assert again(calls) == []


@pytest.mark.parametrize("part", ["chaos", "check", "linkcheck"])
def test_each_other_part_fails_it_too_and_the_rest_is_run_all_the_same(run: Run, part):
    code, calls, _said = run(broken=part)
    assert code == 1
    assert {"test", "chaos", "check"} <= {call.split()[0] for call in calls}
