"""``python -m tests.chaos``: a storm, a quiet time, and a verdict. Ends with 1 on a breach."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from . import series
from .report import tell, tell_at, tell_complaints, tell_sums, tell_verdicts
from .scene import FAKE_KEY, STATE_DIR, Scene
from .schedule import Schedule, drawn

MINUTES = 2.0
LARGEST_SEED = 10**6


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.seeds:
        signal.signal(signal.SIGTERM, _terminate)
        return series.run(_numbers(options.seeds), _of_each(options), STATE_DIR)
    seed = random.SystemRandom().randrange(LARGEST_SEED) if options.seed is None else options.seed
    tell(f"Chaos: seed {seed}, a storm of {options.minutes:g} minutes")
    tell(f"again: make chaos SEED={seed} MINUTES={options.minutes:g}")
    schedule = drawn(seed, options.minutes * 60, without=options.without)
    if options.show:
        show(schedule)
        return 0
    signal.signal(signal.SIGTERM, _terminate)
    started = time.monotonic()
    scene = Scene(STATE_DIR / f"chaos-{seed}", lambda: time.monotonic() - started)
    try:
        return run(schedule, scene)
    except KeyboardInterrupt:
        return 130
    finally:
        scene.stop()


def run(schedule: Schedule, scene: Scene) -> int:
    os.environ.update(scene.env)
    import django

    scene.start_servers()
    django.setup()
    from django.db import connection

    from . import gather, judge, opening, quiet
    from .driver import Storm

    opening.account_as_usual(scene.fake_url)
    opening.open_shop(scene.api_url, FAKE_KEY)
    scene.start_shop()
    storm = Storm(schedule, scene, *opening.cast(scene.shop_url), scene.clock)
    tell_at(scene.clock(), "all", "the shop is open; the storm begins")
    storm.rage()
    tell_at(scene.clock(), "all", f"the storm is over: {_done(storm.done)}")
    tell_complaints(storm.complaints)

    def say(text: str) -> None:
        tell_at(scene.clock(), "quiet", text)

    connection.close()  # the one from before the storm may be dead
    scene.mend()
    # Hours pass in seconds: open imports end at once, and the minute of a repetition is short too.
    opening.account_as_usual(scene.fake_url, import_seconds=0.0, duplicate_seconds=1.0)
    quiet.settle(say)
    quiet.import_history()
    quiet.settle(say)
    for _ in range(2):  # the first may find something that the second must not find again
        quiet.reconcile()
        quiet.settle(say)
    evidence = gather.evidence(storm)
    verdicts = judge.judged(evidence)
    tell()
    tell_sums(evidence)
    tell()
    tell_verdicts(verdicts)
    broken = sum(map(bool, verdicts.values()))
    tell(f"\n{scene.clock():.0f} s. Logs: {scene.logs}")
    tell(f"Seed {schedule.seed}: " + (f"{broken} promises broken." if broken else "all kept."))
    return 1 if broken else 0


def show(schedule: Schedule) -> None:
    """The schedule alone, for reading and comparing."""
    lines = [(step.at, step.actor, step.what) for step in schedule.steps]
    lines += [(blow.at, "blow", str(blow)) for blow in schedule.blows]
    lines += [(one.at, "eSputnik", one.trouble.name) for one in schedule.mischiefs]
    for moment, who, what in sorted(lines):
        tell_at(moment, who, what)


def _numbers(seeds: Sequence[str]) -> list[int]:
    """``--seeds "1 2 3"`` and ``--seeds 1 2 3``."""
    return [int(word) for words in seeds for word in words.replace(",", " ").split()]


def _of_each(options: argparse.Namespace) -> list[str]:
    """What holds for every run of a series."""
    leaving_out = [word for one in options.without for word in ("--without", one)]
    return ["--minutes", f"{options.minutes:g}", *leaving_out]


def _done(done: dict[str, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in sorted(done.items()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats a run; drawn if left out")
    parser.add_argument("--seeds", nargs="+", help="several, one after another, and a table")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="length of the storm")
    parser.add_argument("--show", action="store_true", help="print the schedule, run nothing")
    parser.add_argument(
        "--without", action="append", default=[], metavar="WORD",
        help="leave out what has this in its name: clock, kill redis, blow, eSputnik, instead …",
    )  # fmt: skip
    return parser


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
