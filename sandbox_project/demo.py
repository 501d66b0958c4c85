"""``python -m sandbox_project.demo``: the whole story with real parts, from an empty directory.

With ``--keep`` (``make sandbox``) everything stays up until Ctrl-C.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import requests
from redis import Redis
from redis.exceptions import RedisError

from .browser import BrowserError
from .places import BASE_DIR, STATE_DIR, Places, choose_places, write_environment
from .processes import Crew, ProcessError, redis_executable
from .story import STAFF_EMAIL, STAFF_PASSWORD, tell_story

MANAGE = (sys.executable, "manage.py")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sandbox_project.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep everything running")
    keep = parser.parse_args(arguments).keep
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    with only_one():
        places = choose_places(keep=keep)
        environment = write_environment(places) if keep else None
        os.environ.update(places.environ)  # the journey reads the shop's database
        crew = Crew(logs=places.logs, cwd=BASE_DIR, env=places.environ)
        try:
            start_everything(crew, places)
            if environment:
                tell_addresses(places, environment)
            code = tell_story(shop_url=places.shop_url, fake_url=places.fake_url, check=crew.check)
            if code:
                print(f"\n{crew.tails()}", file=sys.stderr)
            if keep:
                stay(crew)
            return code
        except KeyboardInterrupt:
            print("\nStopping.")
            return 0 if keep else 130
        except Exception as error:  # whatever it was: show what the processes said, and stop them
            if not isinstance(error, (ProcessError, BrowserError)):
                traceback.print_exc()
            print(f"\n{crew.tails()}\n\nFAILED: {error}", file=sys.stderr)
            return 1
        finally:
            crew.stop()


def start_everything(crew: Crew, places: Places) -> None:
    """Broker, account, database, shop, worker and beat; each is waited for."""
    started = time.monotonic()
    print("  starting Redis and the fake eSputnik, filling the database", flush=True)
    if places.redis_port:
        start_redis(crew, places)
    crew.start("fake-esputnik", [
        sys.executable, "-m", "esputnik_connector.testing.fake_esputnik",
        "--port", str(places.fake_port), "--key", places.fake_key,
    ])  # fmt: skip
    crew.run("migrate", [*MANAGE, "migrate", "--verbosity", "0"])
    crew.run("seed", [
        *MANAGE, "seed", "--staff-email", STAFF_EMAIL, "--staff-password", STAFF_PASSWORD,
    ])  # fmt: skip
    crew.wait_for("redis", lambda: answers_ping(places.environ["REDIS_URL"]), seconds=15)
    crew.wait_for("fake-esputnik", lambda: is_up(f"{places.fake_url}/_fake/state"), seconds=15)
    crew.run("connect", [
        *MANAGE, "connect", "--api-url", f"{places.fake_url}/api",
        "--tracker-url", f"{places.fake_url}/api/v2", "--key", places.fake_key,
    ])  # fmt: skip
    print(f"  starting shop, worker and beat ({_since(started)})", flush=True)
    start_shop(crew, places)
    celery = [sys.executable, "-m", "celery", "-A", "sandbox_project"]
    crew.start("worker", [
        *celery, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip",
    ])  # fmt: skip
    crew.start("beat", [
        *celery, "beat", "--loglevel", "INFO", "--pidfile=",
        "--schedule", str(STATE_DIR / "beat-schedule"),
    ])  # fmt: skip
    crew.wait_for("web", lambda: is_up(f"{places.shop_url}/healthz"))
    crew.wait_for("worker", lambda: has_said(places, "worker", " ready."))
    crew.wait_for("beat", lambda: has_said(places, "beat", "beat: Starting"))
    print(
        f"  shop, worker, beat, Redis and the fake eSputnik are up ({_since(started)})", flush=True
    )


def start_redis(crew: Crew, places: Places) -> None:
    directory = STATE_DIR / "redis"
    directory.mkdir(exist_ok=True)
    crew.start("redis", [
        redis_executable(), "--port", str(places.redis_port), "--bind", "127.0.0.1",
        "--save", "", "--appendonly", "no", "--dir", str(directory),
    ])  # fmt: skip


def start_shop(crew: Crew, places: Places) -> None:
    crew.start("web", [
        sys.executable, "-m", "gunicorn", "sandbox_project.wsgi", "--config",
        "python:sandbox_project.web_server", "--workers", "2", "--threads", "2",
        "--bind", f"127.0.0.1:{places.shop_port}", "--timeout", "60",
    ])  # fmt: skip


def tell_addresses(places: Places, environment: Path) -> None:
    print(
        f"""
  Shop             {places.shop_url}/
  Admin            {places.shop_url}/admin/
  Oscar dashboard  {places.shop_url}/en/dashboard/
                   log in as {STAFF_EMAIL} with the password {STAFF_PASSWORD}
  Fake eSputnik    {places.fake_url}/
  Logs             {places.logs}
  Commands         . {environment} && python manage.py esputnik_doctor
""",
        flush=True,
    )


def stay(crew: Crew) -> None:
    print("\nEverything keeps running. Ctrl-C ends it.", flush=True)
    while True:
        crew.check()
        time.sleep(1)


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def answers_ping(url: str) -> bool:
    try:
        return bool(Redis.from_url(url, socket_timeout=2).ping())
    except RedisError:
        return False


def has_said(places: Places, name: str, words: str) -> bool:
    return words in (places.logs / f"{name}.log").read_text(errors="replace")


@contextmanager
def only_one() -> Iterator[None]:
    """Two demos in one checkout would share files: the second one is told so."""
    STATE_DIR.mkdir(exist_ok=True)
    with (STATE_DIR / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("Another demo or sandbox is running in this directory.") from None
        yield


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _since(moment: float) -> str:
    return f"{time.monotonic() - moment:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
