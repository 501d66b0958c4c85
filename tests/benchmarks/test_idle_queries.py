"""What a worker and beat ask the database for while a shop sleeps, counted from outside.

An hour of the clockwork passes in a minute: the sweep of each minute, the feeds of each five, the
walk of each quarter of an hour. ``IDLE_SECONDS`` (default 30) is how many of its minutes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.utils import timezone

from esputnik_connector.models import Connection, Heartbeat
from tests.live.conftest import database_url
from tests.live.parts import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MINUTES = float(os.environ.get("IDLE_SECONDS", "30"))
MOST = 10  # queries a minute
START = 60.0  # seconds until the worker has done everything once


def statements(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_worker_with_nothing_to_do_asks_ten_queries_a_minute(tmp_path):
    made = Connection.objects.create(
        name="main", api_key="a key", send_back_in_stock=True, send_price_drop=True
    )
    made.bind()
    Connection.objects.update(verified_at=timezone.now(), checked_at=timezone.now())
    worker = Worker(
        database_url=database_url(),
        broker_url=project_settings.REDIS_URL,
        log=tmp_path / "worker.log",
    )
    asked = tmp_path / "statements.log"
    worker.environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.idle_worker_settings",
        "STATEMENTS": str(asked),
    }
    worker.start()
    try:
        until = time.monotonic() + START
        while Heartbeat.objects.count() < 3 and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(1)
        before, begun = len(statements(asked)), time.monotonic()
        time.sleep(MINUTES)
        found = statements(asked)[before:]
        minutes = time.monotonic() - begun
    finally:
        worker.kill()
    swept = sum("heartbeat" in one.lower() for one in found)
    assert swept >= minutes * 0.8, worker.log.read_text()[-2000:]
    print(f"\n{len(found) / minutes:.1f} statements for each minute of the clock")  # noqa: T201
    for statement, times in Counter(one[:100] for one in found).most_common(12):
        print(f"{times / minutes:6.2f}  {statement}")  # noqa: T201
    assert len(found) / minutes <= MOST
