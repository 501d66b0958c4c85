"""What Oscar's own signals add to the saves that went before them: no second note of a new order,
and every change that no save told of."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from oscar.apps.order.signals import order_placed, order_status_changed
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.pace.debounce import first_rest
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar import receivers
from esputnik_connector.shops.oscar.receivers import JUST_NOW
from esputnik_connector.testing.recording import RecordingDestination

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's factories
]

Order = get_model("order", "Order")
Line = get_model("order", "Line")


class Rollback(Exception):
    pass


class StandingClock:
    """The receivers' own, so that a slow machine makes no moment a long one."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> StandingClock:
    made = StandingClock()
    monkeypatch.setattr(receivers, "time", made)
    return made


@pytest.fixture(autouse=True)
def shop(settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
        "DEBOUNCE_SECONDS": 3,
        "WAKE": "",
    }
    RecordingDestination.reset()
    made = Connection.objects.create(name="main", destination="recording", api_key="a key")
    capture.forget_connections()
    return made


def make_order(**fields: object):
    return factories.OrderFactory(user=None, guest_email="olena@example.com", **fields)


def notes(order) -> int:
    return OutboxMessage.objects.filter(kind="order", key=order.number).count()


def placed(order) -> None:
    order_placed.send(sender=object(), order=order, user=order.user)


def add_line(order, title: str) -> None:
    """As a fork of Oscar may, without a signal."""
    product = factories.create_product(title=title, price=10)
    record = product.stockrecords.get()
    Line.objects.bulk_create(
        [
            Line(
                order=order, product=product, stockrecord=record, title=title, quantity=1,
                num_allocated=0, allocation_cancelled=False,
                partner=record.partner, partner_name="", partner_sku=record.partner_sku,
                line_price_incl_tax=10, line_price_excl_tax=10,
                line_price_before_discounts_incl_tax=10, line_price_before_discounts_excl_tax=10,
                unit_price_incl_tax=10, unit_price_excl_tax=10,
            )
        ]
    )  # fmt: skip


def delivered_items(connection: Connection, *, after: float) -> list[list[str]]:
    """Names of the items of each order that a worker delivers which looks so many seconds later."""
    moment = timezone.now() + timedelta(seconds=after)
    RecordingDestination.calls.clear()
    Relay(Connection.objects.get(pk=connection.pk), clock=lambda: moment).run()
    return [
        [item["name"] for item in envelope.payload["items"]]
        for call in RecordingDestination.calls
        for envelope in call
        if envelope.kind is Kind.ORDER
    ]


def test_a_new_order_is_noted_once_although_oscar_reports_it_after_the_commit():
    basket = factories.create_basket()
    user = get_user_model().objects.create_user("olena", "olena@example.com")
    OutboxMessage.objects.all().delete()
    order = factories.create_order(basket=basket, user=user, number="100501")
    assert notes(order) == 1
    assert OutboxMessage.objects.filter(kind="contact").count() == 1


def test_what_is_added_silently_before_that_report_is_delivered(shop, clock):
    order = make_order()
    assert delivered_items(shop, after=JUST_NOW) == []  # nobody reads the order without it
    add_line(order, "Silent")
    noted = notes(order)
    clock.now = JUST_NOW
    placed(order)
    assert notes(order) == noted
    assert delivered_items(shop, after=1) == [["Silent"]]


@pytest.mark.parametrize("seconds", [1, 3, 3600])
def test_no_worker_reads_a_new_order_while_a_report_of_it_says_nothing(settings, seconds):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": seconds}
    for kind in (Kind.ORDER, Kind.CONTACT):
        assert first_rest(kind).total_seconds() > JUST_NOW


def test_where_changes_do_not_rest_the_report_is_heard(shop, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    order = make_order()
    assert delivered_items(shop, after=0) == [[]]
    add_line(order, "Silent")
    placed(order)
    assert delivered_items(shop, after=0) == [["Silent"]]


def test_a_report_that_is_part_of_a_longer_transaction_is_heard(shop):
    """A worker may read the order before what that transaction changes is committed."""
    order = make_order()
    noted = notes(order)
    with transaction.atomic():
        add_line(order, "Silent")
        placed(order)
    assert notes(order) == noted + 1


def test_a_report_after_a_long_transaction_is_heard(shop, clock):
    """Its note has rested by then: a worker that looks after the commit reads it at once."""
    with transaction.atomic():
        order = make_order()
        clock.now += JUST_NOW + 0.01
        order.save()
    add_line(order, "Silent")
    placed(order)
    assert notes(order) == 2


def test_a_report_of_an_order_that_had_changed_before_is_heard(shop):
    """A worker that reads what is due of an order takes what was noted since along."""
    order = Order.objects.get(pk=make_order().pk)
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    order.save()
    assert delivered_items(shop, after=0) == [[]]
    add_line(order, "Silent")
    order_status_changed.send(sender=order, order=order, old_status="", new_status=order.status)
    assert delivered_items(shop, after=4) == [["Silent"]]


def test_a_report_of_an_order_whose_save_was_rolled_back_is_heard():
    order = Order.objects.get(pk=make_order().pk)
    order.pk, order.number, order._state.adding = None, "100502", True
    with suppress(Rollback), transaction.atomic():
        order.save()
        raise Rollback
    Order.objects.bulk_create([order])
    placed(order)
    assert notes(order) == 1
