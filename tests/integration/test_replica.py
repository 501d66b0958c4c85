"""A shop that reads from a replica which lags: the router of Django's own documentation.

The replica of these tests is a real second database that lags for ever: a copy as it was when
``freeze`` was called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db import connections
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.models import (
    Backfill,
    Connection,
    FieldMapping,
    Lane,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.operations.record.preview import preview
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.run import reconcile_all
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.testing.recording import RecordingDestination

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="copies a database with TEMPLATE"),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

REPLICA = "replica"
User = get_user_model()


class PrimaryAndReplica:
    """As in “An example” of Django's page on multiple databases."""

    def db_for_read(self, model: type, **hints: object) -> str:
        return REPLICA

    def db_for_write(self, model: type, **hints: object) -> str:
        return "default"

    def allow_relation(self, one: object, other: object, **hints: object) -> bool:
        return True


@pytest.fixture
def freeze(settings) -> Iterator[Callable[[], None]]:
    """From now on everything is read from a replica that stays as the database is now."""
    name = f"{database.settings_dict['NAME']}_replica"

    def copy() -> None:
        database.close()
        with database._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database.settings_dict["NAME"]}"')
        replica = database.copy(REPLICA)
        replica.settings_dict["NAME"] = name
        connections[REPLICA] = replica
        settings.DATABASE_ROUTERS = [f"{__name__}.PrimaryAndReplica"]

    yield copy
    settings.DATABASE_ROUTERS = []
    connections[REPLICA].close()
    del connections[REPLICA]
    with database._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')


def order(key: str, **values: object) -> Order:
    common = {
        "key": key,
        "placed_at": timezone.now(),
        "status": "New",
        "currency": "UAH",
        "total": Decimal(10),
        "contact_key": "1",
        "email": "buyer1@example.com",
    }
    return Order(**{**common, **values})


# -- rows of ours ----------------------------------------------------------------------------------


def test_five_orders_are_five_requests(plain_shop, recording, connection, clock, freeze):
    freeze()
    for key in map(str, range(100, 105)):
        plain_shop.purchases[key] = order(key)
        capture.order_changed(key)
    for _ in range(6):
        Relay(Connection.objects.get(), clock=clock).run()
        clock.forward(seconds=5)
    assert sorted(recording.keys()) == ["100", "101", "102", "103", "104"]
    assert not OutboxMessage.objects.exists()
    assert SyncState.objects.exclude(digest="").count() == 5


def test_a_row_that_the_replica_still_has_is_not_sent_again(
    plain_shop, recording, connection, clock, freeze
):
    plain_shop.purchases["100"] = order("100")
    capture.order_changed("100")
    freeze()
    for _ in range(6):
        Relay(Connection.objects.get(), clock=clock).run()
        clock.forward(seconds=5)
    assert recording.keys() == ["100"]
    assert Lane.objects.get(kind="order").holder == ""


def test_an_import_is_read_where_it_is_written(plain_shop, recording, connection, clock, freeze):
    freeze()
    for number in range(250):
        key = str(number)
        plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
    run, is_new = control.start(Connection.objects.get(), Kind.CONTACT)
    assert is_new
    BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock).work(seconds=60)
    run.refresh_from_db()
    assert (run.state, run.counts) == ("finished", {"delivered": 250})
    assert sorted(recording.keys()) == sorted(plain_shop.people)


@pytest.mark.parametrize("model", list(apps.get_app_config("esputnik_connector").get_models()))
def test_no_model_reads_elsewhere_than_it_writes(model, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.PrimaryAndReplica"]
    assert model._default_manager.all().db == "default"
    assert model._base_manager.all().db == "default"
    assert model._default_manager.using("other").db == "other"


def test_a_switch_that_was_turned_just_now_is_seen(plain_shop, recording, connection, freeze):
    freeze()
    Connection.objects.update(sync_orders=False)
    FieldMapping.objects.create(connection=connection, attribute="vip", field_id="7")
    message = OutboxMessage.objects.create(connection=connection, kind="order", key="100")
    fresh = Connection.objects.get()
    assert not fresh.sync_orders
    assert [one.field_id for one in fresh.field_mappings.all()] == ["7"]
    assert not OutboxMessage.objects.get(pk=message.pk).connection.sync_orders
    connection.refresh_from_db()
    assert not connection.sync_orders


# -- the shop --------------------------------------------------------------------------------------


@pytest.fixture
def oscar(settings, db) -> Connection:
    RecordingDestination.reset()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
    }
    long_ago = timezone.now() - timedelta(days=1)
    yield Connection.objects.create(
        name="main", destination="recording", api_key="a key", created_at=long_ago
    )
    RecordingDestination.reset()


def test_what_is_sent_is_read_from_the_primary(oscar, freeze):
    customer = User.objects.create(username="u", email="u@example.com", first_name="Old")
    Relay(oscar).run()
    freeze()
    customer.first_name = "New"
    customer.save()
    Relay(Connection.objects.get()).run()
    sent = [call[0].payload["first_name"] for call in RecordingDestination.calls]
    assert sent == ["Old", "New"]


def test_a_reconciliation_compares_with_the_primary(oscar, freeze):
    customer = User.objects.create(username="u", email="u@example.com")
    made = factories.OrderFactory(
        user=customer,
        currency="UAH",
        date_placed=timezone.now(),
        shipping_address=factories.ShippingAddressFactory(),
    )
    Relay(oscar).run()
    freeze()
    get_model("order", "Order").objects.filter(pk=made.pk).update(status="Paid")
    assert not reconcile_all(seconds=60)
    assert list(OutboxMessage.objects.values_list("kind", "key")) == [("order", made.number)]


def test_an_import_of_orders_and_a_preview_read_the_primary(oscar, freeze):
    freeze()
    customer = User.objects.create(username="u", email="u@example.com", first_name="New")
    fresh = Connection.objects.get()
    seen = preview(fresh, Kind.CONTACT, str(customer.pk))
    assert seen.reason is None
    OutboxMessage.objects.all().delete()
    run, _ = control.start(fresh, Kind.CONTACT)
    assert run.total == 1
    BackfillWorker(run).work(seconds=60)
    run.refresh_from_db()
    assert run.counts == {"delivered": 1}


def test_the_shop_itself_goes_on_reading_from_its_replica(oscar, freeze):
    freeze()
    User.objects.create(username="u", email="u@example.com")
    Relay(Connection.objects.get()).run()
    assert not User.objects.exists()
