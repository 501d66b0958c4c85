"""A batch of which each record is a request of its own has its time; then others have theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.models import OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind, Outcome
from tests.integration.test_turns import _one_time, put_cart, put_order  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def one_after_another(seconds: float, clock, then):
    """Each record is a request, or several, that take so long together."""

    def deliver(destination, envelopes: Sequence[Envelope]) -> list[Receipt]:
        receipts = []
        for one in envelopes:
            destination.before_call()
            clock.forward(seconds=seconds)
            receipts.append(Receipt(kind=one.kind, key=one.key, outcome=Outcome.DELIVERED))
            then(one)
            destination.after_call(receipts[-1:])
        return receipts

    return deliver


@pytest.mark.parametrize("kind", [Kind.ERASURE, Kind.CART])
def test_an_order_waits_for_no_long_batch_that_goes_one_after_another(
    plain_shop, recording, connection, clock, monkeypatch, kind
):
    """A hundred people are deleted, of whom each takes five requests; nothing else may be under way
    meanwhile."""
    for number in range(100):
        if kind is Kind.ERASURE:
            capture.contact_deleted(f"p{number}")
        else:
            put_cart(plain_shop, f"c{number}")
    clock.forward(seconds=1)
    sent: list[Kind] = []
    came_at: list[datetime] = []
    waited: list[timedelta] = []

    def then(one: Envelope) -> None:
        sent.append(one.kind)
        if sent == [kind] * 3:
            put_order(plain_shop)
            came_at.append(clock())
        if one.kind is Kind.ORDER:
            waited.append(clock() - came_at[0])

    monkeypatch.setattr(recording, "deliver", one_after_another(0.75, clock, then))
    Relay(connection, clock=clock).run()
    assert waited
    assert waited[0] <= timedelta(seconds=0.5 + 2 + 2 * 0.75 + 1)  # a second for a busy machine
    assert sent.count(kind) > 6  # it goes on after that


def test_a_batch_that_goes_one_after_another_is_settled_once_and_whole(
    plain_shop, recording, connection, clock, monkeypatch
):
    for number in range(30):
        put_cart(plain_shop, f"c{number}")
    clock.forward(seconds=1)
    sent: list[str] = []
    deliver = one_after_another(0.75, clock, lambda one: sent.append(one.key))
    monkeypatch.setattr(recording, "deliver", deliver)
    assert Relay(connection, clock=clock).run()["delivered"] == 30
    assert sorted(sent) == sorted(f"c{number}" for number in range(30))
    assert not OutboxMessage.objects.exists()
