"""Several seeds, one after another, each as a process of its own, and one table in the end."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .report import tell

COMMAND = (sys.executable, "-m", "tests.chaos")
CAPTURED = re.compile(r"^Captured (\d+) = (\d+) sent .*? (\d+) failed", re.MULTILINE)
BREACH = re.compile(r"^BREACH {2}(.+)$", re.MULTILINE)
KEPT, BROKEN = 0, 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run as its output tells it. ``code`` is neither 0 nor 1 when the run itself failed."""

    seed: int
    code: int
    seconds: float
    output: str

    @property
    def verdict(self) -> str:
        return {KEPT: "kept", BROKEN: "BROKEN"}.get(self.code, f"ended with {self.code}")

    def row(self) -> str:
        found = CAPTURED.search(self.output)
        captured, sent, failed = found.groups() if found else ("–", "–", "–")
        broken = "; ".join(BREACH.findall(self.output))
        return (
            f"{self.seed:>7}  {self.seconds:>5.0f} s  {captured:>8}  {sent:>5}  {failed:>6}  "
            f"{self.verdict}{': ' if broken else ''}{broken}"
        )


HEAD = f"{'seed':>7}  {'time':>7}  {'captured':>8}  {'sent':>5}  {'failed':>6}  verdict"


def run(seeds: Sequence[int], arguments: Sequence[str], logs: Path) -> int:
    """Ends with 1 when one of them broke a promise or did not come to its end."""
    results = []
    for seed in seeds:
        results.append(run_one(seed, arguments, logs / f"chaos-{seed}.txt"))
        tell(results[-1].row())
    tell()
    for line in table(results):
        tell(line)
    return KEPT if all(one.code == KEPT for one in results) else BROKEN


def run_one(seed: int, arguments: Sequence[str], log: Path) -> Result:
    """What it says goes into ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, "--seed", str(seed), *arguments], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C: the run stops what it started, and then we go
            process.terminate()
            process.wait()
            raise
    output_text = log.read_text(errors="replace")
    return Result(seed=seed, code=code, seconds=time.monotonic() - begun, output=output_text)


def table(results: Sequence[Result]) -> Iterable[str]:
    yield HEAD
    yield from (one.row() for one in results)
    kept = sum(one.code == KEPT for one in results)
    yield f"{kept} of {len(results)} seeds kept every promise."
