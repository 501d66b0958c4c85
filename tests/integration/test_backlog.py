"""What waits is counted for a monitor to the last row, and for a page without reading them all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.health import backlog
from esputnik_connector.operations.health.backlog import count_text, counted, counted_at_most
from esputnik_connector.operations.health.judgement import judge
from esputnik_connector.operations.health.snapshot import take

pytestmark = pytest.mark.django_db


@pytest.fixture
def both() -> list[Connection]:
    """Two connections with rows of every sort."""
    now = timezone.now()
    found = [Connection.objects.create(name=name, api_key="a key") for name in ("main", "second")]
    for place, connection in enumerate(found):
        for number in range(12):
            OutboxMessage.objects.create(
                connection=connection,
                kind=("order", "contact", "cart")[number % 3],
                key=str(number),
                is_dead=number % 4 == 0,
                session="an-upload" if number == 5 else "",
                captured_at=now - timedelta(minutes=number + place),
                due_at=now + timedelta(minutes=number - 6),
            )
    return found


def test_both_ways_of_counting_say_the_same(both) -> None:
    pks = [connection.pk for connection in both]
    assert dict(counted_at_most(pks)) == dict(counted(pks))
    assert len(counted(pks)) == 6
    assert counted_at_most([]) == {}


def test_a_page_counts_by_one_statement(both) -> None:
    with CaptureQueriesContext(database) as queries:
        counted_at_most([connection.pk for connection in both])
    assert len(queries) == 1


def test_more_than_the_most_is_said_to_be_more(both, monkeypatch) -> None:
    monkeypatch.setattr(backlog, "MOST_COUNTED", 2)
    main = both[0]
    OutboxMessage.objects.filter(connection=main).update(
        kind="order", is_dead=False, session="", due_at=timezone.now() - timedelta(hours=3)
    )
    (some,) = counted_at_most([main.pk]).values()
    assert some.unsent == 3
    assert count_text(some.unsent) == "2+"
    found = judge(main, take(connections=[main], is_exact=False))
    assert "2+ changes wait, nothing is lost." in found.detail


def test_the_oldest_of_a_large_lane_is_among_those_that_are_due_first(both, monkeypatch) -> None:
    monkeypatch.setattr(backlog, "MOST_COUNTED", 1)
    places = counted_at_most([both[0].pk])
    exact = counted([both[0].pk])
    assert exact
    for place, some in exact.items():
        assert (places[place].due, places[place].oldest is None) == (some.due, some.oldest is None)
