"""``python -m tests.trial``: build the wheel, and follow our pages with it, word for word."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.servers import start_redis

from .pages import ROOT
from .routes import ROUTES, Route
from .trial import Trial

SUPPORTED = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.trial", description=__doc__)
    parser.add_argument("--python", nargs="*", default=[], help="all supported ones on PATH")
    parser.add_argument("--page", choices=list(ROUTES), action="append", help="all if left out")
    given = parser.parse_args(arguments)
    pythons = given.python or [name for name in SUPPORTED if _works(name)]
    with tempfile.TemporaryDirectory(prefix="esputnik-trial-") as folder:
        wheel = build(Path(folder))
        redis = start_redis()
        results = [
            try_out(ROUTES[page], Path(folder) / f"{number}-{page}", python, wheel, redis)
            for number, python in enumerate(pythons)
            for page in given.page or ROUTES
        ]
    return 0 if results and all(results) else 1


def build(folder: Path) -> Path:
    code = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def try_out(route: Route, folder: Path, python: str, wheel: Path, redis: str) -> bool:
    folder.mkdir()
    started = time.monotonic()
    try:
        told = Trial(route, folder, python=python, wheel=wheel, redis=redis).run()
    except Exception as error:  # the next Python is tried all the same
        say(f"FAILED {route.page} on {python}: {type(error).__name__}: {error}")
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - started
    say(f"ok {route.page}: an order at the fake in {seconds:.0f} s. {told}")
    return True


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _works(python: str) -> bool:
    """On PATH, and no shim of a version that is not installed."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "-V"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
