"""What a batch is made of: so many records, however often each of them was noted."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.delivery import queue
from esputnik_connector.pipeline.delivery.pace.rest import Pacer
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.settle.uploads import UploadPoller
from esputnik_connector.records import Contact, Kind

pytestmark = pytest.mark.django_db(transaction=True)

FULL = 100  # records the recording destination takes at a time
REPEATS = 40


@pytest.fixture
def run(connection, clock):
    def run_relay() -> dict[str, int]:
        connection.refresh_from_db()
        return dict(Relay(connection, clock=clock).run())

    return run_relay


def note(connection: Connection, plain_shop, clock, people: int, repeats: int) -> None:
    """Each contact was changed that often in a row, as an import of the shop's own does it."""
    for number in range(people):
        key = f"p{number}"
        plain_shop.people[key] = Contact(key=key, email=f"{key}@example.com")
    long_ago = clock()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            connection=connection,
            kind=Kind.CONTACT.value,
            key=f"p{number // repeats}",
            captured_at=long_ago,
            due_at=long_ago,
        )
        for number in range(people * repeats)
    )
    clock.forward(minutes=10)


def batches(recording) -> list[int]:
    return [len(batch) for batch in recording.calls]


def test_a_batch_is_full_of_records_however_often_each_was_noted(
    connection, plain_shop, recording, run, clock
):
    note(connection, plain_shop, clock, people=2 * FULL, repeats=REPEATS)
    run()
    assert batches(recording) == [FULL, FULL]
    assert not OutboxMessage.objects.exists()


def test_more_rows_than_a_worker_reads_at_once_make_smaller_batches_of_whole_records(
    connection, plain_shop, recording, run, clock, monkeypatch
):
    monkeypatch.setattr(queue, "MOST_ROWS", 200)
    note(connection, plain_shop, clock, people=10, repeats=REPEATS)
    run()
    assert batches(recording) == [5, 5]
    assert not OutboxMessage.objects.exists()


def test_a_record_with_more_rows_than_are_read_at_once_is_sent_once(
    connection, plain_shop, recording, run, clock, monkeypatch
):
    monkeypatch.setattr(queue, "MOST_ROWS", 30)
    note(connection, plain_shop, clock, people=3, repeats=REPEATS)
    assert run() == {"delivered": 3, "skipped": 3}  # what was left of its rows tells nothing new
    assert batches(recording) == [1, 1, 1]
    assert not OutboxMessage.objects.exists()
    assert SyncState.objects.exclude(digest="").count() == 3


def test_a_backlog_without_repeats_is_read_without_looking_further(
    connection, plain_shop, recording, run, clock, django_assert_max_num_queries
):
    note(connection, plain_shop, clock, people=FULL, repeats=1)
    uploads = UploadPoller(connection, Pacer(connection, clock), clock)
    lane = queue.LaneQueue(connection, Kind.CONTACT, uploads, clock)
    with django_assert_max_num_queries(2):
        assert len(lane.read(FULL)) == FULL
