"""Whoever the shop deleted does not come back, whatever is sent, imported or replaced later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.apps import apps

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import (
    Attempt,
    Connection,
    OutboxMessage,
    Salt,
    SyncState,
    Tombstone,
)
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Order, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def run(connection, clock):
    def run_relay(of: Connection = connection) -> dict[str, int]:
        of.refresh_from_db()
        return dict(Relay(of, clock=clock).run())

    return run_relay


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", **values})


def order(key: str = "100", **values: object) -> Order:
    common = {
        "key": key, "placed_at": NOW, "status": "New", "currency": "UAH", "total": Decimal(10),
    }  # fmt: skip
    return Order(**{**common, **values})


def outcomes(key: str) -> list[tuple[str, str]]:
    return list(Attempt.objects.filter(key=key).order_by("pk").values_list("outcome", "reason"))


def accepted(envelopes):
    return [
        Receipt(kind=one.kind, key=one.key, outcome=Outcome.ACCEPTED, session="s1")
        for one in envelopes
    ]


def answered(outcome: Outcome, reason: Reason | None = None) -> list[Receipt]:
    return [Receipt(kind=Kind.CONTACT, key="1", outcome=outcome, reason=reason)]


# -- orders ----------------------------------------------------------------------------------------


def test_an_order_that_was_never_sent_does_not_bring_its_buyer_back(plain_shop, recording, run):
    capture.contact_deleted("1", orders=["100"])
    run()
    recording.calls.clear()
    plain_shop.purchases["100"] = order(phone="+380671112233", first_name="Олена")

    capture.order_changed("100")

    assert run() == {"skipped": 1}
    assert outcomes("100") == [("skipped", "erased")]
    assert recording.calls == []


def test_the_phone_of_a_delivered_order_is_remembered(plain_shop, recording, run):
    plain_shop.purchases["100"] = order(contact_key="1", phone="+380671112233")
    capture.order_changed("100")
    run()
    capture.contact_deleted("1")
    run()
    recording.calls.clear()
    plain_shop.purchases["200"] = order("200", phone="+380671112233")

    capture.order_changed("200")

    assert run() == {"skipped": 1}
    assert recording.calls == []


def test_orders_that_were_moved_to_another_account_are_sent_for_that_one(
    plain_shop, recording, run
):
    """How shops merge two accounts: the orders move, and what is left is deleted."""
    plain_shop.people["2"] = contact("2")
    plain_shop.purchases["100"] = order(contact_key="1", email="buyer1@example.com")
    capture.order_changed("100")
    run()
    plain_shop.purchases["100"] = order(contact_key="2", email="buyer2@example.com")
    capture.order_changed("100")
    capture.contact_deleted("1", locators=["buyer1@example.com"], orders=["100"])

    run()

    assert outcomes("100") == [("delivered", ""), ("delivered", "")]
    assert recording.calls[-1][0].payload["contact_key"] == "2"
    assert SyncState.objects.get(kind="order").owner_key == "2"


# -- uploads ---------------------------------------------------------------------------------------


def test_a_deletion_waits_for_the_upload_that_would_undo_it(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(accepted)
    run()
    recording.answer = None
    plain_shop.people.clear()
    capture.contact_deleted("1")

    assert run() == {}
    recording.resolutions = answered(Outcome.DELIVERED)
    clock.forward(minutes=1)
    run()
    clock.forward(minutes=1)
    run()

    assert recording.calls[-1][0].kind is Kind.ERASURE
    assert not OutboxMessage.objects.exists()
    assert not SyncState.objects.exists()


def test_a_deletion_is_repeated_when_a_lost_upload_ends(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(accepted)
    run()
    recording.answer = None
    plain_shop.people.clear()
    capture.contact_deleted("1")
    recording.resolutions = answered(Outcome.DEFERRED, Reason.UPLOADING)
    clock.forward(minutes=31)
    run()
    clock.forward(hours=1)
    run()
    assert [call[0].kind for call in recording.calls] == [Kind.CONTACT, Kind.ERASURE]
    recording.resolutions = answered(Outcome.DELIVERED)

    for _ in range(3):
        clock.forward(hours=1)
        run()

    assert [call[0].kind for call in recording.calls][2:] == [Kind.ERASURE]
    assert not OutboxMessage.objects.exists()


def test_a_deleted_customer_leaves_no_row_that_waits_for_an_upload(
    plain_shop, recording, run, connection
):
    OutboxMessage.objects.create(connection=connection, kind="contact", key="1", session="gone")
    capture.contact_deleted("1")

    run()
    run()

    assert not OutboxMessage.objects.exists()


# -- without encryption keys -----------------------------------------------------------------------


def test_a_deletion_that_is_noted_without_keys_bans_the_customer(
    plain_shop, recording, run, connection, settings
):
    """In a web process, for instance, that was started without them."""
    plain_shop.people["1"] = contact()
    present = settings.ESPUTNIK_CONNECTOR
    settings.ESPUTNIK_CONNECTOR = {**present, "ENCRYPTION_KEYS": []}
    capture.contact_deleted("1")
    settings.ESPUTNIK_CONNECTOR = present
    run()
    recording.calls.clear()

    capture.contact_changed("1")

    assert run() == {"skipped": 1}
    assert outcomes("1")[-1] == ("skipped", "erased")
    assert recording.calls == []


@pytest.fixture(params=["none", "wrong"])
def keyless(request, settings) -> Callable[[], None]:
    """Let this process go on without the keys, or with those of another shop, and back again."""
    present = settings.ESPUTNIK_CONNECTOR
    keys = {"none": [], "wrong": [Fernet.generate_key().decode()]}[request.param]

    @contextmanager
    def without() -> Iterator[None]:
        settings.ESPUTNIK_CONNECTOR = {**present, "ENCRYPTION_KEYS": keys}
        yield
        settings.ESPUTNIK_CONNECTOR = present

    return without


def test_a_deletion_that_is_noted_without_usable_keys_bans_all_that_named_the_customer(
    plain_shop, recording, run, keyless
):
    with keyless():
        capture.contact_deleted(
            "1", locators=["buyer1@example.com", "+380501112233"], orders=["100"]
        )
    payload = json.dumps(OutboxMessage.objects.get().payload)
    assert "buyer1" not in payload
    assert "501112233" not in payload

    run()

    assert Tombstone.objects.count() == 4  # the key, the e-mail, the phone and the order
    assert OutboxMessage.objects.filter(payload__isnull=False).count() == 0
    plain_shop.purchases["100"] = replace(order("100"), contact_key="", email="new@example.com")
    capture.order_changed("100")
    assert run() == {"skipped": 1}


def test_what_only_a_lost_secret_key_opens_bans_the_customer_at_least(
    plain_shop, recording, run, keyless, settings
):
    with keyless():
        capture.contact_deleted("1", locators=["buyer1@example.com"])
    settings.SECRET_KEY = "another one"
    run()
    assert Tombstone.objects.count() == 1


def test_a_secret_key_that_was_rotated_meanwhile_opens_it(
    plain_shop, recording, run, keyless, settings
):
    with keyless():
        capture.contact_deleted("1", locators=["buyer1@example.com"])
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    run()
    assert Tombstone.objects.count() == 2


# -- other connections -----------------------------------------------------------------------------


def second(name: str = "second") -> Connection:
    capture.forget_connections()
    return Connection.objects.create(name=name, destination="recording", api_key="a key")


def test_a_connection_that_comes_later_knows_who_was_deleted(plain_shop, recording, run):
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    run()
    recording.calls.clear()
    later = second()
    plain_shop.people["1"] = contact()
    plain_shop.purchases["100"] = order(email="buyer1@example.com")
    capture.contact_changed("1")
    capture.order_changed("100")

    assert run(later) == {"skipped": 2}
    assert recording.calls == []


@pytest.mark.parametrize("is_buried", [True, False], ids=["buried", "only noted"])
def test_a_connection_that_is_replaced_lifts_no_ban(
    plain_shop, recording, run, connection, is_buried
):
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    if is_buried:
        run()
    recording.calls.clear()
    connection.delete()
    replaced = second("main")
    plain_shop.people["1"] = contact()
    plain_shop.purchases["100"] = order(email="buyer1@example.com")
    capture.contact_changed("1")
    capture.order_changed("100")

    assert run(replaced) == {"skipped": 2}
    assert recording.calls == []


def test_what_was_noted_by_a_salt_of_a_connections_own_is_recognised(plain_shop, recording, run):
    """Of the time in which each connection made its own, and after that one is gone, too."""
    salt = "f" * 64
    old = Connection.objects.create(
        name="old", destination="recording", api_key="a key", salt=salt, is_enabled=False
    )
    Tombstone.objects.create(
        connection=old, fingerprint=fingerprint("buyer1@example.com", salt=salt)
    )
    for number in ("100", "101"):
        plain_shop.purchases[number] = order(number, email="buyer1@example.com")
        capture.order_changed(number)
        assert run() == {"skipped": 1}
        if old.pk:
            old.delete()
    assert recording.calls == []


def test_an_upgrade_makes_the_first_connections_salt_the_shops(connection):
    salt = "e" * 64
    Connection.objects.update(salt=salt)
    Salt.objects.all().delete()
    OutboxMessage.objects.create(connection=connection, kind="contact", key="1", session="gone")

    import_module("esputnik_connector.migrations.0014_move_salts").move(
        apps, SimpleNamespace(connection=SimpleNamespace(alias="default"))
    )

    assert reveal(Salt.objects.get().value) == reveal(second().salt) == salt
    assert OutboxMessage.objects.get().session == ""


def test_all_connections_have_the_salt_of_the_shop(connection):
    assert reveal(second().salt) == reveal(Connection.objects.get(pk=connection.pk).salt) != ""


def test_the_stricter_of_two_connections_decides_how_somebody_was_deleted(
    plain_shop, recording, run, connection
):
    connection.erase_mode = "deactivate"
    connection.save()
    strict = second()
    capture.contact_deleted("1", locators=["buyer1@example.com"])

    run()
    run(strict)

    assert set(Tombstone.objects.values_list("is_erasure", flat=True)) == {True}


def test_whoever_registers_after_a_deletion_is_known_to_all_connections(
    plain_shop, recording, run, clock
):
    capture.contact_deleted("1")
    run()
    later = second()
    plain_shop.people["1"] = contact(joined_at=clock() + timedelta(days=1))
    capture.contact_changed("1")

    assert run(later) == {"delivered": 1}
