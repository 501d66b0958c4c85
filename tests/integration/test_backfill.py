"""Historical imports between a plain shop and a destination that only remembers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, transaction
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as django_timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountInfo, Envelope, Receipt
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.models import Attempt, Backfill, Lane, OutboxMessage, SyncState
from esputnik_connector.operations.connection.verify import accept
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.forecast import forecast
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.reconcile.compare import Comparer
from esputnik_connector.pipeline.reconcile.run import Reconciler, history_before, new_run
from esputnik_connector.records import Contact, Kind, Order, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = AccountInfo(organisation="Other", organisation_id="2")
NOW = datetime(2025, 11, 21, 12, tzinfo=timezone.utc)


@pytest.fixture
def people(plain_shop) -> list[str]:
    """250 customers: three pages of the recording destination."""
    for number in range(250):
        plain_shop.people[str(number)] = person(str(number))
    return list(plain_shop.people)


@pytest.fixture
def run(connection, people) -> Backfill:
    return control.start(connection, Kind.CONTACT)[0]


@pytest.fixture
def work(clock):
    def work_at(run: Backfill, seconds: float = 60, rounds: int = 1) -> Backfill:
        """What workers do: each from the row alone, when it says that somebody should.

        No time goes by meanwhile: on a busy machine an upload would be asked about before its
        page was counted, and again only later.
        """
        for _ in range(rounds):
            present = Backfill.objects.get(pk=run.pk)
            with time_machine.travel(django_timezone.now(), tick=False):
                wake_at = BackfillWorker(present, clock=clock).work(seconds=seconds)
            if wake_at is not None:
                clock.ahead += max(wake_at - clock(), timedelta())
        run.refresh_from_db()
        return run

    return work_at


def person(key: str, **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", "joined_at": NOW, **values})


def order(key: str, **values: object) -> Order:
    common = {
        "key": key, "placed_at": NOW, "status": "New", "currency": "UAH", "total": Decimal(10),
        "contact_key": "1", "email": "buyer1@example.com",
    }  # fmt: skip
    return Order(**{**common, **values})


def delivered(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in envelopes]


def refused(envelope: Envelope) -> Receipt:
    return Receipt(
        kind=envelope.kind, key=envelope.key, outcome=Outcome.REJECTED, reason=Reason.REFUSED,
        detail="bad name", status=200,
    )  # fmt: skip


def adds_up(run: Backfill) -> bool:
    return run.done == run.total and sum(run.skips.values()) == run.counts.get("skipped", 0)


# -- the ordinary way ------------------------------------------------------------------------------


def test_everybody_arrives_once_and_the_counts_add_up(recording, run, people, work):
    work(run)
    assert sorted(recording.keys()) == sorted(people)
    assert (run.state, run.counts, run.total) == ("finished", {"delivered": 250}, 250)
    assert [len(call) for call in recording.calls] == [100, 100, 50]
    assert SyncState.objects.exclude(digest="").count() == 250
    assert not OutboxMessage.objects.exists()


def test_what_was_delivered_is_not_sent_again(recording, run, work):
    work(run)
    again, _ = control.restart(run)
    work(again)
    assert len(recording.calls) == 3
    assert again.counts == {"skipped": 250}
    assert again.skips == {"unchanged": 250}
    assert adds_up(again)


def test_every_page_costs_the_same_queries(run, clock, work):
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock).work(seconds=0)
        return len(captured)

    queries()  # makes the lane
    first, second = queries(), queries()
    assert first == second <= 50


def test_the_newest_can_come_first(recording, connection, people, work):
    run, _ = control.start(connection, Kind.CONTACT, newest_first=True)
    work(run)
    assert recording.keys()[:3] == ["249", "248", "247"]
    assert len(recording.keys()) == 250


def test_a_range_is_sent_alone(plain_shop, recording, connection, people, work):
    plain_shop.people["7"] = person("7", joined_at=NOW - timedelta(days=9))
    run, _ = control.start(connection, Kind.CONTACT, until=NOW - timedelta(days=1))
    work(run)
    assert recording.keys() == ["7"]
    assert run.total == 1


def test_orders_wait_for_the_contacts(plain_shop, recording, connection, people, work):
    plain_shop.purchases["100"] = order("100")
    orders, _ = control.start(connection, Kind.ORDER, route="past_events")
    contacts, _ = control.start(connection, Kind.CONTACT)
    work(orders)
    assert recording.calls == []
    work(contacts)
    work(orders)
    assert recording.keys()[-1] == "100"
    assert orders.state == "finished"


def test_live_traffic_goes_between_the_pages(plain_shop, recording, run, clock, work):
    def change_meanwhile(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if len(recording.calls) == 1:
            plain_shop.purchases["100"] = order("100")
            capture.order_changed("100")
            clock.forward(seconds=1)
        return delivered(envelopes)

    recording.answer = staticmethod(change_meanwhile)
    work(run)
    kinds = [call[0].kind for call in recording.calls]
    assert kinds[:3] == [Kind.CONTACT, Kind.ORDER, Kind.CONTACT]
    assert kinds.count(Kind.ORDER) == 1


def test_a_waiting_change_of_a_record_is_settled_with_it(recording, run, work):
    capture.contact_changed("240")
    OutboxMessage.objects.update(due_at=datetime(2100, 1, 1, tzinfo=timezone.utc))
    work(run)
    assert recording.keys().count("240") == 1
    assert not OutboxMessage.objects.exists()


# -- one at a time ---------------------------------------------------------------------------------


def test_two_starts_are_one_run(connection, people):
    first, is_new = control.start(connection, Kind.CONTACT)
    second, is_second_new = control.start(connection, Kind.CONTACT)
    assert first == second
    assert (is_new, is_second_new) == (True, False)


def test_the_database_itself_keeps_a_second_run_out(connection, people, run):
    with pytest.raises(IntegrityError), transaction.atomic():
        Backfill.objects.create(connection=connection, kind="contact")


def test_a_second_worker_leaves_the_run_alone(recording, run, clock):
    def second_worker(envelopes: Sequence[Envelope]) -> list[Receipt]:
        other = BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock)
        assert other.work(seconds=60) is None
        return delivered(envelopes)

    recording.answer = staticmethod(second_worker)
    BackfillWorker(run, clock=clock).work(seconds=60)
    assert len(recording.keys()) == len(set(recording.keys())) == 250


def test_a_dead_worker_is_followed_when_its_lease_runs_out(recording, run, clock, work):
    def die(envelopes: Sequence[Envelope]) -> list[Receipt]:
        raise KeyboardInterrupt  # nothing in between catches it

    recording.answer = staticmethod(die)
    run.lease("a worker that died", seconds=180, clock=clock)
    lane, _ = Lane.objects.get_or_create(connection=run.connection, kind="contact")
    lane.lease("a worker that died", seconds=180, clock=clock)
    recording.answer = None
    work(run)
    assert recording.calls == []
    assert not Backfill.objects.waiting_for_a_worker(clock()).exists()
    clock.forward(seconds=181)
    assert Backfill.objects.waiting_for_a_worker(clock()).exists()
    work(run)
    assert run.state == "finished"


def test_what_was_settled_before_a_crash_is_not_sent_again(recording, run, clock, work):
    """The second request of a halved page kills the worker."""
    recording.answer = staticmethod(crash_after(1))
    with pytest.raises(KeyboardInterrupt):
        BackfillWorker(run, clock=clock).work(seconds=60)
    recording.answer = None
    clock.forward(seconds=181)
    work(run)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})
    assert recording.keys().count("50") == 3  # refused with all, alone with its half, after that
    assert recording.keys().count("10") == 2


def test_what_an_earlier_request_of_a_page_brought_is_not_sent_again(
    recording, run, clock, work, monkeypatch
):
    """A destination may need several requests for a page; the second one kills the worker."""
    deliver = recording.deliver

    def in_two_requests(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        first = deliver(self, envelopes[:60])
        self.after_call(first)
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "deliver", in_two_requests)
    with pytest.raises(KeyboardInterrupt):
        BackfillWorker(run, clock=clock).work(seconds=60)
    monkeypatch.undo()
    clock.forward(seconds=181)
    work(run)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})
    assert len(recording.keys()) == len(set(recording.keys())) == 250


def test_what_was_settled_early_is_settled_once(recording, run, work, monkeypatch):
    deliver = recording.deliver

    def in_two_requests(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        first = deliver(self, envelopes[:60])
        self.after_call(first)
        return [*first, *deliver(self, envelopes[60:])] if envelopes[60:] else first

    monkeypatch.setattr(recording, "deliver", in_two_requests)
    work(run)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})
    assert not OutboxMessage.objects.exists()


def test_a_lane_that_is_lost_while_something_is_settled_early_stops_the_delivery(
    recording, run, clock, work, monkeypatch
):
    deliver = recording.deliver

    def lose_the_run(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        first = deliver(self, envelopes[:60])
        Backfill.objects.update(holder="another worker", leased_until=clock())
        self.after_call(first)
        raise AssertionError("the delivery goes on")

    monkeypatch.setattr(recording, "deliver", lose_the_run)
    BackfillWorker(run, clock=clock).work(seconds=60)
    run.refresh_from_db()
    assert (run.state, run.counts) == ("running", {})


def crash_after(good: int):
    """Refuses the first page as a whole, takes ``good`` of its parts, then the process dies."""
    seen: list[int] = []

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        seen.append(len(envelopes))
        if len(seen) == 1:
            raise RejectedError("one of them", status=400)
        if len(seen) > 1 + good:
            raise KeyboardInterrupt
        return delivered(envelopes)

    return answer


# -- people who press buttons ----------------------------------------------------------------------


def test_a_pause_during_a_request_keeps_its_answer_and_stays(recording, run, work):
    def pause_meanwhile(envelopes: Sequence[Envelope]) -> list[Receipt]:
        control.pause(Backfill.objects.get(pk=run.pk))
        return delivered(envelopes)

    recording.answer = staticmethod(pause_meanwhile)
    work(run, rounds=3)
    assert (run.state, run.counts) == ("paused", {"delivered": 100})
    recording.answer = None
    assert control.resume(run)
    work(run)
    assert run.counts == {"delivered": 250}
    assert len(recording.keys()) == len(set(recording.keys()))


def test_a_cancelled_run_is_not_finished_and_makes_room(recording, run, connection, work):
    assert control.cancel(run)
    work(run)
    assert recording.calls == []
    assert run.state == "cancelled"
    assert not control.resume(run)
    assert control.start(connection, Kind.CONTACT)[1]


# -- another account -------------------------------------------------------------------------------


def test_a_replaced_account_stops_the_run_in_the_middle_of_a_page(
    recording, run, connection, people, work
):
    connection.accept_key("Former", "1")

    def replace_meanwhile(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if len(recording.calls) == 2:
            accept(connection, OTHER)
        return delivered(envelopes)

    recording.answer = staticmethod(replace_meanwhile)
    work(run, rounds=3)
    assert len(recording.calls) == 2  # the third page was not even begun
    assert (run.state, run.counts, run.done) == ("paused", {}, 0)
    assert "another organisation" in run.detail
    assert not SyncState.objects.exclude(digest="").exists()  # not of the page on its way either

    recording.answer = None
    recording.calls.clear()
    assert control.resume(run)
    work(run)
    assert sorted(recording.keys()) == sorted(people)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})


def test_a_restart_after_a_replaced_account_sends_everything(recording, run, connection, work):
    connection.accept_key("Former", "1")
    work(run, seconds=0)
    accept(connection, OTHER)
    again, _ = control.restart(run)
    work(again)
    assert again.counts == {"delivered": 250}


def test_a_pause_by_hand_does_not_outlive_the_account(recording, run, connection, people, work):
    connection.accept_key("Former", "1")
    work(run, seconds=0)
    assert run.done == 100
    control.pause(run)
    accept(connection, OTHER)
    run.refresh_from_db()
    assert (run.done, run.left, run.state) == (0, 250, "paused")
    assert "another organisation" in run.detail


def test_the_same_account_disturbs_no_run(recording, run, connection, work):
    connection.accept_key("Kobzar", "1")
    work(run, seconds=0)
    accept(connection, AccountInfo(organisation="Kobzar", organisation_id="1"))
    work(run)
    assert run.counts == {"delivered": 250}
    assert len(recording.keys()) == 250


def test_orders_of_a_former_account_are_left_to_the_historical_import(
    plain_shop, recording, connection, work
):
    """No night starts a workflow for each of them."""
    connection.accept_key("Former", "1")
    plain_shop.purchases["100"] = order("100")
    run, _ = control.start(connection, Kind.ORDER, route="past_events")
    work(run)
    accept(connection, OTHER)
    run.refresh_from_db()
    assert run.is_former
    found = new_run(connection, Kind.ORDER)
    found.save()
    with closing(registry.destination(connection)) as destination:
        before = history_before(found)
        assert before == connection.created_at  # the finished import was another account's
        comparer = Comparer(connection, destination, plain_shop(), history_before=before)
        assert Reconciler(found, comparer).work()
    assert found.counts == {"history": 1}
    assert not OutboxMessage.objects.exists()


def test_only_what_failed_is_tried_again(recording, run, connection, work):
    recording.answer = staticmethod(lambda sent: [refuse_some(one) for one in sent])
    work(run)
    assert run.counts == {"delivered": 248, "refused": 2}
    assert run.refusals == {"refused": 2}
    recording.answer = None
    recording.calls.clear()
    again, _ = control.retry_failed(connection, Kind.CONTACT)
    work(again)
    assert sorted(recording.keys()) == ["150", "3"]
    assert again.counts == {"delivered": 2}
    assert not OutboxMessage.objects.exists()


def refuse_some(envelope: Envelope) -> Receipt:
    return refused(envelope) if envelope.key in ("3", "150") else delivered([envelope])[0]


def test_a_refused_record_is_seen_and_can_be_sent_again_like_any_other(recording, run, work):
    recording.answer = staticmethod(lambda sent: [refuse_some(one) for one in sent])
    work(run)
    row = OutboxMessage.objects.get(key="3")
    assert (row.is_dead, row.reason, row.detail) == (True, "refused", "bad name")
    assert Attempt.objects.get(key="3").outcome == "rejected"
    recording.answer = None
    OutboxMessage.objects.revive()
    Relay(run.connection).run()
    assert not OutboxMessage.objects.exists()


def test_history_that_is_tried_again_stays_quiet(plain_shop, recording, connection, work):
    """Otherwise “Try again” would start a workflow for an order of years ago."""
    plain_shop.purchases["100"] = order("100")
    recording.answer = staticmethod(lambda sent: [refused(one) for one in sent])
    run, _ = control.start(connection, Kind.ORDER, route="past_events")
    work(run)
    recording.answer = None
    routes = []
    prepare = recording.prepare

    def remember_route(self, record, *, last):
        if isinstance(record, Order):  # and no question about its deletion
            routes.append(self.account.order_route)
        return prepare(self, record, last=last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "prepare", remember_route)
        OutboxMessage.objects.revive()
        Relay(connection).run()
        plain_shop.purchases["100"] = order("100", status="Done")
        capture.order_changed("100")
        Relay(connection).run()
    assert routes == ["past_events", "orders"]


# -- what goes wrong -------------------------------------------------------------------------------


def test_too_many_refusals_pause_the_run(recording, run, work):
    recording.answer = staticmethod(lambda sent: [refused(one) for one in sent])
    work(run, rounds=3)
    assert run.state == "paused"
    assert "100 of 100" in run.detail
    assert len(recording.calls) == 1
    assert OutboxMessage.objects.dead().count() == 100


def test_a_poison_record_stands_alone_and_the_run_goes_on(plain_shop, recording, run, work):
    def poison(keys: Sequence[str]) -> None:
        if "33" in keys:
            raise ValueError("secret@example.com cannot be read")

    plain_shop.before_reading = staticmethod(poison)
    work(run)
    assert (run.state, run.counts) == ("finished", {"delivered": 249, "refused": 1})
    row = OutboxMessage.objects.get()
    assert (row.key, row.reason, row.detail) == ("33", "unbuildable", "ValueError")


def test_a_refused_page_is_halved_until_the_culprit_stands_alone(recording, run, work):
    def refuse_with_33(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if any(envelope.key == "33" for envelope in envelopes):
            raise RejectedError("bad", status=400)
        return delivered(envelopes)

    recording.answer = staticmethod(refuse_with_33)
    work(run)
    assert run.counts == {"delivered": 249, "refused": 1}
    assert OutboxMessage.objects.get().key == "33"


def test_a_page_that_cannot_be_read_pauses_and_is_never_the_end(
    plain_shop, recording, run, work, monkeypatch
):
    keys = plain_shop.keys

    def broken(self, kind, *, after="", **rest):
        if after:
            raise DatabaseError("connection to 10.0.0.1 failed for user shop")
        return keys(self, kind, after=after, **rest)

    monkeypatch.setattr(plain_shop, "keys", broken)
    work(run, rounds=3)
    assert run.state == "paused"
    assert "DatabaseError" in run.detail
    assert "10.0.0.1" not in run.detail
    monkeypatch.undo()
    control.resume(run)
    work(run)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})


def test_records_that_come_and_go_meanwhile_disturb_nobody(plain_shop, recording, run, work):
    def change_the_shop(envelopes: Sequence[Envelope]) -> list[Receipt]:
        for key in ("99", "110"):  # the cursor's own record, and one that is to come
            plain_shop.people.pop(key, None)
        plain_shop.people["5.5"] = person("5.5")  # behind the cursor: live capture has it
        return delivered(envelopes)

    recording.answer = staticmethod(change_the_shop)
    work(run)
    assert run.state == "finished"
    assert len(set(recording.keys()) - {"5.5"}) == 249
    assert adds_up(run)


def test_an_outage_moves_nothing_and_loses_nothing(recording, run, clock, work):
    left = [5]

    def down(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if left[0]:
            left[0] -= 1
            raise TemporaryError("bad gateway", status=502, was_received=True)
        return delivered(envelopes)

    recording.answer = staticmethod(down)
    for _ in range(40):
        work(run)
        clock.forward(minutes=5)
    assert (run.state, run.counts) == ("finished", {"delivered": 250})
    assert not OutboxMessage.objects.exists()


def test_a_record_that_makes_the_destination_fail_is_left_to_live_traffic(
    recording, run, clock, work
):
    def fail_with_33(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if any(envelope.key == "33" for envelope in envelopes):
            raise TemporaryError("oops", status=500, was_received=True)
        return delivered(envelopes)

    recording.answer = staticmethod(fail_with_33)
    for _ in range(100):
        work(run)
        clock.forward(minutes=16)
    assert (run.state, run.counts) == ("finished", {"delivered": 249, "retrying": 1})
    assert OutboxMessage.objects.get().key == "33"


def test_too_many_requests_rest_the_lane_and_cost_nothing(recording, run, clock):
    left = [1]

    def busy(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if left[0]:
            left[0] -= 1
            raise TemporaryError("slow down", status=429, retry_after=30)
        return delivered(envelopes)

    recording.answer = staticmethod(busy)
    wake_at = BackfillWorker(run, clock=clock).work(seconds=60)
    assert timedelta(seconds=25) < wake_at - clock() < timedelta(seconds=31)
    assert run.tries == 0
    clock.forward(seconds=31)
    BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock).work(seconds=60)
    assert len(recording.keys()) == 350  # the first page twice


def test_a_refused_key_pauses_the_connection_and_the_run_waits(recording, run, connection, work):
    def refuse_key(envelopes: Sequence[Envelope]) -> list[Receipt]:
        raise CredentialsError("wrong key", status=401)

    recording.answer = staticmethod(refuse_key)
    work(run, rounds=2)
    assert len(recording.calls) == 1
    assert run.state == "running"
    assert not Backfill.objects.waiting_for_a_worker(datetime.now(timezone.utc)).exists()
    recording.answer = None
    connection.accept_key("Shop", "1")
    run.connection.refresh_from_db()
    work(run)
    assert run.state == "finished"


def test_orders_do_not_go_without_the_customers_whose_import_was_cancelled(
    plain_shop, recording, connection, run, work
):
    plain_shop.purchases["100"] = order("100")
    orders = control.start(connection, Kind.ORDER, route="past_events")[0]
    again = control.restart(run)[0]  # which cancels nothing for good
    orders.refresh_from_db()
    assert orders.state == "running"
    control.cancel(again)
    work(orders)
    assert recording.keys() == []
    assert (orders.state, "customers was cancelled" in orders.detail) == ("paused", True)
    control.resume(orders)
    work(orders)
    assert recording.keys() == ["100"]


def test_an_erased_person_is_skipped(plain_shop, recording, connection, run, work):
    plain_shop.people.pop("7")
    capture.contact_deleted("7", locators=["buyer7@example.com"])
    Relay(connection).run()
    plain_shop.people["7"] = person("7")  # a restored backup
    plain_shop.people["900"] = person("900", email="buyer7@example.com", is_guest=True)
    recording.calls.clear()
    work(run)
    assert not {"7", "900"} & set(recording.keys())
    assert run.skips == {"erased": 2}


# -- imports that take a while ---------------------------------------------------------------------


def accepted(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [
        Receipt(kind=e.kind, key=e.key, outcome=Outcome.ACCEPTED, session=f"s{envelopes[0].key}")
        for e in envelopes
    ]


def resolved(key: str, outcome: Outcome, reason: Reason | None = None) -> Receipt:
    return Receipt(
        kind=Kind.CONTACT, key=key, outcome=outcome, reason=reason, detail="bad phone",
        is_counted=True,
    )  # fmt: skip


def test_accepted_counts_as_delivered_only_when_its_import_is_over(
    recording, run, people, clock, work
):
    recording.answer = staticmethod(accepted)
    recording.resolutions = [resolved(key, Outcome.DEFERRED, Reason.UPLOADING) for key in people]
    work(run)
    assert (run.state, run.counts) == ("settling", {"accepted": 250})
    recording.resolutions = [
        resolved(key, Outcome.REJECTED, Reason.REFUSED)
        if key == "9"
        else resolved(key, Outcome.DELIVERED)
        for key in people
    ]
    clock.forward(minutes=1)
    work(run)
    assert run.state == "finished"
    assert "1 refused" in run.detail
    assert "bad phone" in run.detail  # eSputnik's own words
    assert run.counts == {"accepted": 0, "delivered": 249, "refused": 1}
    row = OutboxMessage.objects.get()
    assert (row.key, row.is_dead, row.detail) == ("9", True, "bad phone")
    assert [attempt.key for attempt in Attempt.objects.all()] == ["9"]  # the others: SyncState


def test_the_answer_to_an_import_for_a_former_account_counts_for_nobody(
    connection, recording, run, people, clock, work, monkeypatch
):
    """The account is replaced while eSputnik is being asked about the import."""
    recording.answer = staticmethod(accepted)
    recording.resolutions = [resolved(key, Outcome.DEFERRED, Reason.UPLOADING) for key in people]
    connection.accept_key("Shop", "1")
    work(run)

    def resolve(_self: object, _session: str, keys: Sequence[str], **_: object) -> list[Receipt]:
        accept(connection, OTHER)
        return [resolved(key, Outcome.DELIVERED) for key in keys]

    monkeypatch.setattr(recording, "resolve", resolve)
    clock.forward(minutes=1)
    work(run)
    assert not SyncState.objects.exclude(digest="").exists()
    assert "delivered" not in run.counts


@pytest.mark.parametrize("ending", ["failed", "never"])
def test_the_records_of_a_lost_import_are_sent_again(recording, run, people, clock, work, ending):
    recording.answer = staticmethod(accepted)
    reason = Reason.UPLOAD_FAILED if ending == "failed" else Reason.UPLOADING
    recording.resolutions = [resolved(key, Outcome.DEFERRED, reason) for key in people]
    work(run)
    recording.answer = None
    clock.forward(minutes=31)
    work(run)
    assert (run.state, run.counts) == ("finished", {"accepted": 0, "retrying": 250})
    words = "bad phone" if ending == "failed" else "did not end in time"
    assert "250 tried again" in run.detail
    assert words in run.detail
    clock.forward(hours=1)
    Relay(run.connection, clock=clock).run(seconds=600)
    assert SyncState.objects.exclude(digest="").count() == 250
    assert not OutboxMessage.objects.exists()


def test_a_record_that_is_being_imported_is_left_to_live_traffic(recording, run, clock, work):
    recording.answer = staticmethod(accepted)
    capture.contact_changed("5")
    Relay(run.connection, clock=clock).run()
    recording.answer = None
    recording.resolutions = [resolved("5", Outcome.DEFERRED, Reason.UPLOADING)]
    work(run)
    assert run.counts == {"delivered": 249, "retrying": 1}
    assert recording.keys().count("5") == 1


def test_an_upload_that_a_run_meets_is_no_failure_of_the_lane(recording, people, run, clock, work):
    """Live changes of everybody else would rest with it, ever longer."""
    recording.answer = staticmethod(accepted)
    for key in people:
        capture.contact_changed(key)
    Relay(run.connection, clock=clock).run()
    recording.resolutions = [resolved(key, Outcome.DEFERRED, Reason.UPLOADING) for key in people]
    work(run)
    assert run.counts == {"retrying": 250}
    lane = Lane.objects.get(kind="contact")
    assert (lane.paused_until, lane.failures) == (None, 0)


# -- looking ahead ---------------------------------------------------------------------------------


def test_a_forecast_says_who_would_be_skipped_and_sends_nothing(
    plain_shop, recording, connection, people, run, work
):
    work(run)
    recording.calls.clear()
    for key in map(str, range(10)):
        plain_shop.people[key] = person(key, first_name="New")
    seen = forecast(Backfill(connection=connection, kind="contact"))
    assert (seen.total, seen.looked_at, seen.to_send) == (250, 250, 10)
    assert seen.skips == {"unchanged": 240}
    assert recording.calls == []


def test_a_big_history_is_estimated_from_both_ends(plain_shop, connection):
    for number in range(3000):
        plain_shop.people[str(number)] = person(str(number))
    seen = forecast(Backfill(connection=connection, kind="contact"))
    assert (seen.total, seen.looked_at, seen.is_exact) == (3000, 1000, False)
    assert seen.scaled(seen.to_send) == 3000


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (datetime(2100, 1, 1, tzinfo=timezone.utc), None, "future"),
        (datetime(2020, 1, 1), None, "time zone"),
        (NOW, NOW - timedelta(days=1), "earlier"),
        (datetime(1, 1, 1, tzinfo=timezone.utc), None, "--since .*between 1900 and 2999"),
        (None, datetime(9999, 12, 31, 23, tzinfo=timezone.utc), "--until .*between 1900 and 2999"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_a_sentence(connection, since, until, words):
    with pytest.raises(control.BadRequestError, match=words):
        control.start(connection, Kind.CONTACT, since=since, until=until)


def test_a_shop_without_time_zones_is_asked_in_its_own_time(
    plain_shop, connection, settings, monkeypatch
):
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Kyiv"
    asked: list[object] = []

    def count(_shop, _kind, *, since, until):
        asked.append((since, until))
        return 0

    monkeypatch.setattr(plain_shop, "count", count)
    plan = Backfill(connection=connection, kind="contact", since=NOW)
    forecast(plan)
    run, _ = control.start(connection, Kind.CONTACT, since=NOW)
    here = datetime(2025, 11, 21, 14)
    assert asked == [(here, None), (here, None)]
    assert run.since == Backfill.objects.get().since == here
    assert control.restart(run)[0].since == here
