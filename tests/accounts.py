"""An account at the fake eSputnik, for tests of the pipeline from the outbox to the wire."""

from __future__ import annotations

from typing import Any

from esputnik_connector.models import Connection
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"


def account_at(fake: FakeEsputnik, settings: Any, **values: Any) -> Connection:
    """The shop's one connection, to that server, at a pace that no test has to wait for.

    :param settings: of pytest-django; the destination stands in them until the test is over.
    :param values: columns of the connection that differ from its defaults.
    """
    backend = {"BACKEND": ESPUTNIK, "OPTIONS": {"rate": "1000/second"}}
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": backend},
    }
    made = Connection.objects.create(name="main", api_key=fake.key, api_url=fake.api_url, **values)
    capture.forget_connections()
    return made
