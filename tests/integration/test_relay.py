"""The relay between a plain shop and a destination that only remembers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from esputnik_connector import signals
from esputnik_connector.destinations.base import AccountInfo, Envelope, Receipt
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError, Veto
from esputnik_connector.models import (
    Attempt,
    Connection,
    Lane,
    OutboxMessage,
    SyncState,
    Tombstone,
)
from esputnik_connector.operations.connection import verify
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.pace import permit
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.settle import outbox_rows
from esputnik_connector.records import Cart, CartItem, Contact, Kind, Order, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", **values})


def order(key: str = "100", **values: object) -> Order:
    common = {
        "key": key, "placed_at": NOW, "status": "New", "currency": "UAH", "total": Decimal(10),
        "contact_key": "1", "email": "buyer1@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def fail(error: Exception, *, times: int = 1, when: str = ""):
    """An answer that raises, ``times`` times, for calls that hold the key ``when`` (or any)."""
    left = [times]

    def answer(envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        if left[0] and (not when or any(envelope.key == when for envelope in envelopes)):
            left[0] -= 1
            raise error
        return [
            Receipt(kind=envelope.kind, key=envelope.key, outcome=Outcome.DELIVERED)
            for envelope in envelopes
        ]

    return answer


def outcomes(key: str) -> list[tuple[str, str]]:
    attempts = Attempt.objects.filter(key=key).order_by("pk")
    return list(attempts.values_list("outcome", "reason"))


# -- the ordinary way ------------------------------------------------------------------------------


def test_a_changed_contact_is_sent_and_its_row_is_gone(plain_shop, recording, run):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    assert run() == {"delivered": 1}
    assert recording.keys() == ["1"]
    assert not OutboxMessage.objects.exists()
    assert SyncState.objects.get().delivered_at is not None


def test_many_rows_of_one_key_are_one_delivery(plain_shop, recording, run, connection):
    plain_shop.people["1"] = contact()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(connection=connection, kind="contact", key="1") for _ in range(5)
    )
    run()
    assert recording.keys() == ["1"]
    assert not OutboxMessage.objects.exists()


def test_what_is_sent_is_the_state_at_sending(plain_shop, recording, run):
    plain_shop.people["1"] = contact(first_name="Old")
    capture.contact_changed("1")
    plain_shop.people["1"] = contact(first_name="New")
    run()
    assert recording.calls[0][0].payload["first_name"] == "New"


def test_an_unchanged_record_is_skipped_with_its_reason(plain_shop, recording, run):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    run()
    capture.contact_changed("1")
    assert run() == {"skipped": 1}
    assert len(recording.calls) == 1
    assert outcomes("1") == [("delivered", ""), ("skipped", "unchanged")]


def test_a_change_that_comes_while_its_record_is_sent_is_sent_too(plain_shop, recording, run):
    plain_shop.people["1"] = contact(first_name="First")

    def change_meanwhile(envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        if plain_shop.people["1"].first_name == "First":
            plain_shop.people["1"] = contact(first_name="Second")
            capture.contact_changed("1")
        return fail(RuntimeError(), times=0)(envelopes)

    recording.answer = staticmethod(change_meanwhile)
    capture.contact_changed("1")
    run()
    assert [call[0].payload["first_name"] for call in recording.calls] == ["First", "Second"]
    assert not OutboxMessage.objects.exists()


def test_a_record_that_is_gone_is_skipped(run):
    capture.contact_changed("404")
    assert run() == {"skipped": 1}
    assert outcomes("404") == [("skipped", "gone")]


def test_a_kind_that_is_switched_off_is_skipped(plain_shop, recording, run, connection):
    connection.sync_orders = False
    connection.save()
    plain_shop.purchases["100"] = order()
    capture.order_changed("100")
    run()
    assert outcomes("100") == [("skipped", "sync_off")]
    assert recording.calls == []


@pytest.mark.skipif(
    database.vendor == "sqlite", reason="SQLite takes few values a statement: more statements"
)
def test_a_batch_costs_the_same_queries_whatever_its_size(plain_shop, run):
    def queries_for(keys: range) -> int:
        for key in keys:
            plain_shop.people[str(key)] = contact(str(key))
            capture.contact_changed(str(key))
        with CaptureQueriesContext(database) as queries:
            run()
        return len(queries)

    queries_for(range(1))  # makes the lanes
    assert queries_for(range(2, 4)) == queries_for(range(100, 180))


# -- failures of one record ------------------------------------------------------------------------


def test_a_refused_record_does_not_hold_back_its_batch(plain_shop, recording, run):
    for key in map(str, range(8)):
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)
    recording.answer = staticmethod(fail(RejectedError("bad name", status=400), times=99, when="5"))
    assert run() == {"delivered": 7, "rejected": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.is_dead, row.reason, row.detail) == ("5", True, "refused", "bad name")


def test_a_refused_record_is_sent_again_when_it_changes(plain_shop, recording, run):
    plain_shop.people["5"] = contact("5")
    capture.contact_changed("5")
    recording.answer = staticmethod(fail(RejectedError("bad name", status=400)))
    run()
    plain_shop.people["5"] = contact("5", first_name="Better")
    capture.contact_changed("5")
    assert run() == {"delivered": 1}
    assert not OutboxMessage.objects.exists()


def test_try_again_revives_what_was_set_aside(plain_shop, recording, run):
    plain_shop.people["5"] = contact("5")
    capture.contact_changed("5")
    recording.answer = staticmethod(fail(RejectedError("bad name", status=400)))
    run()
    assert OutboxMessage.objects.revive() == 1
    assert run() == {"delivered": 1}


def test_a_record_that_cannot_be_read_is_set_aside_alone(plain_shop, recording, run):
    for key in map(str, range(8)):
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)

    def poison(keys: Sequence[str]) -> None:
        if "3" in keys:
            raise ValueError("secret@example.com cannot be read")

    plain_shop.before_reading = staticmethod(poison)
    assert run() == {"delivered": 7, "rejected": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.reason, row.detail) == ("3", "unbuildable", "ValueError")


def test_a_record_that_makes_the_destination_fail_ends_up_alone(plain_shop, recording, run, clock):
    for key in map(str, range(50)):
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)
    recording.answer = staticmethod(
        fail(TemporaryError("oops", status=500, was_received=True), times=999, when="7")
    )
    for _ in range(40):
        run()
        clock.forward(hours=1)
    assert OutboxMessage.objects.get().key == "7"
    assert len(recording.calls[-1]) == 1


def test_a_record_that_fails_for_three_days_is_set_aside(plain_shop, recording, run, clock):
    plain_shop.people["7"] = contact("7")
    capture.contact_changed("7")
    recording.answer = staticmethod(
        fail(TemporaryError("oops", status=500, was_received=True), times=999)
    )
    for _ in range(71):
        run()
        clock.forward(hours=1)
    assert not OutboxMessage.objects.get().is_dead
    for _ in range(12):
        run()
        clock.forward(hours=1)
    row = OutboxMessage.objects.get()
    assert row.is_dead
    assert row.reason == "unreachable"


def test_a_change_of_a_record_that_was_set_aside_has_the_whole_horizon_again(
    plain_shop, recording, run, clock
):
    oops = TemporaryError("oops", status=500, was_received=True)
    plain_shop.people["7"] = contact("7")
    capture.contact_changed("7")
    recording.answer = staticmethod(fail(oops, times=999))
    for _ in range(90):
        run()
        clock.forward(hours=1)
    assert OutboxMessage.objects.get().is_dead
    plain_shop.people["7"] = contact("7", first_name="Changed")
    capture.contact_changed("7")
    run()
    assert not OutboxMessage.objects.get().is_dead


def test_a_defect_of_ours_does_not_hold_back_the_lane(plain_shop, recording, run, clock, caplog):
    for key in ("1", "2"):
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)
    recording.answer = staticmethod(fail(KeyError("oops"), times=999, when="2"))
    for _ in range(10):
        run()
        clock.forward(hours=1)
    assert SyncState.objects.exclude(delivered_at=None).get().key == "1"
    assert "a delivery of" in caplog.text


# -- failures of the destination -------------------------------------------------------------------


def test_an_outage_costs_no_record_a_try(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(fail(TemporaryError("no connection"), times=20))
    for _ in range(20):
        assert run() == {"deferred": 1}
        clock.forward(hours=6)
    row = OutboxMessage.objects.get()
    assert (row.attempts, row.is_dead) == (0, False)
    assert run() == {"delivered": 1}


def test_too_many_requests_pause_the_lane_for_every_worker(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(fail(TemporaryError("slow down", status=429, retry_after=120)))
    run()
    clock.forward(seconds=119)
    assert run() == {}
    clock.forward(seconds=2)
    assert run() == {"delivered": 1}


def test_a_paused_lane_leaves_the_others_alone(plain_shop, recording, run):
    plain_shop.people["1"] = contact()
    plain_shop.purchases["100"] = order()
    capture.contact_changed("1")
    capture.order_changed("100")
    recording.answer = staticmethod(
        fail(TemporaryError("slow down", status=429, retry_after=120), times=99, when="1")
    )
    assert run() == {"deferred": 1, "delivered": 1}


def test_a_refused_key_pauses_the_connection_and_no_record_pays(
    plain_shop, recording, run, connection
):
    heard = []

    def listener(connection, detail, **_):
        heard.append(detail)

    signals.connection_paused.connect(listener)
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(fail(CredentialsError("wrong key", status=401), times=9))
    run()
    connection.refresh_from_db()
    assert connection.pause_detail == "wrong key"
    assert heard == ["wrong key"]
    assert OutboxMessage.objects.get().attempts == 0
    assert run() == {}
    assert len(recording.calls) == 1


def test_a_firewalls_403_pauses_the_lane_and_not_the_connection(
    plain_shop, recording, run, connection
):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    page = TemporaryError("a page of a proxy", status=403, was_received=True)
    recording.answer = staticmethod(fail(page))
    run()
    connection.refresh_from_db()
    assert connection.paused_at is None
    assert Lane.objects.get(kind="contact").failures == 1


def test_an_unanswered_delivery_is_not_taken_for_the_old_state(plain_shop, recording, run, clock):
    """A → B, no answer, → A: nobody knows what is there, so A goes out again."""
    plain_shop.people["1"] = contact(first_name="A")
    capture.contact_changed("1")
    run()
    plain_shop.people["1"] = contact(first_name="B")
    capture.contact_changed("1")
    recording.answer = staticmethod(fail(TemporaryError("time-out", was_received=True)))
    run()
    plain_shop.people["1"] = contact(first_name="A")
    clock.forward(hours=1)
    assert run() == {"delivered": 1}
    assert [call[0].payload["first_name"] for call in recording.calls] == ["A", "B", "A"]


# -- imports ---------------------------------------------------------------------------------------


def accept(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [
        Receipt(kind=e.kind, key=e.key, outcome=Outcome.ACCEPTED, session="s1") for e in envelopes
    ]


def imported(key: str, outcome: Outcome, reason: Reason | None = None) -> Receipt:
    return Receipt(kind=Kind.CONTACT, key=key, outcome=outcome, reason=reason, is_counted=True)


def test_an_accepted_contact_is_delivered_only_when_its_import_finished(
    plain_shop, recording, run, clock
):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(accept)
    assert run() == {"accepted": 1}
    assert SyncState.objects.get().digest == ""
    assert OutboxMessage.objects.get().session == "s1"
    recording.resolutions = [imported("1", Outcome.DEFERRED, Reason.UPLOADING)]
    clock.forward(minutes=1)
    run()
    assert OutboxMessage.objects.exists()
    recording.resolutions = [imported("1", Outcome.DELIVERED)]
    clock.forward(minutes=1)
    assert run() == {"delivered": 1}
    assert not OutboxMessage.objects.exists()
    assert SyncState.objects.get().digest != ""


def test_a_change_waits_for_the_import_of_its_record(plain_shop, recording, run, clock):
    plain_shop.people["1"] = contact(first_name="First")
    capture.contact_changed("1")
    recording.answer = staticmethod(accept)
    run()
    plain_shop.people["1"] = contact(first_name="Second")
    capture.contact_changed("1")
    recording.answer = None
    assert run() == {}
    recording.resolutions = [imported("1", Outcome.DELIVERED)]
    clock.forward(minutes=1)
    assert run() == {"delivered": 2}
    assert recording.calls[-1][0].payload["first_name"] == "Second"


@pytest.mark.parametrize("ending", ["failed", "never"])
def test_the_records_of_a_lost_import_are_sent_again(plain_shop, recording, run, clock, ending):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    recording.answer = staticmethod(accept)
    run()
    recording.answer = None
    if ending == "failed":
        recording.resolutions = [imported("1", Outcome.DEFERRED, Reason.UPLOAD_FAILED)]
        clock.forward(minutes=1)
    else:
        recording.resolutions = [imported("1", Outcome.DEFERRED, Reason.UPLOADING)]
        clock.forward(minutes=31)
    run()
    clock.forward(hours=1)
    assert run() == {"delivered": 1}


def test_a_record_that_an_import_refused_is_set_aside(plain_shop, recording, run, clock):
    for key in ("1", "2"):
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)
    recording.answer = staticmethod(accept)
    run()
    recording.resolutions = [
        imported("1", Outcome.DELIVERED),
        imported("2", Outcome.REJECTED, Reason.REFUSED),
    ]
    clock.forward(minutes=1)
    assert run() == {"delivered": 1, "rejected": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.is_dead, row.session) == ("2", True, "")


# -- workers ---------------------------------------------------------------------------------------


def test_a_lane_in_other_hands_is_left_alone_until_its_lease_runs_out(
    plain_shop, recording, run, clock, connection
):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    lane, _ = Lane.objects.get_or_create(connection=connection, kind="contact")
    lane.lease("a worker that died", seconds=180, clock=clock)
    assert run() == {}
    clock.forward(seconds=181)
    assert run() == {"delivered": 1}


def test_a_worker_that_lost_its_lease_settles_nothing(plain_shop, recording, run, connection):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")

    def steal(envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        Lane.objects.filter(kind="contact").update(holder="somebody else")
        return fail(RuntimeError(), times=0)(envelopes)

    recording.answer = staticmethod(steal)
    assert run() == {}
    assert OutboxMessage.objects.exists()
    assert SyncState.objects.get().digest == ""


def test_a_copy_of_the_database_elsewhere_sends_nothing(
    plain_shop, recording, run, connection, settings, caplog, monkeypatch
):
    monkeypatch.setattr(permit, "_said_at", {})
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    run()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP_URL": "https://staging.example",
    }
    plain_shop.people["1"] = contact(first_name="Changed")
    capture.contact_changed("1")
    assert run() == {}
    assert "--confirm-environment" in caplog.text
    assert run() == {}
    assert caplog.text.count("--confirm-environment") == 1  # not with each change
    (said_at,) = permit._said_at.values()
    monkeypatch.setitem(permit._said_at, connection.pk, said_at - permit.REMINDER_INTERVAL)
    assert run() == {}
    assert caplog.text.count("--confirm-environment") == 2  # an hour later
    connection.refresh_from_db()
    connection.bind()
    assert run() == {"delivered": 1}


def test_a_worker_stops_when_the_key_is_replaced_under_it(plain_shop, recording, run, connection):
    """What goes to the former account must not count as delivered to the new one."""
    plain_shop.people["1"] = contact()
    plain_shop.purchases["100"] = order()
    capture.contact_changed("1")
    capture.order_changed("100")

    def replace_key(envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        connection.api_key = "another key"
        connection.save()
        return fail(RuntimeError(), times=0)(envelopes)

    recording.answer = staticmethod(replace_key)
    run()
    assert recording.keys() == ["1"]
    recording.answer = None
    assert run() == {"delivered": 1}


def test_an_unreadable_key_pauses_the_connection_and_loses_nothing(
    plain_shop, recording, run, connection, settings
):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    kept = settings.ESPUTNIK_CONNECTOR
    lost = "bG9zdGxvc3Rsb3N0bG9zdGxvc3Rsb3N0bG9zdGxvc3Q="
    settings.ESPUTNIK_CONNECTOR = {**kept, "ENCRYPTION_KEYS": [lost]}
    assert run() == {}
    connection.refresh_from_db()
    assert "ENCRYPTION_KEYS" in connection.pause_detail
    settings.ESPUTNIK_CONNECTOR = kept
    verify.verify(connection)
    assert run() == {"delivered": 1}


def test_another_organisation_starts_anew(plain_shop, recording, run, connection):
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    run()
    connection.accept_key("Former", "1")
    verify.accept(connection, AccountInfo(organisation="Other", organisation_id="2"))
    capture.contact_changed("1")
    assert run() == {"delivered": 1}


# -- the shop's own word ---------------------------------------------------------------------------


def shout(record, connection):
    """A shop's hook: changes one value, holds one record back."""
    if record.key == "2":
        raise Veto("wholesale customer")
    return replace(record, first_name=record.first_name.upper())


