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
from .environment import BASE_DIR, STATE_DIR, Environment, choose_environment, write_shell_file
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
        environment = choose_environment(keep=keep)
        shell_file = write_shell_file(environment) if keep else None
        os.environ.update(environment.environ)  # the journey reads the shop's database
        crew = Crew(logs=environment.logs, cwd=BASE_DIR, env=environment.environ)
        try:
            start_everything(crew, environment)
            if shell_file is not None:
                print_addresses(environment, shell_file)
            code = tell_story(
                shop_url=environment.shop_url, fake_url=environment.fake_url, check=crew.check
            )
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


def start_everything(crew: Crew, environment: Environment) -> None:
    """Broker, account, database, shop, worker and beat; each is waited for."""
    started = time.monotonic()
    print("  starting Redis and the fake eSputnik, filling the database", flush=True)
    if environment.redis_port:
        start_redis(crew, environment)
    fake = f"--port {environment.fake_port} --key {environment.fake_key} --segmentation"
    fake_module = [sys.executable, "-m", "esputnik_connector.testing.fake_esputnik"]
    crew.start("fake-esputnik", [*fake_module, *fake.split()])
    crew.run("migrate", [*MANAGE, "migrate", "--verbosity", "0"])
    staff = ["--staff-email", STAFF_EMAIL, "--staff-password", STAFF_PASSWORD]
    crew.run("seed", [*MANAGE, "seed", *staff])
    crew.wait_for("redis", lambda: answers_ping(environment.environ["REDIS_URL"]), seconds=15)
    crew.wait_for("fake-esputnik", lambda: is_up(f"{environment.fake_url}/_fake/state"), seconds=15)
    account = (
        f"--api-url {environment.fake_url}/api --tracker-url {environment.fake_url}/api/v2 "
        f"--key {environment.fake_key} --site"
    )
    crew.run("connect", [*MANAGE, "connect", *account.split()])
    print(f"  starting shop, worker and beat ({_since(started)})", flush=True)
    start_shop(crew, environment)
    celery = [sys.executable, "-m", "celery", "-A", "sandbox_project"]
    worker = "worker --concurrency 2 --loglevel INFO --without-gossip"
    crew.start("worker", [*celery, *worker.split()])
    schedule = str(STATE_DIR / "beat-schedule")
    crew.start(
        "beat", [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", schedule]
    )
    crew.wait_for("web", lambda: is_up(f"{environment.shop_url}/healthz"))
    crew.wait_for("worker", lambda: has_logged(environment, "worker", " ready."))
    crew.wait_for("beat", lambda: has_logged(environment, "beat", "beat: Starting"))
    print(
        f"  shop, worker, beat, Redis and the fake eSputnik are up ({_since(started)})", flush=True
    )


def start_redis(crew: Crew, environment: Environment) -> None:
    directory = STATE_DIR / "redis"
    directory.mkdir(exist_ok=True)
    options = f"--port {environment.redis_port} --bind 127.0.0.1 --appendonly no".split()
    crew.start("redis", [redis_executable(), *options, "--save", "", "--dir", str(directory)])


def start_shop(crew: Crew, environment: Environment) -> None:
    options = (
        "--config python:sandbox_project.web_server --workers 2 --threads 2 "
        f"--bind 127.0.0.1:{environment.shop_port} --timeout 60"
    )
    gunicorn = [sys.executable, "-m", "gunicorn", "sandbox_project.wsgi"]
    crew.start("web", [*gunicorn, *options.split()])


def print_addresses(environment: Environment, shell_file: Path) -> None:
    print(
        f"""
  Shop             {environment.shop_url}/
  Admin            {environment.shop_url}/admin/
  Oscar dashboard  {environment.shop_url}/en/dashboard/
                   log in as {STAFF_EMAIL} with the password {STAFF_PASSWORD}
  Fake eSputnik    {environment.fake_url}/
  Logs             {environment.logs}
  Commands         . {shell_file} && python manage.py esputnik_doctor
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


def has_logged(environment: Environment, name: str, words: str) -> bool:
    return words in (environment.logs / f"{name}.log").read_text(errors="replace")


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
