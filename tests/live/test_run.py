"""``manage.py esputnik_run``: one process that does without Celery all that Celery would do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.utils import timezone

from esputnik_connector.models import Backfill, Connection, Feed, Heartbeat, Lane
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import Fault
from tests.live.conftest import database_url
from tests.live.parts import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="kills a session of PostgreSQL"),
]


class Process:
    """The command, as systemd would start it."""

    def __init__(self, log: Path) -> None:
        self.log = log
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.run_settings",
            "DATABASE_URL": database_url(),
            "PYTHONPATH": str(ROOT),
        }
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "esputnik_run"],
                cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def stop(self) -> tuple[int, float]:
        """Exit code, and how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30), time.monotonic() - begun


@pytest.fixture
def start(live, settings, tmp_path) -> Iterator[Callable[[], Process]]:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    processes = []

    def started() -> Process:
        process = Process(tmp_path / "run.log")
        processes.append(process)
        until(lambda: "Running" in process.log.read_text(), process)
        return process

    yield started
    for process in processes:
        process.process.kill()
        process.process.wait()


def until(claim: Callable[[], object], process: Process, seconds: float = 25) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert process.process.poll() is None, process.log.read_text()
        assert time.monotonic() < deadline, process.log.read_text()
        time.sleep(0.1)


def customer(email: str) -> None:
    get_user_model().objects.create_user(email.partition("@")[0], email=email)


def test_it_sends_keeps_all_heartbeats_and_stops_within_seconds(live, fake, start):
    Connection.objects.update(created_at=timezone.now() - timedelta(days=9))
    Feed.objects.create(name="all", language="en", currency="UAH")
    started = start()
    customer("olena@example.com")
    until(lambda: known(fake, "olena@example.com"), started)
    until(lambda: {"sweep", "feeds"} <= set(heartbeats()), started)
    until(lambda: Feed.objects.get().builds.exists(), started)
    code, seconds = started.stop()
    assert (code, seconds < 8) == (0, True)
    assert "Stopped." in started.log.read_text()
    assert not Lane.objects.exclude(holder="").exists()


def test_the_nights_work_is_made_up_for(live, start):
    """A process that slept through the night, as after a broken deployment."""
    ago = timezone.now() - timedelta(days=2)
    for name in ("reconcile", "prune"):
        Heartbeat.objects.create(name=name, beaten_at=ago)
    started = start()
    until(lambda: all(moment > ago for moment in heartbeats().values()), started)
    assert {"reconcile", "prune"} <= set(heartbeats())


def test_an_import_goes_on_beside_live_changes(live, fake, start):
    started = start()
    get_user_model().objects.bulk_create(
        get_user_model()(username=f"buyer{number}", email=f"buyer{number}@example.com")
        for number in range(25)
    )
    run, _is_new = control.start(live, Kind.CONTACT)
    customer("olena@example.com")
    until(lambda: known(fake, "olena@example.com"), started)
    until(lambda: Backfill.objects.get(pk=run.pk).state == "finished", started)
    assert known(fake, "buyer24@example.com")


def test_it_outlives_a_lost_database_session(live, fake, start):
    started = start()
    customer("first@example.com")
    until(lambda: known(fake, "first@example.com"), started)
    # A lane that is held at that moment stays with its holder until the lease runs out.
    until(lambda: not Lane.objects.exclude(holder="").exists(), started)
    with database.cursor() as cursor:  # as an administrator does, or a failover
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    customer("second@example.com")
    until(lambda: known(fake, "second@example.com"), started)


def test_a_request_that_hangs_does_not_hold_up_a_stop(live, fake, start):
    started = start()
    fake.script(Fault("delay", seconds=60.0, times=None))
    customer("olena@example.com")
    until(lambda: Lane.objects.exclude(holder="").exists(), started)
    code, seconds = started.stop()
    assert (code, seconds < 12) == (0, True), started.log.read_text()
    assert "given up" in started.log.read_text()


def heartbeats() -> dict[str, object]:
    return dict(Heartbeat.objects.values_list("name", "beaten_at"))


def known(fake, email: str) -> bool:
    return email in str(fake.all_contacts)
