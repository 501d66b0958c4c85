"""A real worker, a real broker and the fake eSputnik around the sandbox shop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as project_settings
from django.db import connection as database

from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.statuses import add_proposed
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Settings
from tests.live.parts import BrokerLine, Worker


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(settings=Settings(segmentation=True)) as server:
        yield server


@pytest.fixture
def live(fake: FakeEsputnik, transactional_db: None, settings) -> Connection:
    """The shop, connected to the fake eSputnik."""
    settings.ESPUTNIK_CONNECTOR = {**project_settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    connection = Connection.objects.create(
        name="main", api_url=fake.api_url, api_key=fake.key, consent_policy="confirmed"
    )
    add_proposed(connection, project_settings.OSCAR_ORDER_STATUS_PIPELINE)
    connection.bind()
    capture.forget_connections()
    publisher.begin_anew()
    return connection


@pytest.fixture
def worker(live: Connection, tmp_path: Path) -> Iterator[Worker]:
    """A worker that is not started yet; killed at the end."""
    worker = Worker(
        database_url=database_url(),
        broker_url=project_settings.REDIS_URL,
        log=tmp_path / "worker.log",
    )
    yield worker
    worker.kill()


@pytest.fixture
def broker_line() -> Iterator[BrokerLine]:
    with BrokerLine(project_settings.REDIS_URL) as line:
        yield line


def database_url() -> str:
    """The address of the test's own database, for another process."""
    name = database.settings_dict["NAME"]
    if database.vendor == "sqlite":
        return f"sqlite:///{name}"
    given = urlsplit(os.environ["DATABASE_URL"])
    return given._replace(path=f"/{name}").geturl()