def test_the_shops_hook_changes_a_value_or_holds_a_record_back(
    plain_shop, recording, run, settings
):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": f"{__name__}.shout",
    }
    for key in ("1", "2"):
        plain_shop.people[key] = contact(key, first_name="olena")
        capture.contact_changed(key)
    assert run() == {"delivered": 1, "skipped": 1}
    assert recording.calls[0][0].payload["first_name"] == "OLENA"
    skipped = Attempt.objects.get(key="2")
    assert (skipped.reason, skipped.detail) == ("vetoed", "wholesale customer")


def misuse(record, connection):
    """A hook that forgets to return, changes the key, or returns something else."""
    return {"1": None, "2": replace(record, key="3"), "4": SimpleNamespace(key="4")}[record.key]


@pytest.mark.parametrize("key", ["1", "2", "4"])
def test_a_hook_that_returns_something_else_harms_nobody(plain_shop, recording, run, settings, key):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": f"{__name__}.misuse",
    }
    plain_shop.people[key] = contact(key)
    capture.contact_changed(key)
    assert run() == {"rejected": 1}
    assert recording.calls == []
    assert "RECORD_HOOK returned" in OutboxMessage.objects.get().detail


def quoting(record, connection):
    raise ValueError("phone +380509998877 of boom@x.example")


