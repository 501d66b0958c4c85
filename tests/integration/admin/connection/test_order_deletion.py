"""The choice whether orders that the shop deleted are deleted at the destination."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Connection
from esputnik_connector.testing.recording import RecordingDestination
from tests.connection_page import form, staff, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Connection:
    return Connection.objects.create(name="main", api_key="a key of some length")


@pytest.fixture
def merchant(client):
    client.force_login(staff(is_superuser=True))
    return client


def test_orders_are_deleted_there_only_by_the_merchants_choice(merchant, account):
    shown = merchant.get(url("change", account.pk)).context["adminform"].form.fields
    assert not shown["delete_orders"].disabled
    assert shown["delete_orders"].initial is False
    merchant.post(url("change", account.pk), form(consent_policy="withhold", delete_orders="on"))
    account.refresh_from_db()
    assert account.delete_orders


def test_a_destination_that_deletes_no_orders_offers_no_choice(merchant, connection, monkeypatch):
    monkeypatch.setattr(RecordingDestination, "supports_order_deletion", False)
    shown = merchant.get(url("change", connection.pk)).context["adminform"].form.fields
    assert shown["delete_orders"].disabled
