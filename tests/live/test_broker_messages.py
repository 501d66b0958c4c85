"""How many messages the broker sees, counted by Redis itself: one a second, whatever the load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.db import transaction
from redis import Redis

from esputnik_connector.models import Backfill, Connection, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import forget_wakes, wake_backfill
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.live.parts import Worker

pytestmark = pytest.mark.slow

SECONDS = 8.0
HISTORY = 1500  # customers
FEW = 3  # messages: one wakes a worker, and that one looks on
MOST_TRIES = 5  # on a machine so busy that a worker does not look again when it said it would


@pytest.fixture
def working(live: Connection, worker: Worker) -> Connection:
    """A worker that nobody starts by the clock: what is published is what somebody asked for."""
    worker.environment["DJANGO_SETTINGS_MODULE"] = "tests.pace_worker_settings"
    worker.start()
    deadline = time.monotonic() + 60
    while " ready." not in worker.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.2)
    return live


def people(name: str, count: int) -> list[int]:
    made = get_user_model().objects.bulk_create(
        get_user_model()(username=f"{name}{n}", email=f"{name}{n}@example.com", password="!")
        for n in range(count)
    )
    return [user.pk for user in made]


class Messages:
    """What is put into queues, as Redis tells it to whoever monitors it."""

    def __init__(self) -> None:
        self.count = 0
        self._redis = Redis.from_url(project_settings.REDIS_URL)
        self._database = self._redis.connection_pool.connection_kwargs.get("db", 0)
        self._is_over = threading.Event()
        is_listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(is_listening,), daemon=True)
        self._thread.start()
        assert is_listening.wait(10)

    def _listen(self, is_listening: threading.Event) -> None:
        with self._redis.monitor() as monitor:
            is_listening.set()
            for one in monitor.listen():
                if self._is_over.is_set():
                    return
                # The shared pace keeps lists too, by a script of its own.
                is_pushed = one["command"].upper().startswith("LPUSH ")
                is_ours = int(one["db"]) == self._database and one["client_type"] != "lua"
                self.count += is_pushed and is_ours

    def close(self) -> None:
        self._is_over.set()
        with Redis.from_url(project_settings.REDIS_URL) as redis:
            redis.ping()  # for the listener to see that it is over
        self._thread.join(10)
        self._redis.close()


@pytest.fixture
def messages(working: Connection) -> Iterator[Messages]:
    messages = Messages()
    yield messages
    messages.close()


def change(seconds: float, rate: float, keys: list[int]) -> None:
    """For so long contacts change, in many processes of a shop."""
    begun, number = time.monotonic(), 0
    while (now := time.monotonic() - begun) < seconds:
        if number / rate > now:
            time.sleep(number / rate - now)
        forget_wakes()  # what another process has not learnt
        with transaction.atomic():
            capture.contact_changed(str(keys[number % len(keys)]))
        number += 1


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not end in time"
        time.sleep(0.2)


def is_sent() -> bool:
    return not OutboxMessage.objects.filter(session="").exists()


def test_changes_that_go_on_need_a_message_now_and_then(messages: Messages, fake: FakeEsputnik):
    keys, counts, begun = people("buyer", 500), list[int](), time.monotonic()
    while not counts or (counts[-1] > FEW and len(counts) < MOST_TRIES):
        before = messages.count
        change(SECONDS, 20, keys)
        counts.append(messages.count - before)
    assert counts[-1] <= FEW, counts
    assert 1 <= messages.count <= time.monotonic() - begun + 1  # however slow the machine is
    until(is_sent)


def test_changes_far_apart_wake_no_more_often_than_they_come(
    messages: Messages, fake: FakeEsputnik
):
    change(SECONDS, 1 / 2.5, people("buyer", 20))
    changes = int(SECONDS / 2.5) + 1
    assert 1 <= messages.count <= changes + 1  # a worker comes back once for an upload
    until(is_sent)


def test_an_import_beside_changes_needs_no_more(
    messages: Messages, working: Connection, fake: FakeEsputnik
):
    people("past", HISTORY)
    keys = people("buyer", 500)
    begun = time.monotonic()
    run, _ = control.start(working, Kind.CONTACT, route="")
    wake_backfill(run.pk)
    change(SECONDS, 20, keys)
    assert messages.count <= SECONDS
    until(lambda: Backfill.objects.get(pk=run.pk).state == "finished", 90)
    until(is_sent)
    assert messages.count <= time.monotonic() - begun
    assert Backfill.objects.get(pk=run.pk).counts.get("refused", 0) == 0