def test_what_the_shops_code_raises_is_logged_without_its_text(plain_shop, run, settings, caplog):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": f"{__name__}.quoting",
    }
    plain_shop.people["1"] = contact()
    capture.contact_changed("1")
    run()
    assert "ValueError" in caplog.text
    assert "in quoting" in caplog.text
    assert "boom" not in caplog.text
    assert "380509998877" not in caplog.text


# -- erased stays erased ---------------------------------------------------------------------------


@pytest.fixture
def erased(plain_shop, recording, run, connection):
    """Customer 1 was known with an e-mail and a phone, and is deleted."""
    plain_shop.people["1"] = contact(phone="+380501234567")
    plain_shop.purchases["100"] = order()
    capture.contact_changed("1")
    capture.order_changed("100")
    run()
    plain_shop.people.clear()
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    capture.contact_changed("1")
    run()
    recording.calls.clear()
    return connection


def test_a_deleted_customer_is_deleted_there_and_forgotten_here(erased):
    assert outcomes("1")[-2:] == [("delivered", ""), ("skipped", "gone")]
    assert not SyncState.objects.filter(kind="contact").exists()
    assert Tombstone.objects.count() == 4  # key, order, e-mail, and the phone that was delivered


@pytest.mark.parametrize(
    "record",
    [
        order("100", contact_key="", email="", status="Done", phone="+380670000000"),
        order("101", contact_key="", email="Buyer1@Example.com"),
        order("102", contact_key="", email="", phone="+380501234567"),
    ],
    ids=["an order that was theirs", "a guest with their e-mail", "a guest with their phone"],
)
def test_orders_do_not_bring_an_erased_person_back(plain_shop, recording, run, erased, record):
    plain_shop.purchases[record.key] = record
    capture.order_changed(record.key)
    assert run() == {"skipped": 1}
    assert outcomes(record.key)[-1] == ("skipped", "erased")
    assert recording.calls == []


