"""Which of eSputnik's statuses a shop's own name suggests."""

from __future__ import annotations

import pytest

from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.models import Connection, StatusMapping
from esputnik_connector.operations.connection.statuses import add_proposed, proposals


@pytest.mark.parametrize(
    ("shop_status", "proposal"),
    [
        ("Pending", "INITIALIZED"),
        ("New", "INITIALIZED"),
        ("Нове", "INITIALIZED"),
        ("Being processed", "IN_PROGRESS"),
        ("Paid", "IN_PROGRESS"),
        ("Shipped", "IN_PROGRESS"),
        ("Відправлено", "IN_PROGRESS"),
        ("Complete", "DELIVERED"),
        ("Delivered", "DELIVERED"),
        ("Виконано", "DELIVERED"),
        ("Cancelled", "CANCELLED"),
        ("Refunded", "CANCELLED"),
        ("Payment failed", "CANCELLED"),
        ("Not delivered: returned", "CANCELLED"),
        ("Скасовано", "CANCELLED"),
    ],
)
def test_a_telling_name_is_proposed(shop_status, proposal):
    assert proposals(EsputnikDestination, [shop_status]) == {shop_status: proposal}


def test_a_name_that_tells_nothing_is_left_to_the_default():
    assert proposals(EsputnikDestination, ["Stage 7"]) == {}


@pytest.mark.django_db
def test_what_a_person_chose_stays():
    connection = Connection.objects.create(name="main")
    StatusMapping.objects.create(connection=connection, shop_status="Paid", status="DELIVERED")
    add_proposed(connection, ["Paid", "Cancelled"])
    assert dict(connection.status_mappings.values_list("shop_status", "status")) == {
        "Paid": "DELIVERED",
        "Cancelled": "CANCELLED",
    }
