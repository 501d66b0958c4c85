"""A status that is mapped anew holds for new changes: no night sends the old orders for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from esputnik_connector import api
from esputnik_connector.models import Connection, OutboxMessage, ReleasedStatus, StatusMapping
from esputnik_connector.operations.connection import config, config_file
from esputnik_connector.operations.connection.statuses import add_proposed, remember, words
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = pytest.mark.django_db(transaction=True)

ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
NOW = datetime.now(timezone.utc)
PLACED = NOW - timedelta(hours=1)  # after the connection was created


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server


@pytest.fixture
def main(fake, plain_shop, settings) -> Connection:
    """One order was delivered; another one was not, for the sake of its status."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": ESPUTNIK, "OPTIONS": {"rate": "1000/second"}}},
    }
    main = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, created_at=NOW - timedelta(days=1)
    )
    mapped(main, Done="DELIVERED", New="DO_NOT_SEND")
    for key, status in (("2", "Done"), ("3", "New")):
        plain_shop.purchases[key] = order(key, status)
        capture.order_changed(key)
    send(main)
    assert told(fake) == {"2": "DELIVERED"}
    return main


def order(key: str, status: str, total: int = 10) -> Order:
    return Order(
        key=key, placed_at=PLACED, status=status, currency="UAH", total=Decimal(total),
        contact_key="7", email="ada@example.com",
    )  # fmt: skip


def mapped(connection: Connection, **pairs: str) -> None:
    before = words(connection)
    for shop_status, status in pairs.items():
        StatusMapping.objects.update_or_create(
            connection=connection, shop_status=shop_status, defaults={"status": status}
        )
    remember(connection, before)


def send(connection: Connection) -> None:
    connection.refresh_from_db()
    Relay(connection).run()


def told(fake: FakeEsputnik) -> dict[str, str]:
    return {key: one["body"]["status"] for key, one in fake.orders.items()}


def night(connection: Connection) -> list[str]:
    """Keys of the orders that a reconciliation puts in line."""
    api.reconcile(connection, Kind.ORDER)
    return sorted(OutboxMessage.objects.values_list("key", flat=True))


def test_a_new_word_sends_no_old_order_at_night(main):
    mapped(main, Done="CANCELLED", New="IN_PROGRESS")
    assert night(main) == []
    assert night(main) == []


def test_the_next_change_of_an_order_goes_with_the_new_word(main, fake, plain_shop):
    mapped(main, Done="CANCELLED", New="IN_PROGRESS")
    night(main)
    for key, status in (("2", "Done"), ("3", "New")):
        plain_shop.purchases[key] = order(key, status, total=20)
        capture.order_changed(key)
    send(main)
    assert told(fake) == {"2": "CANCELLED", "3": "IN_PROGRESS"}


def test_a_change_that_was_missed_is_still_found(main, plain_shop):
    mapped(main, New="IN_PROGRESS")
    plain_shop.purchases["2"] = order("2", "Done", total=20)
    plain_shop.purchases["3"] = order("3", "Done")
    assert night(main) == ["2", "3"]


def test_an_order_that_was_placed_after_the_change_is_found(main):
    mapped(main, New="IN_PROGRESS")
    ReleasedStatus.objects.update(released_at=PLACED - timedelta(minutes=1))
    assert night(main) == ["3"]


def test_a_person_may_send_the_old_ones(main, fake):
    mapped(main, New="IN_PROGRESS")
    api.send_again(main, Kind.ORDER, keys=["3"], route="orders")
    OutboxMessage.objects.update(due_at=NOW)
    send(main)
    assert told(fake)["3"] == "IN_PROGRESS"


def test_a_document_of_settings_remembers_as_well(main):
    document = config_file.exported()
    document["connections"][0]["status_mappings"]["New"] = "IN_PROGRESS"
    config.put(document)
    assert [str(one) for one in ReleasedStatus.objects.all()] == ["New"]
    assert night(main) == []


def test_a_proposal_that_is_taken_remembers_as_well(main):
    StatusMapping.objects.all().delete()  # by hand, in the database
    Connection.objects.update(default_status="DO_NOT_SEND")
    main.refresh_from_db()
    assert [str(one) for one in add_proposed(main, ["Done"])] == ["Done → DELIVERED"]
    assert [str(one) for one in ReleasedStatus.objects.all()] == ["Done"]