def test_a_restored_customer_stays_erased(plain_shop, recording, run, erased):
    plain_shop.people["1"] = contact(joined_at=NOW - timedelta(days=400))
    capture.contact_changed("1")
    run()
    assert outcomes("1")[-1] == ("skipped", "erased")


def test_an_account_that_shares_a_phone_with_an_erased_person_is_left_alone(
    plain_shop, recording, run, erased
):
    before = NOW - timedelta(days=400)
    plain_shop.people["2"] = contact("2", phone="+380501234567", joined_at=before)
    plain_shop.purchases["102"] = order("102", contact_key="2", phone="+380501234567")
    capture.contact_changed("2")
    capture.order_changed("102")
    assert run() == {"delivered": 2}


def test_a_guest_who_comes_back_after_being_marked_as_deleted_is_sent(
    plain_shop, recording, run, connection, clock
):
    connection.erase_mode = "deactivate"
    connection.save()
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    earlier, later = clock() - timedelta(days=1), clock() + timedelta(days=1)
    plain_shop.purchases["100"] = order("100", contact_key="", placed_at=earlier)
    plain_shop.purchases["101"] = order("101", contact_key="", placed_at=later)
    capture.order_changed("100")
    capture.order_changed("101")
    run()
    assert outcomes("100") == [("skipped", "erased")]
    assert outcomes("101") == [("delivered", "")]


