"""A merchant, and a connection to the fake eSputnik."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from esputnik_connector.models import (
    Connection,
)
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.connection_page import HERE, KEY, staff


@pytest.fixture(autouse=True)
def _settings(settings) -> None:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": (
                    "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
                ),
                "OPTIONS": {"rate": "100/second"},
            }
        },
        "RATE_LIMIT_STORAGE": "",
        "ENVIRONMENT": HERE,
        "WAKE": "",
    }


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def merchant(client: Client) -> Client:
    client.force_login(staff(is_superuser=True))
    return client


@pytest.fixture
def stored(fake: FakeEsputnik) -> Connection:
    return Connection.objects.create(
        name="main", api_key=KEY, api_url=fake.api_url, environment=HERE
    )
