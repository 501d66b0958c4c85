"""The status of an order is remembered as the destination was told it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.utils import timezone

from esputnik_connector.destinations.base import Account, Receipt
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.models import SyncState
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.pipeline.delivery.settle.batch import settle
from esputnik_connector.records import Kind, Outcome
from tests.unit.samples import ACCOUNT, ORDER

pytestmark = pytest.mark.django_db


def deliver(connection, account: Account) -> SyncState:
    envelope = order_envelope(ORDER, account=account, last=None)
    receipt = Receipt(kind=Kind.ORDER, key=ORDER.key, outcome=Outcome.DELIVERED)
    settle(connection, Kind.ORDER, [Result(receipt, envelope)], {}, now=timezone.now())
    state: SyncState = SyncState.objects.get()
    return state


@pytest.mark.parametrize("status", ["DELIVERED", "CANCELLED"])
def test_it_is_the_word_of_the_destination(connection, status):
    account = replace(ACCOUNT, statuses={ORDER.status: status})
    assert deliver(connection, account).status == status


def test_the_next_delivery_replaces_it(connection):
    deliver(connection, replace(ACCOUNT, statuses={ORDER.status: "DELIVERED"}))
    account = replace(ACCOUNT, statuses={ORDER.status: "CANCELLED"})
    assert deliver(connection, account).status == "CANCELLED"