def test_somebody_who_registers_anew_is_a_new_customer(plain_shop, recording, run, erased, clock):
    later = clock() + timedelta(days=1)
    plain_shop.people["9"] = contact("9", email="buyer1@example.com", joined_at=later)
    plain_shop.purchases["109"] = order("109", contact_key="9", placed_at=later)
    capture.contact_changed("9")
    capture.order_changed("109")
    assert run() == {"delivered": 2}


def test_an_order_under_way_cannot_overtake_a_deletion(
    plain_shop, recording, run, connection, clock
):
    """While another worker holds the lane of orders, nobody is deleted."""
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    lane, _ = Lane.objects.get_or_create(connection=connection, kind="order")
    other = lane.lease("another worker", seconds=60, clock=clock)
    assert run() == {}
    other.release()
    clock.forward(seconds=1)
    assert run() == {"delivered": 1}


def test_a_deletion_that_is_not_sent_yet_holds_orders_back_already(
    plain_shop, recording, run, connection, clock
):
    lane, _ = Lane.objects.get_or_create(connection=connection, kind="contact")
    lane.lease("another worker", seconds=60, clock=clock)  # so that the deletion must wait
    capture.contact_deleted("1", locators=["buyer1@example.com"])
    plain_shop.purchases["100"] = order(contact_key="")
    capture.order_changed("100")
    assert run() == {"skipped": 1}
    assert outcomes("100") == [("skipped", "erased")]


