"""Several requests of one lane under way at once: what becomes of them when something happens in
the middle."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from django.db import DataError, OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector.destinations.base import Envelope, Part, Receipt
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.models import (
    Attempt,
    Connection,
    Lane,
    OutboxMessage,
    SyncState,
    Tombstone,
)
from esputnik_connector.operations.connection.verify import forget_deliveries
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery import watch
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.settle import batch
from esputnik_connector.records import Contact, Kind, Outcome
from esputnik_connector.testing.recording import RecordingDestination
from tests.integration.test_turns import put_cart, put_order

pytestmark = pytest.mark.django_db(transaction=True)

LINES = 4
LONG = 20.0  # seconds; whoever waits for so long would wait for ever


class SideBySide(RecordingDestination):
    """Four requests at once, one record each. ``answer`` runs in the thread of a request."""

    connections = LINES
    under_way: Counter[str] = Counter()
    most: int = 0
    broken_off: list[str] = []  # of whom, as of the others here, all instances know
    _lock = threading.Lock()

    @classmethod
    def reset(cls) -> None:
        super().reset()
        cls.under_way, cls.most, cls.broken_off = Counter(), 0, []

    def parts(self, envelopes: Sequence[Envelope]) -> Sequence[Part]:
        return [Part(envelopes=(one,)) for one in envelopes]

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        here = type(self)
        (key,) = [f"{one.kind.value} {one.key}" for one in envelopes]
        with self._lock:
            here.under_way[key] += 1
            here.most = max(here.most, here.under_way.total())
            assert here.under_way[key] == 1, "two requests about one record"
        try:
            return super().deliver(envelopes)
        finally:
            with self._lock:
                here.under_way[key] -= 1

    def abort(self) -> None:
        self.broken_off.append("a request")


@pytest.fixture
def lines(plain_shop, settings, connection) -> Iterator[type[SideBySide]]:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"recording": {"BACKEND": f"{__name__}.SideBySide"}},
    }
    SideBySide.reset()
    yield SideBySide
    SideBySide.reset()
    assert no_threads_are_left()


@pytest.fixture
def people(lines, plain_shop):
    """So many customers, each of whom has just changed."""

    def register(count: int) -> None:
        for number in range(1, count + 1):
            key = str(number)
            plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
            capture.contact_changed(key)

    return register


def no_threads_are_left() -> bool:
    until = time.monotonic() + 10
    while any(one.name == "esputnik-lane" for one in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def yes(envelopes: Sequence[Envelope]) -> list[Receipt]:
    return [Receipt(kind=e.kind, key=e.key, outcome=Outcome.DELIVERED) for e in envelopes]


def once(what: Callable[[], object], when: str, then: object = None):
    """An answer that does something the first time that this record is sent, and raises ``then``
    if it is given; every other answer is a good one."""
    left = [True]

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == when and left:
            left.pop()
            what()
            if isinstance(then, Exception):
                raise then
        return yes(envelopes)

    return staticmethod(answer)


def in_another_process(work: Callable[[], object]) -> Callable[[], None]:
    """As somebody else would do it: by a database connection of their own."""

    def do() -> None:
        def run() -> None:
            try:
                work()
            finally:
                database.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(LONG)

    return do


def run(connection: Connection, seconds: float = 30) -> Counter[str]:
    return Relay(Connection.objects.get(pk=connection.pk)).run(seconds=seconds)


def delivered_keys() -> list[str]:
    return sorted(SyncState.objects.exclude(digest="").values_list("key", flat=True))


def test_a_batch_goes_by_all_connections_at_once_and_each_record_once(lines, people, connection):
    together = threading.Barrier(LINES)

    def meet(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if not together.broken:
            with suppress(threading.BrokenBarrierError):
                together.wait(LONG)
        return yes(envelopes)

    lines.answer = staticmethod(meet)
    people(4 * LINES)
    assert run(connection) == {"delivered": 4 * LINES}
    assert not together.broken
    assert lines.most == LINES
    assert sorted(lines.keys(), key=int) == [str(n + 1) for n in range(4 * LINES)]
    assert not OutboxMessage.objects.exists()
    assert Attempt.objects.count() == 4 * LINES


def test_one_that_hangs_holds_neither_the_others_nor_what_comes_later(
    lines, people, connection, plain_shop
):
    released = threading.Event()
    came_before: list[str] = []

    def hang() -> None:
        released.wait(LONG)

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "1":
            hang()
        else:
            came_before.append(envelopes[0].key)
            if len(came_before) == 11:
                released.set()
        return yes(envelopes)

    lines.answer = staticmethod(answer)
    people(12)
    begun = time.monotonic()
    assert run(connection) == {"delivered": 12}
    assert time.monotonic() - begun < LONG
    assert "1" not in came_before


woken: list[int] = []


def wake(connection_id: int, delay: float) -> None:
    woken.append(connection_id)


def test_while_a_request_hangs_the_run_goes_on_looking_and_nobody_is_woken(
    lines, people, connection, plain_shop, settings, monkeypatch
):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": f"{__name__}.wake"}
    monkeypatch.setattr(watch, "AT_WORK", 1.5)
    released = threading.Event()

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "1":
            released.wait(LONG / 2)
        return yes(envelopes)

    def change() -> None:
        put_cart(plain_shop, "7")
        released.set()

    lines.answer = staticmethod(answer)
    people(2)
    woken.clear()
    later = threading.Timer(4, in_another_process(change))
    later.start()
    relay = Relay(Connection.objects.get(pk=connection.pk))
    assert relay.run(seconds=30, is_watching=True) == {"delivered": 3}
    later.join()
    assert woken == []


def test_a_request_that_hangs_at_the_end_of_a_run_holds_back_nothing_that_changes_meanwhile(
    lines, people, connection, plain_shop
):
    """Its answer has to be waited for; a change of now has not."""
    released, was_late = threading.Event(), []

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "1":
            was_late.append(not released.wait(LONG))
        if envelopes[0].key == "new":
            released.set()
        return yes(envelopes)

    def register() -> None:
        plain_shop.people["new"] = Contact(key="new", email="new@example.com")
        capture.contact_changed("new")

    lines.answer = staticmethod(answer)
    people(3)
    later = threading.Timer(4, in_another_process(register))
    later.start()
    assert run(connection, seconds=2) == {"delivered": 4}
    assert was_late == [False]
    later.join()


def test_a_record_that_changes_while_it_is_under_way_goes_again_and_never_beside_itself(
    lines, people, connection, plain_shop
):
    def marry() -> None:
        plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com", last_name="New")
        capture.contact_changed("1")
        time.sleep(0.5)  # the worker reads what is due meanwhile

    lines.answer = once(in_another_process(marry), "1")
    people(6)
    run(connection)
    sent = [call[0].payload["last_name"] for call in lines.calls if call[0].key == "1"]
    assert sent == ["", "New"]
    assert not OutboxMessage.objects.exists()


def test_an_answer_that_asks_to_wait_holds_what_has_not_left_and_settles_what_has(
    lines, people, connection
):
    lines.answer = once(
        lambda: time.sleep(0.3), "1", TemporaryError("slow down", status=429, retry_after=60)
    )
    people(40)
    outcomes = run(connection, seconds=5)
    lane = Lane.objects.get(kind="contact")
    assert lane.is_paused(timezone.now())
    assert outcomes["deferred"] == 1
    left = set(OutboxMessage.objects.values_list("key", flat=True))
    assert left == {str(n + 1) for n in range(40)} - set(delivered_keys())
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0}
    lane.resume()
    OutboxMessage.objects.update(due_at=timezone.now())
    run(connection)
    assert Counter(lines.keys()) == Counter({str(n + 1): 1 for n in range(40)}) + Counter("1")


def test_a_connection_that_is_switched_off_sends_nothing_more_and_settles_what_was_sent(
    lines, people, connection
):
    off = in_another_process(lambda: Connection.objects.update(is_enabled=False))
    lines.answer = once(off, "1")
    people(60)
    # A slow pace, so that most has not left when it happens.
    Lane.objects.update_or_create(connection=connection, kind="contact", defaults={"pace": 20})
    run(connection)
    assert len(lines.keys()) < 60
    assert delivered_keys() == sorted(lines.keys())
    assert OutboxMessage.objects.count() == 60 - len(lines.keys())


def test_what_a_former_account_answers_late_is_not_delivered_to_the_new_one(
    lines, people, connection
):
    def replace_account() -> None:
        mine = Connection.objects.get(pk=connection.pk)
        mine.api_key = "the key of another organisation"
        mine.save()
        forget_deliveries(mine)

    lines.answer = once(in_another_process(replace_account), "1")
    people(3)
    run(connection)
    assert delivered_keys() == []
    assert OutboxMessage.objects.filter(key="1").exists()
    OutboxMessage.objects.update(due_at=timezone.now())
    lines.answer = None
    run(connection)
    assert "1" in delivered_keys()
    assert not OutboxMessage.objects.exists()


def test_a_late_refusal_of_a_former_key_does_not_pause_the_new_one(lines, people, connection):
    """The merchant revokes a key at the destination, and pastes the next one here."""

    def paste() -> None:
        mine = Connection.objects.get(pk=connection.pk)
        mine.api_key = "the next key"
        mine.save()

    lines.answer = once(in_another_process(paste), "1", CredentialsError("revoked", status=401))
    people(2)
    run(connection)
    connection.refresh_from_db()
    assert connection.paused_at is None
    lines.answer = None
    OutboxMessage.objects.update(due_at=timezone.now())
    run(connection)
    assert delivered_keys() == ["1", "2"]


def test_a_refusal_of_the_present_key_pauses_the_connection_and_no_record_pays(
    lines, people, connection
):
    lines.error = CredentialsError("revoked", status=401)
    people(9)
    run(connection)
    connection.refresh_from_db()
    assert connection.paused_at is not None
    assert OutboxMessage.objects.filter(attempts=0, is_dead=False).count() == 9
    lines.error = None
    connection.resume()
    OutboxMessage.objects.update(due_at=timezone.now())
    assert run(connection) == {"delivered": 9}


def test_a_worker_that_lost_its_lane_breaks_off_what_is_under_way_and_it_goes_again(
    lines, people, connection
):
    """Its answers are not written down: another worker may have sent what is newer."""
    others = threading.Event()

    def take_over() -> None:
        Lane.objects.filter(kind="contact").update(holder="another worker")
        others.wait(LONG / 2)

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        if envelopes[0].key == "1":
            in_another_process(take_over)()
        return yes(envelopes)

    lines.answer = staticmethod(answer)
    people(30)
    threading.Timer(3, others.set).start()
    run(connection, seconds=8)
    assert lines.broken_off
    assert not SyncState.objects.exclude(digest="").filter(key="1").exists()
    sent = set(lines.keys())
    waiting = set(OutboxMessage.objects.values_list("key", flat=True))
    assert waiting >= sent - set(delivered_keys())
    assert OutboxMessage.objects.filter(key="1", is_forced=True).exists()


def test_a_connection_that_is_deleted_in_the_middle_ends_its_run_and_nothing_else(
    lines, people, connection, caplog
):
    lines.answer = once(
        in_another_process(lambda: Connection.objects.get(pk=connection.pk).delete()), "1"
    )
    people(8)
    run(connection)
    assert not Connection.objects.exists()
    assert not SyncState.objects.exists()
    assert not Lane.objects.exists()
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def test_a_database_that_goes_away_in_the_middle_leaves_no_thread_behind(
    lines, people, connection, plain_shop, monkeypatch
):
    """Each of the lanes has requests under way; a worker process lives for days."""
    is_gone = threading.Event()
    settle_rows = batch.settle_rows

    def settle_or_fail(*arguments: object, **more: object) -> None:
        if is_gone.is_set():
            raise OperationalError("server closed the connection unexpectedly")
        settle_rows(*arguments, **more)

    def go_away(envelopes: Sequence[Envelope]) -> list[Receipt]:
        is_gone.set()
        time.sleep(0.5)
        return yes(envelopes)

    monkeypatch.setattr(batch, "settle_rows", settle_or_fail)
    monkeypatch.setattr(database, "is_usable", lambda: not is_gone.is_set())
    lines.answer = staticmethod(go_away)
    people(4)
    for number in range(4):
        put_cart(plain_shop, str(number))
        put_order(plain_shop, str(100 + number))
    with pytest.raises(OperationalError):
        run(connection)
    assert no_threads_are_left()
    is_gone.clear()
    lines.answer = None
    OutboxMessage.objects.update(due_at=timezone.now())
    assert run(connection)["delivered"] == 12
    assert not OutboxMessage.objects.exists()


# -- what has to wait for what ---------------------------------------------------------------------


def test_a_deletion_waits_for_what_is_under_way_and_comes_after_it(
    lines, people, connection, plain_shop
):
    """A contact that arrives after the deletion would bring the person back."""
    order_of_events: list[str] = []

    def leave_the_shop() -> None:
        plain_shop.people.pop("1")
        capture.contact_deleted("1", locators=["buyer1@example.com"])
        time.sleep(1.5)  # the worker looks meanwhile, and finds the deletion

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        (one,) = envelopes
        if one.key == "1" and one.kind is Kind.CONTACT:
            in_another_process(leave_the_shop)()
        order_of_events.append(f"{one.kind.value} {one.key}")
        return yes(envelopes)

    lines.answer = staticmethod(answer)
    people(3)
    run(connection)
    assert order_of_events[-1] == "erasure 1"
    assert order_of_events.count("contact 1") == 1
    assert Tombstone.objects.exists()
    assert not SyncState.objects.filter(kind="contact", key="1").exists()
    assert not OutboxMessage.objects.exists()


def test_lanes_go_on_with_what_stands_in_line_while_another_one_has_its_turn(
    lines, people, connection, plain_shop
):
    people(40)
    for number in range(10):
        put_cart(plain_shop, str(number))
        put_order(plain_shop, str(100 + number))
    lines.answer = staticmethod(lambda envelopes: time.sleep(0.05) or yes(envelopes))
    run(connection)
    kinds = [call[0].kind.value for call in lines.calls]
    last_of_first = max(n for n, kind in enumerate(kinds) if kind == kinds[0])
    assert kinds.index("cart") < last_of_first or kinds.index("order") < last_of_first
    assert not OutboxMessage.objects.exists()


def test_a_cart_and_a_customer_of_the_same_number_do_not_wait_for_each_other(
    lines, people, connection, plain_shop
):
    together = threading.Barrier(2)
    met: list[str] = []

    def meet(envelopes: Sequence[Envelope]) -> list[Receipt]:
        with suppress(threading.BrokenBarrierError):
            together.wait(LONG / 2)
            met.append(envelopes[0].kind.value)
        return yes(envelopes)

    lines.answer = staticmethod(meet)
    people(1)
    put_cart(plain_shop, "1")
    assert run(connection) == {"delivered": 2}
    assert sorted(met) == ["cart", "contact"]


@pytest.fixture
def uploads(lines, connection, monkeypatch):
    """So many uploads of one contact each are to be asked about; ``answer`` runs in the thread that
    asks."""

    def upload(count: int, answer: Callable[[], object] = lambda: None) -> list[str]:
        now, asked = timezone.now(), []

        def resolve(self, session, keys, *, locators):
            asked.append(session)
            answer()
            return [Receipt(kind=Kind.CONTACT, key=k, outcome=Outcome.DELIVERED) for k in keys]

        monkeypatch.setattr(lines, "resolve", resolve)
        for number in range(count):
            SyncState.objects.create(
                connection=connection, kind="contact", key=f"u{number}", session=f"s{number}",
                session_digest="new", session_since=now, poll_at=now,
            )  # fmt: skip
        return asked

    return upload


def test_a_question_about_an_upload_that_hangs_holds_no_change_back(
    lines, uploads, connection, plain_shop
):
    released, was_late = threading.Event(), []

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        released.set()
        return yes(envelopes)

    asked = uploads(1, lambda: was_late.append(not released.wait(LONG / 2)))
    lines.answer = staticmethod(answer)
    later = threading.Timer(2, in_another_process(lambda: put_cart(plain_shop, "7")))
    later.start()
    assert run(connection) == {"delivered": 2}
    assert was_late == [False]
    assert asked == ["s0"]
    assert not SyncState.objects.uploading().exists()
    later.join()


def test_while_a_question_hangs_the_lane_is_free_for_another_worker(lines, uploads, connection):
    holders: list[str] = []

    def look() -> None:
        time.sleep(1)
        holders.extend(Lane.objects.filter(kind="contact").values_list("holder", flat=True))

    uploads(1, in_another_process(look))
    assert run(connection) == {"delivered": 1}
    assert holders == [""]


def test_a_slow_answer_is_settled_once_and_one_is_asked_about_at_a_time(
    lines, uploads, people, connection
):
    under_way: list[int] = []
    aloft = [0]

    def slowly() -> None:
        aloft[0] += 1
        under_way.append(aloft[0])
        time.sleep(0.7)
        aloft[0] -= 1

    asked = uploads(3, slowly)
    people(3)
    assert run(connection) == {"delivered": 6}
    assert asked == ["s0", "s1", "s2"]
    assert under_way == [1, 1, 1]
    assert Attempt.objects.filter(key__startswith="u").count() == 3


def test_a_question_whose_answer_never_comes_is_asked_again_by_the_next_run(
    lines, uploads, connection
):
    ends, begun = threading.Event(), time.monotonic()
    asked = uploads(1, lambda: ends.wait(LONG))
    try:
        assert run(connection, seconds=1) == {}
    finally:
        ends.set()
    assert time.monotonic() - begun < LONG / 2
    assert lines.broken_off == ["a request"]
    assert run(connection) == {"delivered": 1}
    assert asked == ["s0", "s0"]


@pytest.mark.parametrize(
    "error",
    [TemporaryError("no", status=502, was_received=True), ZeroDivisionError("in their code")],
)
def test_a_question_that_fails_late_moves_its_upload_and_nothing_else(
    lines, uploads, people, connection, error
):
    def fail() -> None:
        time.sleep(0.6)
        raise error

    uploads(1, fail)
    people(2)
    assert run(connection)["delivered"] == 2
    state = SyncState.objects.uploading().get()
    assert state.poll_at > state.session_since
    assert Lane.objects.get(kind="contact").paused_until is None


def test_a_late_no_to_the_key_pauses_the_connection(lines, uploads, connection):
    def refuse() -> None:
        time.sleep(0.6)
        raise CredentialsError("revoked", status=401)

    uploads(1, refuse)
    run(connection)
    connection.refresh_from_db()
    assert connection.paused_at is not None


# -- answers ---------------------------------------------------------------------------------------


def test_a_defect_in_one_request_costs_the_others_nothing(lines, people, connection, caplog):
    lines.answer = once(lambda: None, "3", ZeroDivisionError("in the destination's own code"))
    people(8)
    outcomes = run(connection, seconds=3)
    Lane.objects.get(kind="contact").resume()  # it rests where no other answer came after that one
    outcomes += run(connection, seconds=3)
    assert outcomes["delivered"] == 7
    (left,) = OutboxMessage.objects.all()
    assert (left.key, left.attempts, left.is_dead) == ("3", 1, False)
    assert "destination's own code" not in caplog.text


def test_a_refused_record_is_set_aside_alone(lines, people, connection):
    lines.answer = once(lambda: None, "2", RejectedError("no such field", status=400))
    people(8)
    assert run(connection, seconds=3) == {"delivered": 7, "rejected": 1}
    (left,) = OutboxMessage.objects.all()
    assert (left.key, left.is_dead, left.detail) == ("2", True, "no such field")


def test_an_answer_that_cannot_be_written_down_costs_the_others_nothing(
    lines, people, connection, monkeypatch
):
    """They are settled together, and one of them is what the database does not take."""
    settle_rows = batch.settle_rows

    def settle_most(connection, results, *arguments: object, **more: object) -> None:
        if any(one.receipt.key == "2" and one.receipt.remote_id for one in results):
            raise DataError("value too long")
        settle_rows(connection, results, *arguments, **more)

    def number(envelopes: Sequence[Envelope]) -> list[Receipt]:
        return [replace(receipt, remote_id="77") for receipt in yes(envelopes)]

    monkeypatch.setattr(batch, "settle_rows", settle_most)
    lines.answer = staticmethod(number)
    people(5)
    assert run(connection, seconds=3) == {"delivered": 4, "deferred": 1}
    (left,) = OutboxMessage.objects.all()
    assert (left.key, left.attempts, left.reason) == ("2", 1, "not_recorded")
    assert sorted(delivered_keys()) == ["1", "3", "4", "5"]


def test_answers_of_a_hundred_requests_are_a_few_transactions(lines, people, connection):
    people(100)
    with CaptureQueriesContext(database) as captured:
        assert run(connection) == {"delivered": 100}
    settled = [one for one in captured if "DELETE" in one["sql"] and "outbox" in one["sql"]]
    assert len(settled) <= 30


# -- the pace --------------------------------------------------------------------------------------


def test_the_pace_that_was_found_good_is_where_the_next_run_begins(lines, people, connection):
    people(60)
    run(connection)
    found = Lane.objects.get(kind="contact").pace
    assert found > 20
    people(1)
    OutboxMessage.objects.update(due_at=timezone.now(), is_forced=True)
    run(connection)
    assert Lane.objects.get(kind="contact").pace == pytest.approx(found, rel=0.3)


def test_complaints_make_the_next_run_begin_slower(lines, people, connection):
    Lane.objects.update_or_create(connection=connection, kind="contact", defaults={"pace": 200})
    lines.answer = once(lambda: None, "1", TemporaryError("slow down", status=429, retry_after=9))
    people(3)
    run(connection, seconds=2)
    lane = Lane.objects.get(kind="contact")
    assert (lane.pace, lane.refused_pace) == (pytest.approx(100), pytest.approx(200))


def test_where_the_destination_complained_the_next_run_does_not_go_again_at_once(
    lines, people, connection
):
    known = {"pace": 30, "refused_pace": 50}
    Lane.objects.update_or_create(connection=connection, kind="contact", defaults=known)
    people(90)
    run(connection)
    lane = Lane.objects.get(kind="contact")
    assert (lane.pace, lane.refused_pace) == (pytest.approx(40), 50)


def test_a_complaint_that_comes_late_is_of_the_pace_at_which_its_request_left(
    lines, people, connection
):
    """Two requests leave together, and are refused one after the other."""
    Lane.objects.update_or_create(connection=connection, kind="contact", defaults={"pace": 200})

    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        time.sleep(0.05 if envelopes[0].key == "1" else 1.5)
        raise TemporaryError("slow down", status=429, retry_after=9)

    lines.answer = staticmethod(answer)
    people(2)
    run(connection, seconds=4)
    assert sorted(lines.keys()) == ["1", "2"]
    lane = Lane.objects.get(kind="contact")
    assert (lane.pace, lane.refused_pace) == (pytest.approx(100), pytest.approx(200))


def test_requests_do_not_leave_faster_than_the_destination_allows(
    lines, people, connection, monkeypatch
):
    monkeypatch.setattr(SideBySide, "pace_limit", lambda self, kind: 10.0)
    Lane.objects.update_or_create(connection=connection, kind="contact", defaults={"pace": 500})
    people(30)
    begun = time.monotonic()
    run(connection)
    assert time.monotonic() - begun > 2.5
    assert Lane.objects.get(kind="contact").pace <= 10
