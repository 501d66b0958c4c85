"""Answers that a database cannot store, and failures of our own after a request went out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.db import DataError

from esputnik_connector.destinations.base import AccountInfo, Envelope, Receipt
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.models import Attempt, Lane, OutboxMessage, SyncState
from esputnik_connector.models.sync import SyncStateQuerySet
from esputnik_connector.operations.connection import verify
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.prepare.load import read
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Order, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
HALF_AN_EMOJI, NUL = "\ud83d", "\x00"
UNSTORABLE = [HALF_AN_EMOJI, NUL, "x" * 5000]


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


@pytest.fixture
def orders(plain_shop, connection) -> list[str]:
    keys = ["100", "101", "102"]
    for key in keys:
        plain_shop.purchases[key] = Order(
            key=key, placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
            contact_key="1", email="buyer1@example.com",
        )  # fmt: skip
        capture.order_changed(key)
    return keys


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", **values})


def answers(outcome: Outcome, **values: object):
    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        return [Receipt(kind=e.kind, key=e.key, outcome=outcome, **values) for e in envelopes]

    return staticmethod(answer)


def raises(error: Exception):
    def answer(_envelopes: Sequence[Envelope]) -> list[Receipt]:
        raise error

    return staticmethod(answer)


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", UNSTORABLE, ids=["half an emoji", "NUL", "long"])
def test_a_refusal_in_words_that_no_database_stores_is_set_aside_once(
    recording, orders, run, words
):
    recording.answer = answers(Outcome.REJECTED, reason=Reason.REFUSED, detail=f"bad {words}")
    assert run() == {"rejected": 3}
    assert run() == {}
    assert len(recording.calls) == 1
    details = OutboxMessage.objects.dead().values_list("detail", flat=True)
    assert [detail[:4] for detail in details] == ["bad "] * 3


@pytest.mark.parametrize("words", UNSTORABLE, ids=["half an emoji", "NUL", "long"])
def test_a_delivery_with_an_odd_id_counts_as_delivered(recording, orders, run, words):
    recording.answer = answers(Outcome.DELIVERED, remote_id=words)
    assert run() == {"delivered": 3}
    assert len(recording.calls) == 1
    assert not OutboxMessage.objects.exists()
    assert set(SyncState.objects.values_list("remote_id", flat=True)) == {""}


@pytest.mark.parametrize("words", UNSTORABLE, ids=["half an emoji", "NUL", "long"])
def test_an_upload_that_cannot_be_asked_about_is_tried_again(plain_shop, recording, run, words):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = answers(Outcome.ACCEPTED, session=words)
    assert run() == {"deferred": 1}
    row = OutboxMessage.objects.get()
    assert (row.session, row.reason, row.attempts) == ("", "import_failed", 1)
    assert SyncState.objects.get().session == ""


@pytest.mark.parametrize("words", UNSTORABLE, ids=["half an emoji", "NUL", "long"])
def test_a_refused_key_pauses_the_connection_whatever_its_words(
    recording, orders, run, connection, words
):
    recording.answer = raises(CredentialsError(f"no {words}", status=401))
    run()
    connection.refresh_from_db()
    assert connection.pause_detail.startswith("no ")
    assert run() == {}
    assert len(recording.calls) == 1


@pytest.mark.parametrize("words", UNSTORABLE, ids=["half an emoji", "NUL", "long"])
def test_an_outage_pauses_the_lane_whatever_its_words(recording, orders, run, words):
    error = TemporaryError(f"down {words}", status=503, retry_after=60, was_received=True)
    recording.answer = raises(error)
    run()
    lane = Lane.objects.get(kind="order")
    assert lane.pause_detail.startswith("down ")
    assert run() == {}
    assert len(recording.calls) == 1


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e18, -5.0])
def test_a_wait_that_cannot_be_is_not_believed(recording, orders, run, clock, seconds):
    error = TemporaryError("slow down", status=429, retry_after=seconds)
    recording.answer = raises(error)
    assert run() == {"deferred": 3}
    recording.answer = None
    clock.forward(hours=2)
    assert run() == {"delivered": 3}


def test_an_import_does_not_stay_running_for_a_text(plain_shop, recording, connection, clock):
    for key in ("1", "2"):
        plain_shop.people[key] = contact(key)
    recording.answer = answers(Outcome.REJECTED, reason=Reason.REFUSED, detail=HALF_AN_EMOJI)
    present, _ = control.start(connection, Kind.CONTACT)
    BackfillWorker(present, clock=clock).work(seconds=60)
    present.refresh_from_db()
    assert (present.state, present.counts) == ("finished", {"refused": 2})


def test_an_organisation_with_an_odd_name_is_accepted(connection):
    info = AccountInfo(organisation=f"Shop{NUL}{HALF_AN_EMOJI}", organisation_id="9" * 500)
    verify.accept(connection, info)
    connection.refresh_from_db()
    assert connection.organisation.startswith("Shop")


# -- a refusal that names none of several ----------------------------------------------------------


def refuse_one_without_a_name(culprit: str):
    """As eSputnik might: a 2xx that took all orders but one, and does not say which."""
    taken: list[str] = []

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        keys = [envelope.key for envelope in envelopes]
        taken.extend(key for key in keys if key != culprit)
        if len(keys) > 1 and culprit in keys:
            return [
                Receipt(
                    kind=Kind.ORDER, key=key, outcome=Outcome.DEFERRED,
                    reason=Reason.REFUSED_AMONG, goes_alone=True, is_counted=True,
                )
                for key in keys
            ]  # fmt: skip
        outcome = Outcome.REJECTED if culprit in keys else Outcome.DELIVERED
        return [Receipt(kind=Kind.ORDER, key=key, outcome=outcome) for key in keys]

    return taken, staticmethod(answer)


def test_no_order_is_taken_more_than_twice_for_a_refusal_that_names_none(
    plain_shop, recording, orders, run, clock
):
    taken, recording.answer = refuse_one_without_a_name("101")
    assert run() == {"deferred": 3}
    plain_shop.purchases["103"] = replace(plain_shop.purchases["100"], key="103")
    capture.order_changed("103")
    clock.forward(hours=1)
    assert run() == {"delivered": 3, "rejected": 1}
    assert [len(call) for call in recording.calls] == [3, 1, 1, 1, 1]
    assert sorted(taken) == ["100", "100", "102", "102", "103"]
    assert OutboxMessage.objects.get().key == "101"


def test_a_worker_that_dies_after_such_a_refusal_leaves_the_orders_alone(
    recording, orders, run, clock
):
    """What must go alone is written down before anything goes again."""
    _taken, recording.answer = refuse_one_without_a_name("101")
    run()
    assert set(OutboxMessage.objects.values_list("goes_alone", flat=True)) == {True}
    capture.order_changed("100")  # a change does not send it along with others
    capture.order_changed("102")
    clock.forward(hours=1)
    run()
    assert [len(call) for call in recording.calls] == [3, 1, 1, 1]


def test_history_that_must_go_alone_is_left_to_live_traffic(
    recording, orders, connection, run, clock
):
    OutboxMessage.objects.all().delete()
    taken, recording.answer = refuse_one_without_a_name("101")
    present, _ = control.start(connection, Kind.ORDER, route="orders")
    BackfillWorker(present, clock=clock).work(seconds=60)
    present.refresh_from_db()
    assert (present.state, present.counts) == ("finished", {"retrying": 3})
    clock.forward(hours=1)
    run()
    assert [len(call) for call in recording.calls] == [3, 1, 1, 1]
    assert sorted(taken) == ["100", "100", "102", "102"]


# -- whatever happens after a request, the try counts ----------------------------------------------


def broken_upsert(poison: str):
    """An upsert of states that fails for one key, as a database would for a text of its own."""
    upsert = SyncStateQuerySet.upsert

    def fail(self, rows, fields, **shared):
        if any(row["key"] == poison and "remote_id" in row for row in rows):
            raise DataError("cannot be stored")
        upsert(self, rows, fields, **shared)

    return fail


def test_when_a_batch_cannot_be_settled_its_records_are_settled_one_by_one(
    recording, orders, run, monkeypatch
):
    monkeypatch.setattr(SyncStateQuerySet, "upsert", broken_upsert("101"))
    assert run() == {"delivered": 2, "deferred": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.attempts, row.reason) == ("101", 1, "not_recorded")
    assert Attempt.objects.filter(outcome="deferred", key="101").count() == 1
    assert run() == {}  # not before its time
    assert len(recording.calls) == 1


def test_a_batch_of_history_that_cannot_be_settled_is_settled_one_by_one(
    plain_shop, recording, connection, clock, monkeypatch
):
    for key in ("1", "2", "3"):
        plain_shop.people[key] = contact(key)
    monkeypatch.setattr(SyncStateQuerySet, "upsert", broken_upsert("2"))
    present, _ = control.start(connection, Kind.CONTACT)
    BackfillWorker(present, clock=clock).work(seconds=60)
    present.refresh_from_db()
    assert present.counts == {"delivered": 2, "retrying": 1}
    assert OutboxMessage.objects.get().key == "2"
    assert len(recording.calls) == 1


def test_a_lane_that_fails_holds_no_other_lane_back(
    plain_shop, recording, orders, run, monkeypatch, clock
):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")

    monkeypatch.setattr(
        "esputnik_connector.pipeline.delivery.prepare.dispatch.read", poison_contacts()
    )
    assert run() == {"delivered": 3}
    lane = Lane.objects.get(kind="contact")
    assert lane.is_paused(clock())
    assert "LookupError" in lane.pause_detail


def poison_contacts():
    """A defect of ours, where contacts are read."""

    def fail(connection, shop, kind, keys, **rest):
        if kind is Kind.CONTACT:
            raise LookupError("a defect of ours")
        return read(connection, shop, kind, keys, **rest)

    return fail


def test_an_import_that_meets_a_defect_pauses_and_says_so(
    plain_shop, recording, connection, clock, monkeypatch
):
    plain_shop.people["1"] = contact()
    present, _ = control.start(connection, Kind.CONTACT)
    monkeypatch.setattr(
        "esputnik_connector.pipeline.delivery.prepare.dispatch.read", poison_contacts()
    )
    BackfillWorker(present, clock=clock).work(seconds=60)
    present.refresh_from_db()
    assert present.state == "paused"
    assert "LookupError" in present.detail


def test_a_refusal_without_a_text_is_a_refusal(recording, orders, run):
    recording.answer = raises(RejectedError(NUL, status=400))
    assert run() == {"rejected": 3}