# -- carts -----------------------------------------------------------------------------------------


def test_a_cart_whose_basket_was_deleted_is_emptied_there(plain_shop, recording, run):
    item = CartItem(product_key="7", quantity=1, unit_price=Decimal(5))
    plain_shop.baskets["4"] = Cart(key="4", currency="UAH", contact_key="1", items=(item,))
    capture.cart_changed("4")
    run()
    plain_shop.baskets.clear()
    capture.cart_changed("4")
    assert run() == {"delivered": 1}
    assert recording.calls[-1][0].payload["items"] == []
    assert recording.calls[-1][0].payload["contact_key"] == "1"


def test_a_guests_cart_is_sent_to_the_email_told_at_the_gate(plain_shop, recording, run):
    item = CartItem(product_key="7", quantity=1, unit_price=Decimal(5))
    plain_shop.baskets["4"] = Cart(key="4", currency="UAH", items=(item,))
    capture.cart_identified("4", email="guest@example.com")
    run()
    assert recording.calls[0][0].payload["email"] == "guest@example.com"


def test_a_guests_cart_is_emptied_when_its_basket_is_deleted(plain_shop, recording, run):
    item = CartItem(product_key="7", quantity=1, unit_price=Decimal(5))
    plain_shop.baskets["4"] = Cart(key="4", currency="UAH", items=(item,))
    capture.cart_identified("4", email="guest@example.com")
    run()
    plain_shop.baskets.clear()
    capture.cart_changed("4")

    assert run() == {"delivered": 1}
    assert recording.calls[-1][0].payload["items"] == []
    assert recording.calls[-1][0].payload["email"] == "guest@example.com"


