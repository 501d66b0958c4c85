"""What is remembered of a delivery: enough to know it again, too little to know whose it was."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone as django_timezone

from esputnik_connector import registry
from esputnik_connector.destinations.digest import CANONICAL, digest
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.models import (
    CartSession,
    Connection,
    OutboxMessage,
    StatusMapping,
    SyncState,
)
from esputnik_connector.operations.prune import prune
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.run import Reconciler, new_run
from esputnik_connector.records import Contact, Kind, Order
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.accounts import account_at

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789ABCDEF0123456789ABCDEF"
PHONE_ONLY = Contact(key="guest:1", phone="+380501234567", is_guest=True)


def contact(**values: Any) -> Contact:
    return Contact(**{"key": "1", "email": "buyer1@example.com", "first_name": "Олена", **values})


def order(number: int, **values: Any) -> Order:
    common = {
        "key": str(number), "placed_at": datetime(2026, 5, 1, 12, tzinfo=timezone.utc),
        "status": "New", "currency": "UAH", "total": Decimal(10), "contact_key": "1",
        "email": "buyer1@example.com", "first_name": "Олена", "phone": "+380501234567",
    }  # fmt: skip
    return Order(**{**common, **values})


def test_a_digest_tells_nobody_whose_phone_it_was(plain_shop, recording, connection):
    """Of ten million phones, one would have the hash that stands there."""
    plain_shop.people["guest:1"] = PHONE_ONLY
    capture.contact_changed("guest:1")
    Relay(connection).run()

    payload = recording.calls[0][0].payload
    assert SyncState.objects.get().digest not in (
        digest(payload),
        hashlib.sha256(CANONICAL.encode(payload).encode()).hexdigest(),
    )


@pytest.fixture
def delivered_by_a_former_version(plain_shop, recording, connection) -> Connection:
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    Relay(connection).run()
    SyncState.objects.update(digest=digest(recording.calls[0][0].payload))
    recording.calls.clear()
    return connection


def test_what_a_former_version_delivered_is_not_sent_again(
    delivered_by_a_former_version, recording
):
    former = SyncState.objects.get().digest
    capture.contact_changed("1")

    assert Relay(delivered_by_a_former_version).run() == {"skipped": 1}
    assert recording.calls == []
    assert SyncState.objects.get().digest not in (former, "")


def test_pruning_keys_what_former_versions_remembered(delivered_by_a_former_version, recording):
    former = SyncState.objects.get().digest

    prune()

    keyed = SyncState.objects.get().digest
    assert keyed not in (former, "")
    capture.contact_changed("1")
    assert Relay(delivered_by_a_former_version).run() == {"skipped": 1}
    prune()
    assert SyncState.objects.get().digest == keyed


# -- guests ----------------------------------------------------------------------------------------


def test_a_guests_email_goes_with_its_retention_although_the_cart_waits(connection):
    long_ago = django_timezone.now() - timedelta(days=31)
    CartSession.objects.create(cart_key="4", email="guest@example.com", created_at=long_ago)
    OutboxMessage.objects.create(connection=connection, kind="cart", key="4", is_dead=True)

    prune()

    assert not CartSession.objects.exists()


def test_a_guests_email_goes_with_the_customer_who_typed_it(plain_shop, recording, connection):
    CartSession.objects.create(cart_key="4", email="Buyer1@example.com")
    CartSession.objects.create(cart_key="5", email="other@example.com")
    capture.contact_deleted("1", locators=["buyer1@example.com"])

    Relay(connection).run()

    assert CartSession.objects.get().cart_key == "5"


# -- orders and their events, over a whole night ---------------------------------------------------


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture
def account(plain_shop, fake, settings) -> Connection:
    """Thirty orders that eSputnik has, each with its event."""
    made = account_at(fake, settings, consent_policy="confirmed")
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    for number in range(100, 130):
        plain_shop.purchases[str(number)] = order(number)
        capture.order_changed(str(number))
    Relay(made).run()
    assert SyncState.objects.filter(kind="order").exclude(digest="").count() == 30
    return made


def a_night(connection: Connection) -> None:
    """Everything that runs while nobody is there."""
    with closing(registry.destination(connection)) as destination:
        comparer = Comparer(connection, destination, registry.shop())
        for kind in (Kind.CONTACT, Kind.ORDER):
            run = new_run(connection, kind)
            run.save()
            assert Reconciler(run, comparer).work()
    Relay(connection).run()
    prune()


def order_posts(fake: FakeEsputnik) -> int:
    return len(fake.requests("/api/v1/orders", method="POST"))


def test_a_new_email_sends_no_old_order_again(plain_shop, account, fake):
    posts = order_posts(fake)
    changed = {"email": "new@example.com", "first_name": "Ольга", "phone": "+380671112233"}
    plain_shop.people["1"] = contact(**changed)
    for key, old in plain_shop.purchases.items():
        plain_shop.purchases[key] = replace(old, **changed)

    a_night(account)

    assert order_posts(fake) == posts
    assert not OutboxMessage.objects.filter(kind="order").exists()


def test_a_new_mapping_sends_no_old_order_again(plain_shop, account, fake):
    posts = order_posts(fake)
    StatusMapping.objects.create(connection=account, shop_status="New", status="IN_PROGRESS")

    a_night(account)
    assert order_posts(fake) == posts

    plain_shop.purchases["100"] = order(100, total=Decimal(11))
    capture.order_changed("100")
    Relay(account).run()
    assert order_posts(fake) == posts + 1


def test_a_status_that_changed_is_sent(plain_shop, account, fake):
    posts = order_posts(fake)
    plain_shop.purchases["100"] = order(100, status="Paid")
    a_night(account)
    assert order_posts(fake) == posts + 1


def test_an_order_that_changes_hands_is_sent_for_its_new_owner(plain_shop, account, fake):
    posts = order_posts(fake)
    plain_shop.purchases["100"] = order(100, contact_key="2", email="second@example.com")
    capture.order_changed("100")
    Relay(account).run()
    assert order_posts(fake) == posts + 1


def test_an_order_of_a_guest_follows_the_guests_email(plain_shop, account, fake):
    guest = {"contact_key": "", "phone": "", "first_name": ""}
    plain_shop.purchases["200"] = order(200, email="typo@example.com", **guest)
    capture.order_changed("200")
    Relay(account).run()
    posts = order_posts(fake)
    plain_shop.purchases["200"] = order(200, email="right@example.com", **guest)
    capture.order_changed("200")
    Relay(account).run()
    assert order_posts(fake) == posts + 1


# -- another form of the payload -------------------------------------------------------------------


@pytest.fixture
def next_form(monkeypatch) -> None:
    """The version after this one spells orders in another way."""

    def prepare(self, record, *, last):
        envelope = EsputnikDestination.prepare(self, record, last=last)
        if envelope.kind is not Kind.ORDER or "order" not in envelope.payload:
            return envelope
        return replace(envelope, digest=digest(f"2 {envelope.digest}"), form=2)

    spelled = type("NextForm", (EsputnikDestination,), {"prepare": prepare})
    monkeypatch.setattr(registry, "destination_class", lambda _name: spelled)


def test_another_form_alone_sends_no_old_order_again(account, fake, next_form):
    posts = order_posts(fake)
    former = set(SyncState.objects.filter(kind="order").values_list("digest", flat=True))

    a_night(account)
    imported(account)

    assert order_posts(fake) == posts
    present = SyncState.objects.filter(kind="order").values_list("digest", flat=True)
    assert all(one.startswith("k2.") and len(one) == 64 for one in present)
    assert not former & set(present)


def test_an_order_that_changed_is_sent_in_another_form_too(plain_shop, account, fake, next_form):
    posts = order_posts(fake)
    plain_shop.purchases["100"] = order(100, total=Decimal(11))
    capture.order_changed("100")
    Relay(account).run()
    assert order_posts(fake) == posts + 1


def test_from_then_on_a_silent_change_is_found_again(plain_shop, account, fake, next_form):
    a_night(account)
    posts = order_posts(fake)
    plain_shop.purchases["100"] = order(100, status="Paid")
    a_night(account)
    assert order_posts(fake) == posts + 1


def test_an_order_that_came_back_after_its_deletion_is_no_old_one(
    plain_shop, account, fake, next_form
):
    account.delete_orders = True
    account.save()
    there = plain_shop.purchases.pop("100")
    capture.order_changed("100")
    Relay(account).run()
    posts = order_posts(fake)
    plain_shop.purchases["100"] = there
    long_ago = django_timezone.now() - timedelta(hours=1)
    SyncState.objects.filter(key="100").update(delivered_at=long_ago)

    a_night(account)

    assert order_posts(fake) == posts + 1


def imported(connection: Connection) -> None:
    run, _ = control.start(connection, Kind.ORDER, route="orders")
    BackfillWorker(run).work(seconds=60)
