"""Of several notes of a record that was not delivered one is kept, which says what all said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.models import OutboxMessage
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refused(connection, plain_shop, recording, clock):
    """What is kept of two notes of one contact, after an answer to it."""
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")

    def refuse(outcome: Outcome, *, first: dict, second: dict) -> OutboxMessage:
        for values in (first, second):
            OutboxMessage.objects.create(
                connection=connection, kind="contact", key="1", captured_at=clock(),
                **{"due_at": clock(), **values},
            )  # fmt: skip

        def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
            return [
                Receipt(
                    kind=one.kind, key=one.key, outcome=outcome, reason=Reason.REFUSED,
                    is_counted=True,
                )
                for one in envelopes
            ]  # fmt: skip

        recording.answer = staticmethod(answer)
        clock.forward(seconds=1)
        Relay(connection, clock=clock).run()
        return OutboxMessage.objects.get()

    return refuse


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.REJECTED])
def test_it_is_sent_whatever_was_delivered_if_one_of_them_was_to_be(refused, outcome):
    kept = refused(outcome, first={}, second={"is_forced": True})
    assert kept.is_forced


def test_it_has_been_tried_as_often_as_the_one_that_was_tried_most(refused):
    kept = refused(Outcome.DEFERRED, first={"attempts": 0}, second={"attempts": 3})
    assert kept.attempts == 4


def test_it_goes_alone_if_one_of_them_had_to(refused):
    kept = refused(Outcome.DEFERRED, first={}, second={"goes_alone": True})
    assert kept.goes_alone


def test_one_that_changed_since_it_was_set_aside_has_a_fresh_horizon(refused, clock):
    long_ago = clock() - timedelta(days=30)
    kept = refused(
        Outcome.DEFERRED,
        first={"is_dead": True, "attempts": 9, "failing_since": long_ago},
        second={},
    )
    assert (kept.attempts, kept.is_dead) == (1, False)
    assert kept.failing_since > clock() - timedelta(minutes=1)


def test_a_moment_that_a_wrong_clock_put_ahead_is_not_believed(refused, clock):
    ahead = clock() + timedelta(days=365)
    kept = refused(Outcome.DEFERRED, first={"failing_since": ahead}, second={})
    assert kept.failing_since <= clock()
