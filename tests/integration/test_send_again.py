"""Sending again what is unchanged, when a person says so."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector import api
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import OutboxMessage, SyncState
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind
from tests.integration.test_digests import order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def delivered(plain_shop, recording, connection):
    for key in ("1", "2"):
        plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
        plain_shop.purchases[f"10{key}"] = order(int(f"10{key}"))
        capture.contact_changed(key)
        capture.order_changed(f"10{key}")
    Relay(connection).run()
    recording.calls.clear()
    return recording


def run(connection, clock) -> dict[str, int]:
    clock.forward(minutes=5)
    return dict(Relay(connection, clock=clock).run())


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("esputnik_send_again", *arguments, stdout=output, no_color=True)
    return output.getvalue()


def test_chosen_records_go_again_although_they_are_unchanged(delivered, connection, clock):
    assert api.send_again("main", Kind.CONTACT, keys=["1"]) == 1

    assert run(connection, clock) == {"delivered": 1}
    assert delivered.keys() == ["1"]
    capture.contact_changed("1")
    assert run(connection, clock) == {"skipped": 1}


def test_all_that_was_delivered_goes_again(delivered, connection, clock):
    assert "2 records are in line" in command("--kind", "contact", "--all", "--yes")
    assert run(connection, clock) == {"delivered": 2}


def test_what_was_delivered_in_a_time_goes_again(delivered, connection, clock):
    yesterday = timezone.now() - timedelta(days=1)
    SyncState.objects.filter(key="1").update(delivered_at=yesterday - timedelta(hours=1))

    assert api.send_again("main", Kind.CONTACT, since=yesterday) == 1
    assert OutboxMessage.objects.get().key == "2"
    assert api.send_again("main", Kind.CONTACT, until=yesterday) == 1


def test_orders_go_again_by_the_route_that_a_person_chose(delivered, connection, clock):
    """Most routes start the events of an order, however old it is."""
    with pytest.raises(ConfigurationError, match="route"):
        api.send_again("main", Kind.ORDER, keys=["101"])
    with pytest.raises(CommandError, match="route"):
        command("--kind", "order", "--all", "--yes")

    command("--kind", "order", "--ids", "101", "--route", "past_events", "--yes")

    assert OutboxMessage.objects.get().route == "past_events"
    assert run(connection, clock) == {"delivered": 1}


def test_events_and_deletions_are_not_sent_again(delivered):
    for kind in (Kind.EVENT, Kind.ERASURE):
        with pytest.raises(ConfigurationError):
            api.send_again("main", kind, keys=["1"])


def test_the_command_asks_what_and_whether(delivered):
    with pytest.raises(CommandError, match="Say what"):
        command("--kind", "contact")
    with pytest.raises(CommandError, match="--yes"):
        command("--kind", "contact", "--all")
    assert not OutboxMessage.objects.exists()


def test_an_erased_person_is_not_sent_again(delivered, plain_shop, connection, clock):
    plain_shop.people.pop("1")
    capture.contact_deleted("1")
    run(connection, clock)
    delivered.calls.clear()

    api.send_again("main", Kind.ORDER, keys=["101"], route="past_events")

    assert run(connection, clock) == {"skipped": 1}
