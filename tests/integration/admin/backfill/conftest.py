"""A shop with history, a merchant, support, and a run."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from esputnik_connector.models import Backfill, Connection
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Contact, Kind, Order
from tests.import_pages import NOW, staff


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[int]:
    """Runs that a worker was told of, instead of a broker."""
    told: list[int] = []
    monkeypatch.setattr("esputnik_connector.admin.backfill.actions.wake_backfill", told.append)
    return told


@pytest.fixture
def people(plain_shop, settings) -> list[str]:
    """150 customers, one of whom the shop holds back, and three orders."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RECORD_HOOK": "tests.import_pages.but_not_the_ninth"
    }  # fmt: skip
    for number in range(150):
        email = f"buyer{number}@example.com"
        plain_shop.people[str(number)] = Contact(key=str(number), email=email, joined_at=NOW)
    for number in range(3):
        plain_shop.purchases[f"10{number}"] = Order(
            key=f"10{number}", placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
            contact_key="1", email="buyer1@example.com",
        )  # fmt: skip
    return list(plain_shop.people)


@pytest.fixture
def merchant(client: Client) -> Client:
    """May change connections, and nothing else."""
    client.force_login(staff("change_connection", "view_connection"))
    return client


@pytest.fixture
def support(client: Client) -> Client:
    """May look at imports and at unsent changes."""
    client.force_login(staff("view_backfill", "view_outboxmessage"))
    return client


@pytest.fixture
def run(connection: Connection, people: list[str]) -> Backfill:
    return control.start(connection, Kind.CONTACT)[0]
