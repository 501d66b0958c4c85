"""What capture adds to a transaction of many savepoints.

Measured is the processor's time of this process, which no neighbour on the machine changes; the
database does the same for each row. Each savepoint saves a customer and registers an ``on_commit``
of its own, as a shop's import does. The same once without a connection, so that nothing is noted,
and once with one. What counts is the ratio, and that it stays the same up to 16,000: linear.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import forget_wakes
from tests.benchmarks.results import numbers

SAVEPOINTS = numbers("CAPTURE_SAVEPOINTS", "1,1000,16000")
ROLLED_BACK = 10  # every tenth
LEAST = 500  # savepoints measured; a transaction of one is repeated as often
GROWTH = 2.0  # the ratio of 16,000 : the ratio of 1,000; it was 5.6 with a walk for each note


woken: list[int] = []


def remember(connection_id: int, delay: float) -> None:
    woken.append(connection_id)


class Rollback(Exception):
    pass


def seconds_of(savepoints: int) -> float:
    users = get_user_model()
    users.objects.all().delete()
    OutboxMessage.objects.all()._raw_delete("default")
    forget_wakes()
    begun = time.process_time()
    with transaction.atomic():
        for number in range(savepoints):
            with suppress(Rollback), transaction.atomic():
                users.objects.create(username=f"buyer{number}", password="!")
                transaction.on_commit(lambda: None)
                if number % ROLLED_BACK == 1:
                    raise Rollback
    return time.process_time() - begun


def repeated(savepoints: int) -> float:
    woken.clear()
    return sum(seconds_of(savepoints) for _ in range(max(1, LEAST // savepoints)))


@pytest.mark.django_db(transaction=True)
def test_capture_is_linear_in_savepoints(settings, results):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.remember",
    }
    seconds_of(100)  # warm
    ratios = {}
    print("\nsavepoints    without       with   ratio   wake-ups")  # noqa: T201
    for savepoints in SAVEPOINTS:
        Connection.objects.all().delete()
        capture.forget_connections()
        without = repeated(savepoints)
        assert not OutboxMessage.objects.exists()
        Connection.objects.create(name="main", api_key="a key")
        capture.forget_connections()
        with_connector = repeated(savepoints)
        ratios[savepoints] = with_connector / without
        print(  # noqa: T201
            f"{savepoints:>10,} {without:>9.3f} s {with_connector:>8.3f} s "
            f"{ratios[savepoints]:>6.1f}x {len(woken):>9,}"
        )
        assert OutboxMessage.objects.count() >= savepoints * (1 - 1 / ROLLED_BACK)
        # One for a transaction at the most, and one for the users deleted before.
        assert 1 <= len(woken) <= 2 * max(1, LEAST // savepoints)
        results.add("capture, time of the shop's transaction", ratios[savepoints], size=savepoints)
    assert ratios[max(SAVEPOINTS)] / ratios[sorted(SAVEPOINTS)[-2]] < GROWTH
