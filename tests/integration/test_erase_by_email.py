"""Whoever eSputnik knows from an order alone is reached by e-mail, and by nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.models import (
    Connection,
    LostUpload,
    OutboxMessage,
    SyncState,
    Tombstone,
)
from esputnik_connector.operations.connection.rotate_keys import rotate
from esputnik_connector.operations.erase.guest import erase_guest
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.accounts import account_at

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
PHONE = "+380501234567"
GUEST = Contact(key="guest:100", email="ann@example.com", phone=PHONE, is_guest=True)


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        server.configure(import_polls=0, duplicate_seconds=0.0)
        yield server
        server.assert_contract_kept()


@pytest.fixture
def account(plain_shop, fake, settings) -> Connection:
    return account_at(fake, settings, consent_policy="confirmed")


@pytest.fixture
def run(account, clock):
    def run_relay() -> dict[str, int]:
        account.refresh_from_db()
        return dict(Relay(account, clock=clock).run())

    return run_relay


def order(key: str = "100", **values: Any) -> Order:
    common = {
        "key": key, "placed_at": NOW, "status": "New", "currency": "UAH", "total": Decimal(10),
        "email": "ann@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def bought(plain_shop, *orders: Order) -> None:
    for one in orders:
        plain_shop.purchases[one.key] = one
        capture.order_changed(one.key)


def run_import(connection: Connection, kind: Kind) -> None:
    """To the end of its requests; what its uploads come to, the relay asks."""
    run, _ = control.start(connection, kind, route="orders" if kind is Kind.ORDER else "")
    BackfillWorker(run).work(seconds=60)


def emails(fake: FakeEsputnik) -> list[str]:
    return sorted(str(one["email"]) for one in fake.all_contacts)


# -- an account whose holder bought as a guest before ----------------------------------------------


def test_the_cards_of_a_customers_orders_as_a_guest_go_with_the_customer(
    plain_shop, fake, account, run
):
    """Nothing of the account was ever sent: the orders made the only card."""
    bought(plain_shop, order(), order("200", email="bee@example.com"))
    run()
    assert emails(fake) == ["ann@example.com", "bee@example.com"]

    capture.contact_deleted("1", locators=["ann@example.com"])
    assert run() == {"delivered": 1}

    assert emails(fake) == ["bee@example.com"]
    assert fake.orders["100"]["anonymised"]
    assert not OutboxMessage.objects.exists()


def test_another_customer_with_the_address_keeps_their_card(plain_shop, fake, account, run):
    plain_shop.people["2"] = Contact(key="2", email="ann@example.com")
    capture.contact_changed("2")
    run()

    capture.contact_deleted("1", locators=["ann@example.com"])
    run()

    assert [one["externalCustomerId"] for one in fake.all_contacts] == ["2"]


def test_the_row_of_a_deletion_tells_nobody_who_it_was(account):
    capture.contact_deleted("1", locators=["ann@example.com", "+380501234567"])

    stored = json.dumps(OutboxMessage.objects.values_list("payload", flat=True)[0])

    assert "ann" not in stored
    assert "380501234567" not in stored


def test_the_email_goes_when_the_deletion_was_made(plain_shop, fake, account, run):
    fake.script(Fault("status", method="DELETE", status=503, times=1))
    capture.contact_deleted("1", locators=["ann@example.com"])

    run()
    assert OutboxMessage.objects.get().payload  # it waits, and still knows whom it means
    assert Tombstone.objects.exists()
    OutboxMessage.objects.update(due_at=NOW)
    account.lanes.update(paused_until=None)
    run()

    assert not OutboxMessage.objects.exists()


def test_a_new_encryption_key_opens_what_waits(plain_shop, fake, account, run, settings):
    bought(plain_shop, order())
    run()
    capture.contact_deleted("1", locators=["ann@example.com"])
    present = settings.ESPUTNIK_CONNECTOR
    new = Fernet.generate_key().decode()
    both = [new, *present["ENCRYPTION_KEYS"]]
    settings.ESPUTNIK_CONNECTOR = {**present, "ENCRYPTION_KEYS": both}

    assert rotate().unreadable == []
    settings.ESPUTNIK_CONNECTOR = {**present, "ENCRYPTION_KEYS": [new]}
    run()

    assert fake.all_contacts == []


def test_a_deletion_without_its_key_is_told_by_the_rotation(account, settings):
    capture.contact_deleted("1", locators=["ann@example.com"])
    present = settings.ESPUTNIK_CONNECTOR
    new = Fernet.generate_key().decode()
    settings.ESPUTNIK_CONNECTOR = {**present, "ENCRYPTION_KEYS": [new]}

    assert any("1" in name and "deletion" in name for name in rotate().unreadable)


# -- a guest, by the word of a person --------------------------------------------------------------


def test_a_guest_is_erased_by_email_and_does_not_come_back(plain_shop, fake, account, run):
    bought(plain_shop, order(phone="+380501234567"), order("200", email="bee@example.com"))
    run()

    assert erase_guest(" Ann@Example.com ") == 1
    run()
    assert emails(fake) == ["bee@example.com"]

    plain_shop.purchases["300"] = order("300")  # never sent until now
    plain_shop.purchases["100"] = order(email="", phone="", first_name="Ann")  # blanked since
    capture.order_changed("300")
    capture.order_changed("100")
    assert run() == {"skipped": 2}
    run_import(account, Kind.ORDER)
    assert emails(fake) == ["bee@example.com"]
    assert fake.recreated_after_erase == []


def test_a_guest_of_an_import_goes_by_the_key_they_have_there(
    plain_shop, fake, account, run, clock
):
    """The card was made by an upload, and knows no order."""
    plain_shop.people["guest:100"] = GUEST
    run_import(account, Kind.CONTACT)
    clock.forward(minutes=1)
    run()
    assert emails(fake) == ["ann@example.com"]

    erase_guest("ann@example.com")
    assert OutboxMessage.objects.get().key == "guest:100"
    run()

    assert fake.all_contacts == []
    assert not SyncState.objects.filter(kind="contact").exists()
    run_import(account, Kind.CONTACT)
    assert fake.all_contacts == []


def test_a_guest_waits_for_the_upload_that_would_bring_them_back(
    plain_shop, fake, account, run, clock
):
    fake.configure(import_polls=10_000)
    plain_shop.people["guest:100"] = GUEST
    run_import(account, Kind.CONTACT)
    erase_guest("ann@example.com")

    run()
    assert fake.requests("/api/v1/contact", method="DELETE") == []

    fake.configure(import_polls=0)
    for _ in range(3):
        clock.forward(minutes=2)
        run()
    assert fake.all_contacts == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("has_account", [False, True], ids=["guest", "another account"])
def test_a_guest_in_an_upload_goes_with_the_account_of_the_same_email(
    plain_shop, fake, account, run, clock, has_account
):
    """Nothing of the account was sent: the deletion has another key than the upload."""
    fake.configure(import_polls=10_000)
    key = "2" if has_account else GUEST.key
    plain_shop.people[key] = replace(GUEST, key=key, is_guest=not has_account)
    run_import(account, Kind.CONTACT)
    capture.contact_deleted("1", locators=["ann@example.com"])
    run()

    fake.configure(import_polls=0)
    for _ in range(3):
        clock.forward(minutes=2)
        run()

    assert emails(fake) == (["ann@example.com"] if has_account else [])
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("is_guest", [True, False], ids=["guest", "customer"])
def test_an_upload_that_ends_long_after_a_deletion_brings_nobody_back(
    plain_shop, fake, account, run, clock, is_guest
):
    """It is given up after half an hour; eSputnik works it off hours later all the same."""
    fake.configure(import_polls=10_000)
    person = GUEST if is_guest else Contact(key="1", email="ann@example.com", phone=PHONE)
    plain_shop.people[person.key] = person
    run_import(account, Kind.CONTACT)
    clock.forward(minutes=31)
    run()
    assert LostUpload.objects.get().keys == [person.key]
    plain_shop.people.clear()
    if is_guest:
        erase_guest("ann@example.com")
    else:
        capture.contact_deleted("1", locators=["ann@example.com"])
    run()
    deletions = len(fake.requests("/api/v1/contact", method="DELETE"))
    assert deletions > 0

    fake.configure(import_polls=0)
    assert emails(fake) == ["ann@example.com"]  # there it is
    for _ in range(4):
        clock.forward(hours=1)
        run()

    assert fake.all_contacts == []
    assert len(fake.requests("/api/v1/contact", method="DELETE")) > deletions
    assert not OutboxMessage.objects.exists()
    assert not LostUpload.objects.exists()


def test_a_deletion_is_made_some_more_times_when_an_upload_is_never_heard_of_again(
    plain_shop, fake, account, run, clock
):
    fake.configure(import_polls=10_000)
    plain_shop.people["guest:100"] = GUEST
    run_import(account, Kind.CONTACT)
    clock.forward(minutes=31)
    run()
    erase_guest("ann@example.com")
    run()
    first = len(fake.requests("/api/v1/contact", method="DELETE"))
    assert first <= 2

    for _ in range(30):
        clock.forward(hours=1)
        run()

    assert first < len(fake.requests("/api/v1/contact", method="DELETE")) <= 6 * first
    assert not OutboxMessage.objects.exists()


def test_a_customer_with_the_guests_email_stays(plain_shop, fake, account, run):
    plain_shop.people["2"] = Contact(key="2", email="ann@example.com")
    capture.contact_changed("2")
    run()

    erase_guest("ann@example.com")
    run()

    assert [one["externalCustomerId"] for one in fake.all_contacts] == ["2"]
    bought(plain_shop, order(contact_key="2"))
    assert run() == {"delivered": 1}


def test_a_guest_is_banned_at_connections_that_are_off_too(plain_shop, fake, account, run):
    account.is_enabled = False
    account.save()

    assert erase_guest("ann@example.com") == 1

    assert Tombstone.objects.exists()


def test_without_encryption_keys_nobody_is_said_to_be_erased(account, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}
    with pytest.raises(ConnectorError):
        erase_guest("ann@example.com")
    assert not OutboxMessage.objects.exists()


def test_the_command_tells_what_it_is_about_to_do(plain_shop, account, capsys):
    call_command("esputnik_erase", "ann@example.com", "--yes")
    assert "1 deletion is in line." in capsys.readouterr().out
    assert "ann" not in OutboxMessage.objects.get().key


def test_the_command_asks_before_it_does_anything(plain_shop, account, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("ann@example.com\n"))
    with pytest.raises(CommandError, match="--yes"):
        call_command("esputnik_erase", "-")
    with pytest.raises(CommandError, match="no e-mail"):
        call_command("esputnik_erase", "ann", "--yes")
    assert not OutboxMessage.objects.exists()
