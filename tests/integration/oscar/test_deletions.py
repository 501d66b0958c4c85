"""What an Oscar shop tells of a customer in the moment in which they are deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.models import Attempt, Connection, OutboxMessage, Tombstone
from esputnik_connector.operations.erase.guest import erase_guest
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.customers.traces import traces_of
from esputnik_connector.testing.recording import RecordingDestination
from tests.oscar_rows import OSCAR_WARNINGS, place, ukraine

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

User = get_user_model()
UserAddress = get_model("address", "UserAddress")


@pytest.fixture
def connection(settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
    }
    RecordingDestination.reset()
    capture.forget_connections()
    return Connection.objects.create(name="main", destination="recording", api_key="a key")


def customer() -> Any:
    user = User.objects.create(username="olena", email="olena@example.com")
    UserAddress.objects.create(
        user=user, line1="Khreshchatyk 1", country=ukraine(), phone_number="+380671112233"
    )
    return user


def ordered(user: Any, phone: str, **fields: Any) -> Any:
    country = get_model("address", "Country").objects.get(iso_3166_1_a2="UA")
    address = factories.ShippingAddressFactory(country=country, phone_number=phone)
    return place(user, shipping_address=address, **fields)


def forget_all() -> None:
    """As before the connector was installed: nothing was captured, nothing was sent."""
    OutboxMessage.objects.all().delete()


def guest_with(phone: str) -> Any:
    country = get_model("address", "Country").objects.get(iso_3166_1_a2="UA")
    address = factories.ShippingAddressFactory(country=country, phone_number=phone)
    return place(None, shipping_address=address, guest_email="")


def test_an_old_order_is_not_sent_after_its_buyer_is_deleted(connection):
    user = customer()
    order = ordered(user, "+380503334455")
    forget_all()
    user.delete()
    Relay(connection).run()
    RecordingDestination.calls.clear()

    order.refresh_from_db()
    order.status = "Being processed"
    order.save()

    assert Relay(connection).run() == {"skipped": 1}
    assert Attempt.objects.filter(key=order.number).latest("pk").reason == "erased"
    assert RecordingDestination.calls == []


@pytest.mark.parametrize("phone", ["+380671112233", "+380503334455"], ids=["address", "order"])
def test_a_guest_with_a_phone_of_a_deleted_customer_is_not_sent(connection, phone):
    user = customer()
    ordered(user, "+380503334455")
    forget_all()
    user.delete()
    Relay(connection).run()
    RecordingDestination.calls.clear()

    order = guest_with(phone)
    Relay(connection).run()

    assert Attempt.objects.get(key=order.number, kind="order").reason == "erased"
    assert order.number not in list(RecordingDestination.keys())


def test_merged_accounts_keep_their_orders(connection):
    kept, merged = User.objects.create(username="kept", email="kept@example.com"), customer()
    order = ordered(merged, "+380503334455")
    Relay(connection).run()

    order.user = kept
    order.save()
    merged.delete()
    Relay(connection).run()

    sent = [one for call in RecordingDestination.calls for one in call if one.key == order.number]
    assert sent[-1].payload["contact_key"] == str(kept.pk)
    assert Attempt.objects.filter(key=order.number).latest("pk").outcome == "delivered"


def test_a_deletion_costs_three_queries_however_many_orders_there_are(connection):
    def cost(orders: int) -> int:
        user = User.objects.create(username=f"u{orders}", email=f"u{orders}@example.com")
        for _ in range(orders):
            place(user)
        capture.contact_changed("warm")
        with CaptureQueriesContext(database) as queries:
            assert len(traces_of(user, "default").orders) == orders
        return len([one for one in queries if "SAVEPOINT" not in one["sql"]])

    ukraine()
    assert cost(1) == cost(5)


def test_a_guest_is_known_by_all_orders_of_their_email(connection):
    address = factories.ShippingAddressFactory(country=ukraine(), phone_number="+380503334455")
    first = place(None, guest_email="Ann@Example.com", shipping_address=address)
    second = place(None, guest_email="ann@example.com")
    place(None, guest_email="other@example.com")
    place(customer(), guest_email="ann@example.com")

    found = registry.shop().guest_traces("ann@example.com")

    assert found.orders == (first.number, second.number)
    assert found.contacts == (f"guest:{first.number}", f"guest:{second.number}")
    assert found.locators[0] == "ann@example.com"
    assert "+380503334455" in found.locators


def test_a_guest_who_was_erased_does_not_come_back_with_an_order_that_was_blanked(connection):
    order = place(None, guest_email="Ann@Example.com")
    forget_all()
    assert erase_guest("ann@example.com") == 1
    Relay(connection).run()
    RecordingDestination.calls.clear()

    order.guest_email = ""
    order.save()
    place(None, guest_email="ann@example.com")
    Relay(connection).run()

    assert {one.kind for call in RecordingDestination.calls for one in call} <= {Kind.CART}


def test_to_delete_an_order_is_no_wish_to_be_forgotten(connection):
    place(None, guest_email="ann@example.com").delete()
    Relay(connection).run()
    assert not OutboxMessage.objects.exists()
    assert not Tombstone.objects.exists()


@pytest.mark.parametrize("way", ["one by one", "together", "with everything"])
def test_deleted_orders_are_told_however_they_were_deleted(connection, way):
    connection.delete_orders = True
    connection.save()
    capture.forget_connections()
    orders = [place(None, guest_email=f"guest{n}@example.com") for n in range(3)]
    Relay(connection).run()
    RecordingDestination.calls.clear()

    if way == "one by one":
        for order in orders:
            order.delete()
    else:
        mine = type(orders[0])._default_manager.filter(pk__in=[order.pk for order in orders])
        with transaction.atomic():
            if way == "with everything":
                get_model("order", "Line").objects.filter(order__in=mine).delete()
            mine.delete()
    Relay(connection).run()

    told = [one for call in RecordingDestination.calls for one in call if one.kind is Kind.ORDER]
    assert sorted(one.key for one in told) == sorted(order.number for order in orders)
    assert all(one.payload == {"key": one.key} for one in told)


def test_a_deletion_that_is_rolled_back_deletes_nothing(connection):
    connection.delete_orders = True
    connection.save()
    capture.forget_connections()
    order = place(None, guest_email="guest@example.com")
    Relay(connection).run()
    RecordingDestination.calls.clear()

    with pytest.raises(LookupError), transaction.atomic():
        order.delete()
        raise LookupError
    Relay(connection).run()

    assert RecordingDestination.calls == []
