"""What a monitor counts and a log tells of a batch: once per record, and never backwards."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector import signals
from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import Attempt, OutboxMessage, OutcomeCount
from esputnik_connector.models.outcome_count import BOUNDS
from esputnik_connector.operations.prune import prune
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


def people(shop, *keys: str) -> None:
    for key in keys:
        shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com", first_name="Olena")
        capture.contact_changed(key)


def counts() -> dict[tuple[str, str], int]:
    rows = OutcomeCount.objects.values_list("outcome", "reason", "records")
    return {(outcome, reason): records for outcome, reason, records in rows}


def refuse(*refused: str):
    def answer(envelopes):
        return [
            Receipt(
                kind=one.kind,
                key=one.key,
                outcome=Outcome.REJECTED if one.key in refused else Outcome.DELIVERED,
                reason=Reason.REFUSED if one.key in refused else None,
                detail="no such field" if one.key in refused else "",
            )
            for one in envelopes
        ]

    return answer


def test_each_record_is_counted_once_by_what_became_of_it(plain_shop, recording, run):
    recording.answer = refuse("2")
    people(plain_shop, "1", "2", "3")
    run()
    people(plain_shop, "1")
    run()
    assert counts() == {
        ("delivered", ""): 2,
        ("rejected", "refused"): 1,
        ("skipped", "unchanged"): 1,
    }


def test_the_counts_outlive_the_history(plain_shop, recording, run):
    people(plain_shop, "1", "2")
    run()
    Attempt.objects.update(created_at=timezone.now() - timedelta(days=400))
    prune()
    assert not Attempt.objects.exists()
    assert counts() == {("delivered", ""): 2}


def test_how_long_a_record_took_is_counted_from_the_commit(plain_shop, recording, run, clock):
    people(plain_shop, "1", "2")
    OutboxMessage.objects.filter(key="1").update(captured_at=clock() - timedelta(seconds=40))
    OutboxMessage.objects.filter(key="2").update(captured_at=clock() - timedelta(days=4))
    OutboxMessage.objects.update(due_at=clock())
    run()
    row = OutcomeCount.objects.get(outcome="delivered")
    within = {bound: getattr(row, f"within_{bound}") for bound in BOUNDS}
    assert within == {bound: int(bound >= 60) for bound in BOUNDS}
    assert row.timed == 2
    assert row.seconds == pytest.approx(4 * 86_400 + 40, abs=1)


def test_an_upload_is_timed_when_it_is_accepted_and_not_again_when_it_ends(
    plain_shop, recording, run, clock
):
    recording.answer = lambda envelopes: [
        Receipt(kind=one.kind, key=one.key, outcome=Outcome.ACCEPTED, session="s-1")
        for one in envelopes
    ]
    people(plain_shop, "1")
    OutboxMessage.objects.update(due_at=clock())
    run()
    recording.resolutions = [Receipt(kind=Kind.CONTACT, key="1", outcome=Outcome.DELIVERED)]
    clock.forward(hours=1)
    run()
    assert counts() == {("accepted", ""): 1, ("delivered", ""): 1}
    assert OutcomeCount.objects.aggregate(Sum("timed"))["timed__sum"] == 1


def test_a_batch_costs_one_statement_more(plain_shop, recording, run):
    people(plain_shop, "0")
    run()  # the row of the counter is there now
    people(plain_shop, *(str(number) for number in range(1, 51)))
    with CaptureQueriesContext(database) as queries:
        run()
    about = [one["sql"] for one in queries if "outcomecount" in one["sql"]]
    assert len(about) == 1
    assert about[0].startswith("UPDATE")


def test_a_batch_is_signalled_once_with_what_became_of_it(plain_shop, recording, run, connection):
    heard = []

    def hear(sender, **named):
        heard.append({name: value for name, value in named.items() if name != "signal"})

    recording.answer = refuse("2")
    people(plain_shop, "1", "2", "3")
    signals.batch_settled.connect(hear)
    try:
        run()
    finally:
        signals.batch_settled.disconnect(hear)
    assert heard == [
        {
            "connection": connection,
            "kind": Kind.CONTACT,
            "keys": ("1", "2", "3"),
            "outcomes": Counter({Outcome.DELIVERED: 2, Outcome.REJECTED: 1}),
            "reasons": Counter({Reason.REFUSED: 1}),
        }
    ]


def test_a_receiver_that_fails_does_no_harm(plain_shop, recording, run, caplog):
    def fail(sender, **named):
        raise RuntimeError("the receiver's own trouble")

    people(plain_shop, "1")
    signals.batch_settled.connect(fail)
    try:
        assert run() == {"delivered": 1}
    finally:
        signals.batch_settled.disconnect(fail)
    assert "receiver" in caplog.text


def test_a_line_of_the_log_tells_a_machine_what_became_of_a_batch(
    plain_shop, recording, run, caplog
):
    recording.answer = refuse("2")
    people(plain_shop, "1", "2", "3")
    with caplog.at_level(logging.INFO, "esputnik_connector"):
        run()
    lines = [one for one in caplog.records if hasattr(one, "outcome")]
    assert [(one.outcome, one.reason, one.keys, one.records) for one in lines] == [
        ("delivered", "", ["1", "3"], 2),
        ("rejected", "refused", ["2"], 1),
    ]
    assert {(one.connection, one.kind) for one in lines} == {("main", "contact")}
    assert all(one.seconds >= 0 for one in lines)
    assert "example.com" not in "".join(f"{vars(one)}" for one in lines)
