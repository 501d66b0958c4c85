"""The first change of a quiet record goes nearly at once; what follows it is gathered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as project_settings

from esputnik_connector.models import OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.pace import debounce
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Cart, CartItem, Contact, Kind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def resting(settings, plain_shop, connection):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 3}
    return connection


@pytest.fixture
def run(resting, clock):
    def run_relay() -> dict[str, int]:
        resting.refresh_from_db()
        return dict(Relay(resting, clock=clock).run())

    return run_relay


@pytest.fixture
def edit(plain_shop, clock, monkeypatch):
    """Change a contact, at the time of the clock that was handed in."""
    monkeypatch.setattr("django.utils.timezone.now", clock)

    def change(name: str) -> None:
        plain_shop.people["1"] = Contact(key="1", email="buyer@example.com", first_name=name)
        capture.contact_changed("1")

    return change


def names(recording) -> list[object]:
    return [envelope.payload["first_name"] for call in recording.calls for envelope in call]


def test_the_first_change_of_a_quiet_record_goes_within_a_second(recording, run, edit, clock):
    edit("A")
    assert run() == {}  # the request may commit once more
    clock.forward(seconds=debounce.FIRST)
    assert run() == {"delivered": 1}


def test_its_repeats_are_gathered(recording, run, edit, clock):
    edit("A")
    clock.forward(seconds=1)
    run()
    for name in "BCD":
        edit(name)
        clock.forward(seconds=0.8)
        run()
    assert names(recording) == ["A"]
    clock.forward(seconds=0.7)  # the first of them is three seconds old
    run()
    assert names(recording) == ["A", "D"]
    assert not OutboxMessage.objects.exists()


def test_a_record_that_was_left_alone_for_a_while_is_quiet_again(recording, run, edit, clock):
    edit("A")
    clock.forward(seconds=1)
    run()
    clock.forward(seconds=10)
    edit("B")
    clock.forward(seconds=1)
    run()
    assert names(recording) == ["A", "B"]


def test_a_worker_comes_back_when_the_repeats_have_rested(recording, run, edit, clock, resting):
    edit("A")
    clock.forward(seconds=1)
    run()
    edit("B")
    clock.forward(seconds=1)
    relay = Relay(resting, clock=clock)
    relay.run()
    assert clock() < relay.come_back() <= clock() + timedelta(seconds=2.1)


def test_a_record_that_shall_be_sent_again_does_not_rest(recording, run, edit, clock, resting):
    edit("A")
    clock.forward(seconds=1)
    run()
    OutboxMessage.objects.create(
        connection=resting, kind="contact", key="1", captured_at=clock(), due_at=clock(),
        is_forced=True,
    )  # fmt: skip
    assert run() == {"delivered": 1}


def test_a_basket_rests_for_less_than_a_profile(plain_shop, recording, run, clock, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", clock)

    def put(quantity: int) -> None:
        item = CartItem(product_key="1", name="x", quantity=quantity, unit_price=Decimal(1))
        plain_shop.baskets["7"] = Cart(key="7", currency="UAH", contact_key="1", items=(item,))
        capture.cart_changed("7")

    put(1)
    clock.forward(seconds=0.6)
    run()
    put(2)
    clock.forward(seconds=0.6)
    run()
    assert len(recording.calls) == 1
    clock.forward(seconds=0.5)
    run()
    assert len(recording.calls) == 2


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.ERASURE])
def test_what_happened_once_has_nothing_to_gather(resting, kind):
    assert debounce.first_rest(kind) == debounce.rest(kind) == timedelta(0)


def test_without_a_debounce_nothing_rests(settings):
    settings.ESPUTNIK_CONNECTOR = {**project_settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    assert {debounce.first_rest(kind) for kind in Kind} == {timedelta(0)}