@pytest.mark.parametrize("kind", ["contact", "cart"])
def test_whom_the_shop_holds_back_is_not_sent(plain_shop, recording, run, kind):
    plain_shop.people["1"] = contact(held_back="staff")
    plain_shop.baskets["1"] = Cart(key="1", currency="UAH", contact_key="1", held_back="staff")
    {"contact": capture.contact_changed, "cart": capture.cart_changed}[kind]("1")

    assert run() == {"skipped": 1}
    assert Attempt.objects.get().detail == "staff"


def test_an_account_that_is_replaced_while_an_answer_is_written_down_waits_for_it(
    plain_shop, recording, connection, monkeypatch
):
    """What the former account took must not stay “delivered”, however the two fall together."""
    if database.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    plain_shop.purchases["100"] = order("100")
    capture.order_changed("100")
    OutboxMessage.objects.update(due_at=datetime.now(timezone.utc))
    replacing: list[threading.Thread] = []
    record = outbox_rows._record

    def replace_account() -> None:
        try:
            verify.forget_deliveries(Connection.objects.get(pk=connection.pk))
        finally:
            database.close()

    def record_and_replace(*arguments: object) -> None:
        record(*arguments)
        replacing.append(threading.Thread(target=replace_account))
        replacing[0].start()
        replacing[0].join(0.5)

    monkeypatch.setattr(outbox_rows, "_record", record_and_replace)
    Relay(connection).run(seconds=5)
    replacing[0].join(10)
    assert recording.keys() == ["100"]
    assert SyncState.objects.get(kind="order").digest == ""


@pytest.mark.parametrize(("is_usable", "is_set_aside"), [(False, False), (True, True)])
def test_a_lost_database_is_nobodys_fault(
    plain_shop, connection, monkeypatch, is_usable, is_set_aside
):
    """A record whose own query fails is set aside; when the whole database is away, none is."""
    plain_shop.purchases["100"] = order("100")
    capture.order_changed("100")
    OutboxMessage.objects.update(due_at=datetime.now(timezone.utc))

    def fail(_keys: Sequence[str]) -> None:
        raise OperationalError("server closed the connection")

    plain_shop.before_reading = staticmethod(fail)
    monkeypatch.setattr(database, "is_usable", lambda: is_usable)
    with suppress(OperationalError):
        Relay(connection).run(seconds=5)
    assert OutboxMessage.objects.get().is_dead is is_set_aside
    assert not Lane.objects.exclude(holder="").exists()
