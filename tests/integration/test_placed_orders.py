"""Where a request commits each statement by itself, what repeats a note is written when the shopper
has their answer: Oscar's report of a new order, its source of payment, the basket that is closed.
Nothing of that may be missed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import transaction
from django.utils import timezone
from oscar.apps.order.signals import order_placed, order_status_changed
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline import after_answer, noted
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.pace.debounce import first_rest
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind
from esputnik_connector.testing.recording import RecordingDestination

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar's factories
]

JUST_NOW = first_rest(Kind.ORDER).total_seconds() * noted.JUST_NOW
Order = get_model("order", "Order")
Line = get_model("order", "Line")
Source, SourceType = get_model("payment", "Source"), get_model("payment", "SourceType")


class Rollback(Exception):
    pass


class StandingClock:
    """That of what is noted, so that a slow machine makes no moment a long one."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> StandingClock:
    made = StandingClock()
    monkeypatch.setattr(noted, "time", made)
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


def notes_of(basket) -> int:
    return OutboxMessage.objects.filter(kind="cart", key=str(basket.pk)).count()


def begin() -> None:
    request_started.send(sender=None, environ={})


@contextmanager
def request() -> Iterator[None]:
    """The answer is sent at its end."""
    begin()
    try:
        yield
    finally:
        request_finished.send(sender=None)


@pytest.fixture(autouse=True)
def no_request_is_left() -> Iterator[None]:
    yield
    after_answer.forget_request()


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


def test_the_report_of_a_new_order_is_noted_when_the_shopper_has_their_answer():
    basket = factories.create_basket()
    user = get_user_model().objects.create_user("olena", "olena@example.com")
    OutboxMessage.objects.all().delete()
    with request():
        order = factories.create_order(basket=basket, user=user, number="100501")
        placed(order)
        assert notes(order) == 1
        assert OutboxMessage.objects.filter(kind="contact").count() == 1
    assert notes(order) == 2
    assert OutboxMessage.objects.filter(kind="contact").count() == 2


def test_a_source_of_payment_is_noted_when_the_shopper_has_their_answer():
    with request():
        order = make_order()
        Source.objects.create(order=order, source_type=SourceType.objects.create(name="Card"))
        assert notes(order) == 1
    assert notes(order) == 2


def test_a_basket_that_is_frozen_and_closed_has_one_note_until_the_answer():
    basket = factories.create_basket()
    OutboxMessage.objects.all().delete()
    with request():
        basket.freeze()
        assert notes_of(basket) == 1
        basket.submit()
        basket.save()
        assert notes_of(basket) == 1
    assert notes_of(basket) == 2


def test_outside_of_a_request_each_change_is_noted_at_once():
    order = make_order()
    noted_before = notes(order)
    placed(order)
    assert notes(order) == noted_before + 1


def test_another_order_of_the_same_request_has_its_own_note():
    with request():
        first, second = make_order(number="1"), make_order(number="2")
        assert (notes(first), notes(second)) == (1, 1)


def test_the_next_request_remembers_nothing_of_the_one_before():
    with request():
        order = make_order()
    noted_before = notes(order)
    with request():
        placed(order)
        assert notes(order) == noted_before + 1
    assert notes(order) == noted_before + 1


def test_what_a_request_left_whose_end_nobody_told_is_noted_after_the_next_one():
    begin()
    order = make_order()
    placed(order)
    assert notes(order) == 1
    with request():
        pass
    assert notes(order) == 2


def test_each_repeat_after_a_repeat_was_written_is_noted():
    """A page that tells much writes as it goes on."""
    with request():
        order = make_order()
        placed(order)
        for number in range(after_answer.MOST_NOTES):
            after_answer.write_soon("default", lambda: None)
            assert notes(order) == (2 if number >= after_answer.MOST_NOTES - 2 else 1)
        placed(order)
    assert notes(order) == 3


def test_what_is_added_silently_before_a_repeat_is_delivered_though_the_process_is_killed(
    shop, clock
):
    begin()
    order = make_order()
    assert delivered_items(shop, after=JUST_NOW) == []  # nobody reads the order without it
    add_line(order, "Silent")
    clock.now = JUST_NOW
    placed(order)
    after_answer.forget_request()  # with all that it wanted to write
    assert notes(order) == 1
    assert delivered_items(shop, after=1) == [["Silent"]]


def test_what_is_added_silently_is_delivered_though_a_worker_came_before_the_answer(shop):
    """Its clock is ahead."""
    with request():
        order = make_order()
        assert delivered_items(shop, after=60) == [[]]
        add_line(order, "Silent")
        placed(order)
    assert delivered_items(shop, after=63) == [["Silent"]]


@pytest.mark.parametrize("seconds", [0.3, 1, 3, 3600])
@pytest.mark.parametrize("kind", [Kind.ORDER, Kind.CONTACT, Kind.CART])
def test_only_the_first_half_of_a_rest_is_a_moment(settings, clock, kind, seconds):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": seconds}
    half = first_rest(kind).total_seconds() / 2
    rows = OutboxMessage.objects.filter(kind=kind.value, key="7")
    change = {
        Kind.ORDER: capture.order_changed,
        Kind.CONTACT: capture.contact_changed,
        Kind.CART: capture.cart_changed,
    }[kind]
    with request():
        change("7")
        clock.now = half
        change("7")
        assert rows.count() == 1
        clock.now = half * 1.01
        change("7")
        assert rows.count() == 2
    assert rows.count() == 3


def test_where_changes_do_not_rest_each_is_noted_at_once(shop, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    with request():
        order = make_order()
        assert delivered_items(shop, after=0) == [[]]
        add_line(order, "Silent")
        placed(order)
        assert delivered_items(shop, after=0) == [["Silent"]]


def test_a_report_that_is_part_of_a_longer_transaction_is_noted_in_it():
    """A worker may read the order before what that transaction changes is committed."""
    with request():
        order = make_order()
        with transaction.atomic():
            add_line(order, "Silent")
            placed(order)
        assert notes(order) == 2


def test_a_report_after_a_long_transaction_is_noted_at_once(clock):
    """Its note has rested by then: a worker that looks after the commit reads it at once."""
    with request():
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
    with request():
        order.save()
        assert delivered_items(shop, after=0) == [[]]
        add_line(order, "Silent")
        order_status_changed.send(sender=order, order=order, old_status="", new_status="Paid")
    assert delivered_items(shop, after=4) == [["Silent"]]


def test_a_report_of_an_order_whose_save_was_rolled_back_is_noted_at_once():
    order = Order.objects.get(pk=make_order().pk)
    order.pk, order.number, order._state.adding = None, "100502", True
    with request():
        with suppress(Rollback), transaction.atomic():
            order.save()
            raise Rollback
        Order.objects.bulk_create([order])
        placed(order)
        assert notes(order) == 1


def test_a_report_after_a_savepoint_was_rolled_back_is_noted_at_once():
    order = Order.objects.get(pk=make_order().pk)
    order.pk, order.number, order._state.adding = None, "100503", True
    with request():
        with transaction.atomic():
            with suppress(Rollback), transaction.atomic():
                order.save()
                raise Rollback
            Order.objects.bulk_create([order])
        placed(order)
        assert notes(order) == 1


def test_a_repeat_that_cannot_be_written_breaks_no_answer(caplog, monkeypatch):
    with request():
        order = make_order()
        placed(order)
        monkeypatch.setattr(capture, "_capturing", None)
    assert notes(order) == 1
    assert f"could not note a change of order {order.number}" in caplog.text
