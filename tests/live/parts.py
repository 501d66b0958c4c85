"""Real parts that can be taken away: worker processes, and a line to the broker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from celery import Celery

from esputnik_connector.pipeline.broker import publisher

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A Celery worker with a beat, as a process of its own, on the test's database."""

    def __init__(self, *, database_url: str, broker_url: str, log: Path) -> None:
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.worker_settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": broker_url,
            "PYTHONPATH": str(ROOT),
        }
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "celery", "-A", "sandbox_project", "worker",
                    "--beat", "--schedule", str(self.log.with_suffix(".beat")),
                    "--concurrency", "2", "--loglevel", "INFO",
                    "--without-gossip", "--without-mingle", "--without-heartbeat",
                ],
                cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Until it takes messages: on a busy machine, to import a shop takes longer than to send.

        :raises TimeoutError: it does not; with what it wrote.
        """
        ends_at = time.monotonic() + seconds
        while b" ready." not in self.log.read_bytes():
            if time.monotonic() > ends_at:
                raise TimeoutError(self.log.read_text(errors="replace"))
            time.sleep(0.1)

    def kill(self) -> None:
        """``kill -9`` for the worker and its children: nobody has time to clean up."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class BrokerLine:
    """A TCP line to the real broker that can be cut, or answer nothing (a black hole)."""

    def __init__(self, broker_url: str) -> None:
        self.broker = urlsplit(broker_url)
        self.target = self.broker.hostname or "127.0.0.1", self.broker.port or 6379
        self.is_silent = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets: list[socket.socket] = []
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """By this line, to the same database of the broker."""
        return self.broker._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    def cut(self) -> None:
        """As when Redis is stopped: nobody listens, and open connections break."""
        self.is_open = False
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._drop()

    def black_hole(self) -> None:
        """As behind a firewall that drops packets: connections open and nothing ever answers."""
        self.is_silent = True
        self._drop()

    def _drop(self) -> None:
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.sockets = []

    def _accept(self) -> None:
        while self.is_open:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(near)
            if self.is_silent:
                continue
            try:
                far = socket.create_connection(self.target)
            except OSError:  # the broker has ended
                near.close()
                continue
            self.sockets.append(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def __enter__(self) -> BrokerLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_open:
            self.cut()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


def point_to(app: Celery, broker_url: str) -> None:
    """Make this process publish elsewhere, from now on."""
    app.conf.broker_url = broker_url
    publisher.begin_anew()


class SocketWatch:
    """Every address that a thread other than the test's own connects to."""

    def __init__(self) -> None:
        self.addresses: list[object] = []
        self._connect = socket.socket.connect
        self._connect_ex = socket.socket.connect_ex

    def __enter__(self) -> SocketWatch:
        watch = self

        def connect(self: socket.socket, address: object) -> None:
            watch._see(address)
            watch._connect(self, address)  # type: ignore[arg-type]

        def connect_ex(self: socket.socket, address: object) -> int:
            watch._see(address)
            return watch._connect_ex(self, address)  # type: ignore[arg-type]

        socket.socket.connect = connect  # type: ignore[method-assign, assignment]
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        socket.socket.connect = self._connect  # type: ignore[method-assign]
        socket.socket.connect_ex = self._connect_ex  # type: ignore[method-assign]

    def _see(self, address: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            self.addresses.append(address)
