"""Uploads that go wrong: eSputnik accepted contacts and then answers oddly, late or never."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.models import Lane, OutboxMessage, SyncState
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.settle.outbox_rows import settle_rows
from esputnik_connector.records import Contact, Kind, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


@pytest.fixture
def polls(recording, monkeypatch):
    """Let a function answer when an upload is asked about; the sessions that were asked about."""
    asked: list[str] = []

    def answer_with(answer: Callable[[str, Sequence[str]], Sequence[Receipt]]) -> list[str]:
        def resolve(_self: object, session: str, keys: Sequence[str], **_: object):
            asked.append(session)
            return answer(session, keys)

        monkeypatch.setattr(recording, "resolve", resolve)
        return asked

    return answer_with


def contact(key: str = "1", **values: object) -> Contact:
    return Contact(**{"key": key, "email": f"buyer{key}@example.com", **values})


def accept(envelopes: Sequence[Envelope]) -> list[Receipt]:
    session = f"s{envelopes[0].key}"
    return [
        Receipt(kind=e.kind, key=e.key, outcome=Outcome.ACCEPTED, session=session)
        for e in envelopes
    ]


def down(*_: object) -> list[Receipt]:
    raise TemporaryError("bad gateway", status=502, was_received=True)


def receipts(
    keys: Sequence[str], outcome: Outcome = Outcome.DELIVERED, reason: Reason | None = None
) -> list[Receipt]:
    return [Receipt(kind=Kind.CONTACT, key=key, outcome=outcome, reason=reason) for key in keys]


def upload(plain_shop, recording, run, *keys: str) -> None:
    """Each of the keys is in an upload of its own."""
    recording.answer = staticmethod(accept)
    for key in keys:
        plain_shop.people[key] = contact(key)
        capture.contact_changed(key)
        run()
    recording.answer = None
    recording.calls.clear()


# -- an upload that cannot be asked about ----------------------------------------------------------


def test_a_poll_that_fails_holds_no_live_change_back(plain_shop, recording, run, clock, polls):
    upload(plain_shop, recording, run, "1")
    polls(down)
    plain_shop.people["2"] = contact("2")
    for _ in range(5):
        clock.forward(minutes=2)
        capture.contact_changed("2")
        run()
    assert recording.keys() == ["2"]
    assert Lane.objects.get(kind="contact").paused_until is None


def test_a_poll_that_fails_moves_its_own_session_only(plain_shop, recording, run, clock, polls):
    upload(plain_shop, recording, run, "1", "2")

    def one_fails(session: str, keys: Sequence[str]) -> Sequence[Receipt]:
        return down() if session == "s1" else receipts(keys)

    polls(one_fails)
    clock.forward(minutes=1)
    assert run() == {"deferred": 1, "delivered": 1}
    assert SyncState.objects.get(key="2").digest != ""
    assert SyncState.objects.get(key="1").poll_at > clock()


def test_an_upload_that_is_never_answered_comes_to_its_end(
    plain_shop, recording, run, clock, polls
):
    upload(plain_shop, recording, run, "1")
    polls(down)
    for _ in range(40):
        clock.forward(minutes=2)
        run()
    assert recording.keys() == ["1"]
    assert SyncState.objects.get().session == ""
    assert not OutboxMessage.objects.exists()


def test_an_outage_is_not_waited_for_session_by_session(plain_shop, recording, run, clock, polls):
    keys = [str(number) for number in range(8)]
    upload(plain_shop, recording, run, *keys)
    asked = polls(down)
    clock.forward(minutes=1)
    run()
    assert len(asked) == 3


def test_a_destination_that_refuses_the_question_ends_the_upload(
    plain_shop, recording, run, clock, polls
):
    upload(plain_shop, recording, run, "1")

    def refuse(*_: object) -> list[Receipt]:
        raise RejectedError("no such session", status=400)

    polls(refuse)
    clock.forward(minutes=1)
    assert run() == {"deferred": 1}
    row = OutboxMessage.objects.get()
    assert (row.reason, row.detail, row.attempts) == ("import_failed", "no such session", 1)


# -- many at once ----------------------------------------------------------------------------------


def test_what_one_upload_took_is_written_by_one_statement(plain_shop, connection, clock):
    rows = {
        str(number): [OutboxMessage(connection=connection, kind="contact", key=str(number))]
        for number in range(450)
    }
    OutboxMessage.objects.bulk_create(row for (row,) in rows.values())
    taken = [
        Receipt(kind=Kind.CONTACT, key=key, outcome=Outcome.ACCEPTED, session="s1") for key in rows
    ]
    results = [Result(receipt) for receipt in taken]
    with CaptureQueriesContext(database) as queries:
        settle_rows(connection, results, rows, clock(), attempts=())
    updates = [one["sql"] for one in queries if one["sql"].startswith("UPDATE")]
    assert len([sql for sql in updates if OutboxMessage._meta.db_table in sql]) == 1
    assert OutboxMessage.objects.filter(session="s1").count() == 450
    moments = {(row.key, row.due_at) for mine in rows.values() for row in mine}
    assert set(OutboxMessage.objects.values_list("key", "due_at")) == moments
