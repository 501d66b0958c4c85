"""What capture adds to a transaction of many savepoints.

Measured is the processor's time of this process, which no neighbour on the machine changes; the
database does the same for each row. Each savepoint saves a customer and registers an ``on_commit``
of its own, as a shop's import does. The same once without a connection, so that nothing is noted,
and once with one. What counts is the ratio, and that it stays the same from 100 savepoints to
8,000: linear.
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

SAVEPOINTS = (1, 100, 1_000, 8_000)
ROLLED_BACK = 10  # every tenth
RATIO = 4.0  # with : without; one more savepoint and one insert for a savepoint and an insert
GROWTH = 2.0  # the ratio of 8,000 : the ratio of 100; it was 5.6 with a walk for each note


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
    woken.clear()
    begun = time.process_time()
    with transaction.atomic():
        for number in range(savepoints):
            with suppress(Rollback), transaction.atomic():
                users.objects.create(username=f"buyer{number}", password="!")
                transaction.on_commit(lambda: None)
                if number % ROLLED_BACK == 1:
                    raise Rollback
    return time.process_time() - begun


@pytest.mark.django_db(transaction=True)
def test_capture_is_linear_in_savepoints(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": f"{__name__}.remember",
    }
    seconds_of(100)  # warm
    ratios = {}
    print("\nsavepoints    without       with   ratio   wake-ups")  # noqa: T201
    for savepoints in SAVEPOINTS:
        Connection.objects.all().delete()
        without = seconds_of(savepoints)
        assert not OutboxMessage.objects.exists()
        Connection.objects.create(name="main", api_key="a key")
        capture.forget_connections()
        with_connector = seconds_of(savepoints)
        ratios[savepoints] = with_connector / without
        print(  # noqa: T201
            f"{savepoints:>10,} {without:>9.3f} s {with_connector:>8.3f} s "
            f"{ratios[savepoints]:>6.1f}x {len(woken):>9,}"
        )
        assert OutboxMessage.objects.count() >= savepoints * (1 - 1 / ROLLED_BACK)
        assert len(woken) == 1
    assert ratios[8_000] < RATIO
    assert ratios[8_000] / ratios[100] < GROWTH
