"""Whose turn it is: what is of now before what has waited for long, and nobody starves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.db import connection as database
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.models import Connection, OutboxMessage, SyncState, Wake
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.sender import POLLS_BETWEEN_BATCHES
from esputnik_connector.pipeline.delivery.turns import Turn
from esputnik_connector.records import Cart, CartItem, Contact, Kind, Order, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
BACKLOG = 350  # contacts; the recording destination takes a hundred at a time


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


@pytest.fixture(autouse=True)
def _one_time(clock, monkeypatch):
    """What is captured is captured at the time of the clock that is handed in."""
    monkeypatch.setattr("django.utils.timezone.now", clock)


def put_order(plain_shop, key: str = "100") -> None:
    plain_shop.purchases[key] = Order(
        key=key, placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
        contact_key="1", email="buyer1@example.com",
    )  # fmt: skip
    capture.order_changed(key)


def put_cart(plain_shop, key: str = "7") -> None:
    item = CartItem(product_key="1", name="Thing", quantity=1, unit_price=Decimal(10))
    plain_shop.baskets[key] = Cart(key=key, currency="UAH", contact_key="1", items=(item,))
    capture.cart_changed(key)


@pytest.fixture
def backlog(plain_shop, clock):
    """Contacts that have waited for an hour."""
    for number in range(BACKLOG):
        key = f"p{number}"
        plain_shop.people[key] = Contact(key=key, email=f"{key}@example.com")
        capture.contact_changed(key)
    OutboxMessage.objects.update(due_at=clock() - timedelta(hours=1))


def taking(seconds: float, clock, then=None):
    """Each delivery takes so long."""

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        clock.forward(seconds=seconds)
        if then is not None:
            then(envelopes)
        return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in envelopes]

    return staticmethod(answer)


def test_carts_and_orders_of_now_go_before_contacts_of_an_hour_ago(
    plain_shop, recording, run, backlog
):
    put_cart(plain_shop)
    put_order(plain_shop)
    run()
    assert [call[0].kind.value for call in recording.calls[:3]] == ["order", "cart", "contact"]


def test_behaviour_of_now_goes_even_after_what_has_waited_for_long(connection, backlog, clock):
    for kind in (Kind.BEHAVIOUR, Kind.ORDER):
        OutboxMessage.objects.create(connection=connection, kind=kind.value, key="1")
    turns = Relay(connection, clock=clock)._kinds_with_work()
    assert turns == [Kind.ORDER, Kind.CONTACT, Kind.BEHAVIOUR]


def test_an_order_that_comes_meanwhile_waits_for_one_batch_and_not_for_the_backlog(
    plain_shop, recording, run, backlog, clock
):
    left = [True]

    def somebody_buys(_envelopes: object) -> None:
        if left:
            left.pop()
            put_order(plain_shop)

    recording.answer = taking(2, clock, somebody_buys)
    run()
    assert [call[0].kind.value for call in recording.calls[:3]] == ["contact", "order", "contact"]


def test_a_backlog_gets_its_slice_although_new_changes_never_end(
    plain_shop, recording, run, backlog, clock
):
    def somebody_buys(envelopes: Sequence[Envelope]) -> None:
        put_order(plain_shop, str(100 + len(recording.calls)))

    recording.answer = taking(2, clock, somebody_buys)
    run()
    kinds = [call[0].kind.value for call in recording.calls]
    assert kinds[:6] == ["contact", "order"] * 3
    assert not OutboxMessage.objects.filter(kind="contact").exists()


@pytest.fixture
def other(connection, plain_shop, backlog) -> Connection:
    """A second connection of the same shop, of which one order waits."""
    made = Connection.objects.create(name="other", destination="recording", api_key="a key")
    OutboxMessage.objects.create(connection=made, kind="order", key="100")
    return made


def test_a_backlog_keeps_the_only_worker_while_nobody_else_waits(
    connection, backlog, recording, clock
):
    recording.answer = taking(8, clock)
    relay = Relay(connection, clock=clock)
    assert relay.run(seconds=50, is_watching=True) == {"delivered": BACKLOG}


def test_another_connection_does_not_wait_for_the_end_of_a_backlog(
    connection, other, recording, clock
):
    """One worker with one slot: whoever has it gives it away, and comes back after the others."""
    recording.answer = taking(8, clock)
    relay = Relay(connection, clock=clock)
    assert relay.run(seconds=50, is_watching=True) == {"delivered": 200}
    # At once, and not in a second: nobody else looks.
    assert relay.come_back() == pytest.approx(clock(), abs=timedelta(seconds=0.5))
    assert Relay(other, clock=clock).run(is_watching=True)["skipped"] == 1
    assert Relay(connection, clock=clock).run(seconds=50, is_watching=True) == {"delivered": 150}


def test_a_connection_that_has_a_worker_already_shortens_nobodys_turn(
    connection, other, recording, clock
):
    recording.answer = taking(8, clock)
    Wake.objects.create(connection=other).lease("its own", seconds=600, clock=clock)
    relay = Relay(connection, clock=clock)
    assert relay.run(seconds=50, is_watching=True) == {"delivered": BACKLOG}


@pytest.mark.parametrize(
    "switched",
    [{"is_enabled": False}, {"paused_at": NOW}, {"environment": "elsewhere"}],
    ids=["off", "paused", "bound elsewhere"],
)
def test_a_connection_that_may_not_send_shortens_nobodys_turn(
    connection, other, recording, clock, switched
):
    recording.answer = taking(8, clock)
    Connection.objects.filter(pk=other.pk).update(**switched)
    relay = Relay(connection, clock=clock)
    assert relay.run(seconds=50, is_watching=True) == {"delivered": BACKLOG}


def test_questions_about_uploads_come_between_batches_and_hold_none_back(
    plain_shop, recording, run, backlog, connection, clock, monkeypatch
):
    for number in range(8):
        SyncState.objects.create(
            connection=connection, kind="contact", key=f"u{number}", session=f"s{number}",
            session_since=clock(), poll_at=clock() - timedelta(seconds=9 - number),
        )  # fmt: skip
    asked: list[str] = []
    between: list[int] = []

    def resolve(self, session, keys, *, locators):
        asked.append(session)
        return [Receipt(kind=Kind.CONTACT, key=key, outcome=Outcome.DELIVERED) for key in keys]

    monkeypatch.setattr(recording, "resolve", resolve)
    recording.answer = taking(0, clock, lambda _: between.append(len(asked)))
    run()
    assert between == [0, POLLS_BETWEEN_BATCHES, 2 * POLLS_BETWEEN_BATCHES, 6]
    assert asked == [f"s{number}" for number in range(8)]  # whoever waits longest comes first


# -- among connections -----------------------------------------------------------------------------


def test_nobody_is_asked_about_before_a_turn_has_lasted_for_long(connection, other, clock):
    turn = Turn(connection, clock)
    with CaptureQueriesContext(database) as captured:
        clock.forward(seconds=9)
        assert not turn.is_over()
    assert len(captured) == 0
    clock.forward(seconds=2)
    assert turn.is_over()


def test_it_is_asked_once_a_second_and_by_one_query_for_each_other_connection(
    connection, backlog, clock
):
    for number in range(3):
        Connection.objects.create(name=f"c{number}", destination="recording", api_key="a key")
    turn = Turn(connection, clock)
    clock.forward(seconds=11)
    with CaptureQueriesContext(database) as captured:
        for _ in range(20):
            assert not turn.is_over()
    assert len(captured) == 4
    clock.forward(seconds=1.5)
    with CaptureQueriesContext(database) as captured:
        assert not turn.is_over()
    assert len(captured) == 4


def test_a_turn_that_is_over_stays_so(connection, other, clock):
    """The run ends at its next line, whatever the other connection has found by then."""
    turn = Turn(connection, clock)
    clock.forward(seconds=11)
    assert turn.is_over()
    OutboxMessage.objects.filter(connection=other).delete()
    clock.forward(seconds=5)
    assert turn.is_over()


@pytest.mark.parametrize(
    "waits",
    [
        {"due_at": F("captured_at") + timedelta(minutes=5)},
        {"is_dead": True},
        {"session": "an upload that is worked on"},
    ],
    ids=["later", "set aside", "in an upload"],
)
def test_what_is_not_to_be_sent_now_asks_for_no_worker(connection, other, clock, waits):
    OutboxMessage.objects.filter(connection=other).update(**waits)
    turn = Turn(connection, clock)
    clock.forward(seconds=11)
    assert not turn.is_over()


def test_a_run_that_nobody_relies_on_is_not_shortened(connection, other, recording, clock):
    """A command at a terminal, and the live traffic between two pages of an import."""
    recording.answer = taking(8, clock)
    relay = Relay(connection, clock=clock)
    assert relay.run(seconds=50) == {"delivered": BACKLOG}
