"""A terminal in the project's folder: what is typed into it runs, what stays running is stopped."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

STAYS = (
    "celery -A ",
    "python manage.py runserver",
    "python manage.py esputnik_relay --watch",
    "python -m esputnik_connector.testing.fake_esputnik",
)
STEP_LIMIT = 600  # seconds for one block; an installation over a slow line is the longest
GRACE = 10  # seconds between "please stop" and SIGKILL
TAIL = 30  # lines of a log that are shown after a failure


class TerminalError(Exception):
    """A command failed; the text has what it said."""


@dataclass
class Terminal:
    home: Path
    folder: Path  # where it stands: ``cd`` changes it
    environ: dict[str, str]
    addresses: Mapping[str, str] = field(default_factory=dict)  # on the page → here
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def with_python(cls, home: Path, python: str, **environ: str) -> Terminal:
        """A new terminal whose ``python3`` is that one, with nothing of our own environment."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TERM") if name in os.environ}
        kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        programs = home / "bin"
        programs.mkdir()
        script = programs / "python3"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} "$@"\n')
        script.chmod(0o755)
        path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
        return cls(home, home, {**kept, "PATH": path, **environ})

    def known_here(self, text: str) -> str:
        """The text with the addresses that are free on this machine."""
        for on_page, here in self.addresses.items():
            text = text.replace(on_page, here)
        return text

    def type(self, block: str) -> str:
        """Type a block, line by line; a variable that it exports stays. Returns what it printed.

        :raises TerminalError: a line ended with another code than 0.
        """
        said = ""
        for line in _lines(self.known_here(block)):
            if line.startswith(STAYS):
                self._start(line)
            else:
                said += self._run(line)
        return said

    def check(self) -> None:
        """:raises TerminalError: a process has ended that should be running."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise TerminalError(f"{name} ended with {process.returncode}\n{self._tail(name)}")

    def stop(self, program: str) -> None:
        """End what was started by a line with this word, as Ctrl-C in its window does."""
        (name,) = (name for name in self.running if program in name)
        process = self.running.pop(name)
        _signal_group(process, signal.SIGINT)
        process.wait(GRACE)

    def close(self) -> None:
        """Stop what is running, last started first."""
        for process in reversed(self.running.values()):
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in reversed(self.running.values()):
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self.running.clear()

    def tails(self) -> str:
        return "\n".join(self._tail(name) for name in self.running)

    def _run(self, line: str) -> str:
        exported = self.home / "exported"
        done = subprocess.run(
            ["bash", "-ec", f"{line}\nenv -0 > {shlex.quote(str(exported))}"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=STEP_LIMIT,
            check=False,
        )
        if done.returncode:
            raise TerminalError(f"$ {line}\nended with {done.returncode}\n{done.stdout}")
        self.environ = _read(exported)
        self.folder = Path(self.environ.pop("PWD"))
        return done.stdout

    def _start(self, line: str) -> None:
        number = len(list(self.home.glob("*.log"))) + 1
        name = f"{number}-{re.sub(r'[^a-z_]+', '-', line)}"
        with (self.home / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                shlex.split(line),
                cwd=self.folder,
                env={**self.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _tail(self, name: str) -> str:
        lines = (self.home / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join([f"--- {name}", *lines[-TAIL:]])


def _lines(block: str) -> list[str]:
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def _read(exported: Path) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in exported.read_text().split("\0") if "=" in pair)
    return {name: value for name, _, value in pairs if name not in {"_", "SHLVL", "OLDPWD"}}


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
