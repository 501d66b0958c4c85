"""``esputnik_backfill`` as a process of its own: in a real terminal, and in pipes that close."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fcntl import ioctl
from struct import pack

import pytest

from esputnik_connector.models import Backfill, Connection
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.live.parts import ROOT, Worker
from tests.live.test_backfill_worker import ORDERS, is_over, numbers, shop

__all__ = ["shop"]  # a fixture
pytestmark = pytest.mark.slow

START = ("orders", "--route", "orders", "--yes")
BAR = re.compile(r"order: +(\d+)%\|.*\| (\d+)/1200 \[\d+:\d+<\d+:\d+, +[\d.]+/s")  # pace, time left


def _sit_down() -> None:
    """Take the terminal; and hear Ctrl-C, which whatever runs in the background is deaf to."""
    ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A process with a terminal of its own, so that Ctrl-C is a key and not a signal of ours."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, pack("HHHH", 24, 120, 0, 0))
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_sit_down,
        )  # fmt: skip
        os.close(slave)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # what a terminal says when its process is gone
            while data := os.read(self.master, 4096):
                self.shown += data.decode("utf-8", "replace")

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def end(self) -> int:
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=5)
        return code


@pytest.fixture
def command(worker: Worker) -> list[str]:
    return [sys.executable, "-m", "django"]


@pytest.fixture
def environment(worker: Worker) -> dict[str, str]:
    return {**worker.environment, "TERM": "xterm", "COLUMNS": "120", "LANG": "C.UTF-8"}


@pytest.fixture
def terminal(
    shop: Connection, command: list[str], environment: dict[str, str]
) -> Iterator[Terminal]:
    terminal = Terminal([*command, "esputnik_backfill", *START], environment)
    yield terminal
    with suppress(ProcessLookupError):
        os.killpg(terminal.process.pid, signal.SIGKILL)
    terminal.process.wait()
    os.close(terminal.master)


def slowly(fake: FakeEsputnik) -> None:
    fake.script(Fault("delay", path=ORDERS, seconds=2.0, times=None))


def test_a_bar_moves_and_ctrl_c_leaves_the_import_to_the_worker(fake, shop, worker, request):
    slowly(fake)
    worker.start()
    terminal = request.getfixturevalue("terminal")
    fake.wait_for(lambda: BAR.search(terminal.shown), timeout=30)
    terminal.press_ctrl_c()
    assert terminal.end() == 130, terminal.shown
    assert "a Celery worker works at it" in terminal.shown
    assert "manage.py esputnik_backfill orders --watch" in terminal.shown
    assert "manage.py esputnik_backfill orders --pause" in terminal.shown
    assert "Traceback" not in terminal.shown
    run, is_new = control.start(shop, Kind.ORDER, route="orders")
    assert (run.state, is_new) == ("running", False)
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert run.counts == {"delivered": 1200}
    assert set(fake.orders) == numbers()


def test_ctrl_c_where_the_command_does_the_work_says_who_goes_on(
    fake, terminal, shop, command, environment
):
    """And whoever looks again, without a terminal, reads a line per page."""
    slowly(fake)
    fake.wait_for(lambda: len(fake.orders) >= 500, timeout=60)
    terminal.press_ctrl_c()
    assert terminal.end() == 130, terminal.shown
    assert "Ctrl-C again stops at once." in terminal.shown
    assert "It goes on when a Celery worker runs, or when you look again." in terminal.shown
    assert "Traceback" not in terminal.shown
    run, _ = control.start(shop, Kind.ORDER, route="orders")
    assert (run.state, run.holder) == ("running", "")

    again = subprocess.run(
        [*command, "esputnik_backfill", "orders", "--watch"], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    *pages, verdict = again.stdout.splitlines()
    done = [
        int(found[1]) for found in map(re.compile(r"order: (\d+) delivered").match, pages) if found
    ]
    assert len(fake.requests(path=ORDERS)) == 4  # none was cut off and sent again
    assert done[-2:] == [1020, 1200]  # twenty at first, then by five hundred
    assert len(done) == len(set(done)) <= 4
    assert verdict == "order: finished. 1200 = 1200 delivered (100 %)"
    assert set(fake.orders) == numbers()


def test_ctrl_c_at_a_question_starts_nothing(fake, shop, command, environment):
    terminal = Terminal([*command, "esputnik_backfill", "orders"], environment)
    fake.wait_for(lambda: "past_events or orders?" in terminal.shown, timeout=30)
    terminal.press_ctrl_c()
    assert terminal.end() == 130, terminal.shown
    os.close(terminal.master)
    assert "Stopped." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert not shop.backfills.exists()


@pytest.mark.parametrize(
    "arguments", [("esputnik_backfill", *START), ("esputnik_doctor", "--offline")], ids=str
)
def test_a_pipe_that_is_closed_early_is_no_error(fake, shop, worker, environment, arguments):
    worker.start()
    told = subprocess.run(
        ["bash", "-c", '"$@" | head -1; exit "${PIPESTATUS[0]}"', "bash", sys.executable, "-m",
         "django", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert len(told.stdout.splitlines()) == 1
    assert "Traceback" not in told.stderr
    assert "BrokenPipe" not in told.stderr
    if arguments[0] == "esputnik_backfill":
        assert told.returncode == 141
        run, _ = control.start(shop, Kind.ORDER, route="orders")
        fake.wait_for(lambda: is_over(run), timeout=60)
        assert set(fake.orders) == numbers()


def test_ctrl_c_again_does_not_wait_for_an_answer_that_does_not_come(fake, terminal, shop):
    fake.script(Fault("delay", path=ORDERS, seconds=25.0, times=None))
    fake.wait_for(lambda: fake.requests(path=ORDERS), timeout=60)
    begun = time.monotonic()
    terminal.press_ctrl_c()
    fake.wait_for(lambda: "Ctrl-C again stops at once." in terminal.shown)
    terminal.press_ctrl_c()
    assert terminal.end() == 130, terminal.shown
    assert time.monotonic() - begun < 15
    assert "It goes on when a Celery worker runs, or when you look again." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert Backfill.objects.get().state == "running"
