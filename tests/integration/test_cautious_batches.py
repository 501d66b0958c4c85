"""How many orders go together while nobody knows whether eSputnik names those that it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal

import pytest

from esputnik_connector.models import Connection, Lane
from esputnik_connector.operations.connection.verify import forget_deliveries
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.memory_shop import MemoryShop

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
PATH = "/api/v1/orders"
MANY = 90


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def shop(plain_shop: type[MemoryShop], settings) -> type[MemoryShop]:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RATE_LIMIT_STORAGE": "",
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": "esputnik_connector.destinations.esputnik.destination."
                "EsputnikDestination",
                "OPTIONS": {"rate": "1000/second"},
            }
        },
    }
    return plain_shop


@pytest.fixture
def connection(shop, fake, db) -> Connection:
    return Connection.objects.create(name="main", api_key=KEY, api_url=fake.api_url)


def placed(shop: type[MemoryShop], first: int, count: int) -> list[str]:
    """So many more orders, noted."""
    keys = [str(first + number) for number in range(count)]
    for key in keys:
        shop.purchases[key] = Order(
            key=key, placed_at=datetime(2026, 11, 21, 12, tzinfo=timezone.utc), status="New",
            currency="UAH", total=Decimal(10), contact_key="1", email="buyer1@example.com",
        )  # fmt: skip
        capture.order_changed(key)
    return keys


def sizes(fake: FakeEsputnik) -> list[int]:
    return [len(one.body["orders"]) for one in fake.log if one.path == PATH]


def form_of_the_answer_is_hidden(fake: FakeEsputnik) -> None:
    fake.script(Fault("patch", path=PATH, body={"failedOrders": None}, times=None))


def test_the_first_orders_go_in_a_small_batch_and_the_rest_as_ever(shop, connection, fake):
    placed(shop, 1000, MANY)

    assert Relay(connection).run() == {"delivered": MANY}

    assert sizes(fake) == [20, MANY - 20]
    assert Lane.objects.get(kind="order").names_refusals is True


def test_an_account_that_shows_nothing_gets_small_batches_until_it_does(shop, connection, fake):
    form_of_the_answer_is_hidden(fake)
    placed(shop, 1000, MANY)
    Relay(connection).run()
    assert sizes(fake) == [20, 20, 20, 20, 10]
    assert Lane.objects.get(kind="order").names_refusals is None

    fake.clear_faults()
    placed(shop, 2000, MANY)
    Relay(connection).run()
    assert sizes(fake)[5:] == [20, MANY - 20]


def test_a_refusal_that_names_nobody_repeats_few_and_the_next_batches_stay_small(
    shop, connection, fake, clock
):
    keys = placed(shop, 1000, MANY)
    fake.configure(duplicate_seconds=0)
    fake.script(Fault("refuse_nameless", path=PATH, ids=[keys[7]], times=None))

    for _round in range(3):
        Relay(connection, clock=clock).run()
        clock.forward(hours=1)

    assert max(sizes(fake)) == 20
    raised = [one["key"] for one in fake.events(source="orders")]
    assert all(raised.count(key) <= 2 for key in keys)
    assert sum(raised.count(key) == 2 for key in keys) <= 19
    assert Lane.objects.get(kind="order").names_refusals is False

    fake.clear_faults()
    placed(shop, 2000, MANY)
    before = len(sizes(fake))
    Relay(connection, clock=clock).run()
    assert max(sizes(fake)[before:]) == 20  # the form of an answer is no promise any more


def test_a_loud_import_begins_with_a_small_batch_too(shop, connection, fake):
    connection.consent_policy = "confirmed"
    connection.save()
    keys = placed(shop, 1000, MANY)
    connection.outbox.all().delete()
    run, _ = control.start(connection, Kind.ORDER, route="orders")

    BackfillWorker(run).work(seconds=30)

    assert sizes(fake) == [20, MANY - 20]
    assert set(fake.orders) == set(keys)


def test_a_quiet_import_has_no_reason_to_be_careful(shop, connection, fake):
    """Its answer has a place for each event, and nothing is started by it."""
    connection.consent_policy = "confirmed"
    connection.save()
    placed(shop, 1000, MANY)
    connection.outbox.all().delete()
    run, _ = control.start(connection, Kind.ORDER, route="past_events")
    BackfillWorker(run).work(seconds=30)
    calls = [one for one in fake.log if one.path.endswith("past_events")]
    assert [len(one.body["events"]) for one in calls] == [MANY]


def test_another_account_has_to_show_it_anew(shop, connection, fake):
    placed(shop, 1000, 3)
    Relay(connection).run()
    forget_deliveries(connection)
    assert Lane.objects.get(kind="order").names_refusals is None
