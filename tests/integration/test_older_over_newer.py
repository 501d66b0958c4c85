"""No older state stays over a newer one, and no “unchanged” hides that it does.

``held`` is what eSputnik holds in the end: the state that reached it last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.exceptions import TemporaryError
from esputnik_connector.models import Backfill, LostUpload, OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.turns import connections_with_work
from esputnik_connector.records import Contact, Kind, Order, Outcome, Reason
from tests.clock import Clock

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def run(connection, clock):
    def run_relay(at: Callable[[], datetime] = clock) -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=at).run())

    return run_relay


@pytest.fixture
def held(recording):
    """Key → the payload that arrived last, and what makes envelopes arrive."""
    arrived: dict[str, dict[str, object]] = {}

    def arrive(envelopes: Sequence[Envelope]) -> None:
        arrived.update((envelope.key, envelope.payload) for envelope in envelopes)

    return arrived, arrive


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", **values})


def order(key: str = "100", **values: object) -> Order:
    common = {
        "key": key,
        "placed_at": NOW,
        "status": "New",
        "currency": "UAH",
        "total": Decimal(10),
        "contact_key": "1",
        "email": "buyer1@example.com",
    }
    return Order(**{**common, **values})


def delivered(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in envelopes]


def accepted(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [
        Receipt(kind=e.kind, key=e.key, outcome=Outcome.ACCEPTED, session="slow") for e in envelopes
    ]


def arriving(held):
    """Every request arrives, and is answered well."""

    def reply(envelopes: Sequence[Envelope]) -> list[Receipt]:
        held[1](envelopes)
        return delivered(envelopes)

    return staticmethod(reply)


def stopped_in_the_middle(held, meanwhile: Callable[[], object], answer=delivered):
    """The first request is stopped before it arrives, as by SIGSTOP; others go on meanwhile."""
    _arrived, arrive = held
    stopped: list[bool] = []

    def reply(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if not stopped:
            stopped.append(True)
            meanwhile()
            arrive(envelopes)
            return answer(envelopes)
        arrive(envelopes)
        return delivered(envelopes)

    return staticmethod(reply)


# -- a sender that was stopped longer than its lease -----------------------------------------------


def test_a_sender_that_slept_over_its_lease_does_not_leave_the_old_state(
    plain_shop, recording, run, clock, held
):
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")

    def another_worker_sends_the_new_state() -> None:
        clock.forward(minutes=4)
        plain_shop.people["1"] = contact(first_name="New")
        capture.contact_changed("1")
        assert run() == {"delivered": 1}

    recording.answer = stopped_in_the_middle(held, another_worker_sends_the_new_state)
    run()
    assert held[0]["1"]["first_name"] == "Old"  # it came last
    clock.forward(minutes=3)
    assert run() == {"delivered": 1}
    assert held[0]["1"]["first_name"] == "New"
    assert not OutboxMessage.objects.exists()
    clock.forward(minutes=3)
    assert run() == {}


def test_two_workers_whose_clocks_are_apart_end_with_the_newest_state(
    plain_shop, recording, run, clock, held
):
    ahead = Clock()
    ahead.forward(minutes=4)
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")

    def the_other_one_sends_the_new_state() -> None:
        plain_shop.people["1"] = contact(first_name="New")
        capture.contact_changed("1")
        assert run(ahead) == {"delivered": 1}

    recording.answer = stopped_in_the_middle(held, the_other_one_sends_the_new_state)
    run()
    for each in (clock, ahead):
        each.forward(minutes=8)
        run(each)
    assert held[0]["1"]["first_name"] == "New"


def test_the_worker_that_took_over_may_be_sending_itself(plain_shop, recording, run, clock, held):
    """Its own answer says “delivered” after the older state arrived."""
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")
    _arrived, arrive = held
    finish_first: list[Callable[[], object]] = []
    sent: list[Sequence[Envelope]] = []

    def reply(envelopes: Sequence[Envelope]) -> list[Receipt]:
        sent.append(envelopes)
        if len(sent) == 1:  # stopped; the second worker takes over
            clock.forward(minutes=4)
            plain_shop.people["1"] = contact(first_name="New")
            capture.contact_changed("1")
            finish_first.append(lambda: arrive(envelopes))
            run()
            return delivered(envelopes)
        arrive(envelopes)
        if len(sent) == 2:
            finish_first.pop()()
        return delivered(envelopes)

    recording.answer = staticmethod(reply)
    run()
    clock.forward(minutes=3)
    run()
    assert held[0]["1"]["first_name"] == "New"


def test_an_order_that_both_sent_alike_is_not_sent_a_third_time(
    plain_shop, recording, run, clock, held
):
    plain_shop.purchases["100"] = order()
    capture.order_changed("100")

    def another_worker_sends_the_same() -> None:
        clock.forward(minutes=4)
        assert run() == {"delivered": 1}

    recording.answer = stopped_in_the_middle(held, another_worker_sends_the_same)
    run()
    clock.forward(minutes=3)
    run()
    assert recording.keys() == ["100", "100"]
    assert not OutboxMessage.objects.exists()


def test_an_older_status_of_an_order_does_not_stay(plain_shop, recording, run, clock, held):
    plain_shop.purchases["100"] = order(status="New")
    capture.order_changed("100")

    def another_worker_sends_the_next_status() -> None:
        clock.forward(minutes=4)
        plain_shop.purchases["100"] = order(status="Paid")
        capture.order_changed("100")
        run()

    recording.answer = stopped_in_the_middle(held, another_worker_sends_the_next_status)
    run()
    clock.forward(minutes=3)
    run()
    assert held[0]["100"]["status"] == "Paid"
    assert len(recording.calls) == 3


def test_a_worker_that_lost_its_lane_before_the_request_sends_nothing_again(
    plain_shop, recording, connection, run, clock, held, monkeypatch
):
    plain_shop.purchases["100"] = order()
    capture.order_changed("100")
    deliver = recording.deliver

    def taken_over_before_the_request(self, envelopes):
        if not recording.calls:
            clock.forward(minutes=4)
            monkeypatch.undo()
            run()
        return deliver(self, envelopes)

    monkeypatch.setattr(recording, "deliver", taken_over_before_the_request)
    run()
    clock.forward(minutes=3)
    run()
    assert recording.keys() == ["100"]


def test_an_import_that_slept_over_its_lease_does_not_leave_the_old_state(
    plain_shop, recording, connection, run, clock, held
):
    plain_shop.people["1"] = contact(first_name="Old")
    present, _ = control.start(connection, Kind.CONTACT)

    def another_worker_goes_on() -> None:
        clock.forward(minutes=4)
        plain_shop.people["1"] = contact(first_name="New")
        BackfillWorker(Backfill.objects.get(pk=present.pk), clock=clock).work(seconds=60)

    recording.answer = stopped_in_the_middle(held, another_worker_goes_on)
    BackfillWorker(present, clock=clock).work(seconds=60)
    assert held[0]["1"]["first_name"] == "Old"
    clock.forward(minutes=3)
    run()
    assert held[0]["1"]["first_name"] == "New"


# -- uploads that end later than we waited ---------------------------------------------------------


def say(recording, outcome: Outcome, reason: Reason | None = None) -> None:
    recording.resolutions = [
        Receipt(kind=Kind.CONTACT, key=key, outcome=outcome, reason=reason) for key in ("1", "2")
    ]


@pytest.fixture
def given_up(plain_shop, recording, run, clock, held):
    """An upload of the old name that was given up; the new name was delivered since."""
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")
    recording.answer = staticmethod(accepted)
    run()
    plain_shop.people["1"] = contact(first_name="New")
    capture.contact_changed("1")
    recording.answer = arriving(held)
    say(recording, Outcome.DEFERRED, Reason.UPLOADING)
    clock.forward(minutes=31)
    run()
    clock.forward(minutes=2)
    run()
    assert held[0]["1"]["first_name"] == "New"
    return recording.calls[0]


def test_an_upload_that_ends_after_it_was_given_up_does_not_leave_the_old_state(
    given_up, recording, run, clock, held
):
    held[1](given_up)  # the slow upload writes the old name now
    say(recording, Outcome.DELIVERED)
    for _ in range(10):
        clock.forward(minutes=10)
        run()
    assert held[0]["1"]["first_name"] == "New"
    assert not LostUpload.objects.exists()
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("answer", ["lost", "without a name that could be asked about"])
def test_an_upload_that_nobody_can_ask_about_does_not_leave_the_old_state(
    plain_shop, recording, run, clock, held, answer
):
    """It was taken, and is worked off after the newer one."""
    taken: list[Sequence[Envelope]] = []

    def take(envelopes: Sequence[Envelope]) -> list[Receipt]:
        taken.append(envelopes)
        if answer == "lost":
            raise TemporaryError("did not answer in time", was_received=True)
        return [replace(one, session="x" * 5000) for one in accepted(envelopes)]

    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")
    recording.answer = staticmethod(take)
    run()
    plain_shop.people["1"] = contact(first_name="New")
    capture.contact_changed("1")
    recording.answer = arriving(held)
    clock.forward(minutes=10)
    run()
    assert held[0]["1"]["first_name"] == "New"
    held[1](taken[0])  # only now
    for _ in range(6):
        clock.forward(minutes=10)
        run()
    assert held[0]["1"]["first_name"] == "New"
    assert not LostUpload.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_vain_tries_are_one_repetition_in_the_end(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")
    recording.answer = staticmethod(hung)
    for _ in range(5):
        run()
        clock.forward(minutes=20)
    (lost,) = LostUpload.objects.all()
    assert lost.keys == ["1"]
    recording.answer = None
    run()
    sent = len(recording.calls)
    for _ in range(6):
        clock.forward(minutes=10)
        run()
    assert len(recording.calls) == sent + 1


def test_an_order_that_was_not_answered_goes_no_third_time(plain_shop, recording, run, clock):
    """Its state is written when it is taken; to send it again would start its event again."""
    plain_shop.purchases["100"] = order()
    capture.order_changed("100")
    recording.answer = staticmethod(hung)
    run()
    recording.answer = None
    clock.forward(minutes=20)
    assert run() == {"delivered": 1}
    clock.forward(hours=2)
    assert run() == {}


def hung(_envelopes: Sequence[Envelope]) -> list[Receipt]:
    raise TemporaryError("did not answer in time", was_received=True)


def test_it_is_asked_about_as_long_as_it_goes_on_and_not_for_ever(given_up, recording, run, clock):
    sent = len(recording.calls)
    for _ in range(20):
        clock.forward(hours=1)
        run()
    assert LostUpload.objects.exists()
    assert len(recording.calls) == sent  # nothing goes again before it ends
    for _ in range(10):
        clock.forward(hours=1)
        run()
    assert not LostUpload.objects.exists()


def test_a_newer_upload_of_the_same_customer_does_not_hide_it(
    given_up, plain_shop, recording, run, clock, held
):
    """The newer one is accepted before the slow one ends, and is answered after it."""
    plain_shop.people["1"] = contact(first_name="Newest")
    capture.contact_changed("1")
    newest: list[Sequence[Envelope]] = []

    def accept(envelopes: Sequence[Envelope]) -> list[Receipt]:
        newest.append(envelopes)
        return [replace(receipt, session="newer") for receipt in accepted(envelopes)]

    recording.answer = staticmethod(accept)
    run()
    held[1](newest[0])
    held[1](given_up)  # the old name comes last
    recording.answer = arriving(held)
    say(recording, Outcome.DELIVERED)
    for _ in range(10):
        clock.forward(minutes=10)
        run()
    assert held[0]["1"]["first_name"] == "Newest"
    assert SyncState.objects.get().digest != ""


def test_an_upload_of_a_worker_that_lost_its_lane_is_followed(
    plain_shop, recording, run, clock, held
):
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")

    def another_worker_sends_the_new_state() -> None:
        clock.forward(minutes=4)
        plain_shop.people["1"] = contact(first_name="New")
        capture.contact_changed("1")
        assert run() == {"delivered": 1}

    recording.answer = stopped_in_the_middle(held, another_worker_sends_the_new_state, accepted)
    run()
    say(recording, Outcome.DEFERRED, Reason.UPLOADING)
    clock.forward(minutes=3)
    run()
    held[1](recording.calls[0])  # its upload ends long after
    say(recording, Outcome.DELIVERED)
    for _ in range(10):
        clock.forward(minutes=10)
        run()
    assert held[0]["1"]["first_name"] == "New"


def test_a_lost_upload_wakes_a_worker_although_nothing_else_waits(given_up, connection, clock):
    assert not connections_with_work(clock()).exists()
    later = clock() + timedelta(hours=2)
    assert list(connections_with_work(later)) == [connection]
