"""Several requests of one lane under way at once, by real threads, and one worker that settles."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.utils import timezone

from esputnik_connector.models import Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.operations.health import queue as health
from esputnik_connector.operations.health.snapshot import take
from esputnik_connector.pipeline.delivery import flow as flow_module
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.testing.fake_esputnik import Fault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "sqlite" in project_settings.DATABASES["default"]["ENGINE"],
        reason="SQLite has one writer at a time: there is nothing to race",
    ),
]

PATH = "/api/v1/contact"


@pytest.fixture
def shop(settings, live: Connection) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "WAKE": "",
        "LEASE_SECONDS": 20,
        "DESTINATIONS": {
            "esputnik": {
                **project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"],
                "OPTIONS": {"deadline": 6, "read_timeout": 5, "bulk_from": 1000},
            }
        },
    }
    Lane.objects.create(connection=live, kind="contact", pace=200)
    return live


def register(count: int, start: int = 0) -> list[str]:
    users = [
        get_user_model().objects.create_user(f"buyer{n}", f"buyer{n}@example.com", first_name="Old")
        for n in range(start, start + count)
    ]
    return [str(user.pk) for user in users]


def sent(fake, name: str = "") -> Counter[str]:
    """Key → how many requests with it were answered."""
    bodies = [one.body for one in fake.requests(path=PATH, method="POST") if one.status == 200]
    return Counter(
        body["externalCustomerId"] for body in bodies if name in ("", body.get("firstName"))
    )


@contextmanager
def relay_in_a_thread(connection: Connection) -> Iterator[list[Counter[str]]]:
    """Another worker, of another process in real life."""
    outcomes: list[Counter[str]] = []

    def run() -> None:
        try:
            outcomes.append(Relay(Connection.objects.get(pk=connection.pk)).run(seconds=20))
        finally:
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield outcomes
    thread.join(40)
    assert not thread.is_alive()


def test_answers_of_a_real_destination_are_waited_for_together(shop, fake):
    keys = register(40)
    fake.script(Fault("delay", path=PATH, seconds=0.3, times=40))
    begun = time.monotonic()
    assert Relay(shop).run() == {"delivered": 40}
    assert time.monotonic() - begun < 40 * 0.3 / 3
    assert sent(fake) == Counter(keys)
    assert fake.violations == []


def test_a_request_that_hangs_blocks_nothing_but_its_own_connection(shop, fake):
    keys = register(1)
    fake.script(Fault("delay", path=PATH, seconds=5, times=1))
    landed: list[float] = []
    with relay_in_a_thread(shop) as outcomes:
        fake.wait_for(lambda: fake.requests(path=PATH), timeout=10)
        begun = time.monotonic()
        others = register(20, start=1)
        fake.wait_for(lambda: set(others) <= set(fake.contacts), timeout=10)
        landed.append(time.monotonic() - begun)
    assert landed[0] < 4
    assert set(fake.contacts) == {*keys, *others}
    assert outcomes[0]["delivered"] >= 20
    assert Lane.objects.get(kind="contact").paused_until is None


def test_of_one_record_one_request_is_under_way(shop, fake):
    """What changes while its former state hangs goes after it, and not beside it."""
    (key,) = register(1)
    fake.script(Fault("delay", path=PATH, seconds=2, times=1, when="before"))
    with relay_in_a_thread(shop):
        fake.wait_for(lambda: fake.requests(path=PATH), timeout=10)
        user = get_user_model().objects.get(pk=key)
        user.first_name = "New"
        user.save()
        time.sleep(1)
        assert len(fake.requests(path=PATH)) == 1
    Relay(shop).run()
    assert fake.contacts[key]["firstName"] == "New"


def test_a_lane_that_is_lost_in_the_middle_ends_what_is_under_way(shop, fake, monkeypatch):
    """The worker was stopped for longer than its lease: another one has the lane meanwhile."""
    keys = register(10)
    fake.script(Fault("delay", path=PATH, seconds=3, times=10))
    with relay_in_a_thread(shop) as outcomes:
        fake.wait_for(lambda: len(fake.requests(path=PATH)) >= 5, timeout=10)
        taken = Lane.objects.filter(kind="contact")
        later = timezone.now() + timedelta(seconds=20)
        assert taken.update(holder="another", leased_until=later) == 1
        begun = time.monotonic()
        fake.wait_for(lambda: bool(outcomes), timeout=10)
        assert time.monotonic() - begun < 3  # nobody waited for the answers
    assert outcomes[0] == {}
    waiting = OutboxMessage.objects.filter(is_forced=True)
    assert set(waiting.values_list("key", flat=True)) <= set(keys)
    assert waiting.count() >= 5  # what had left goes again, after the minute
    assert not SyncState.objects.exclude(digest="").exists()
    taken.update(holder="", leased_until=None)
    OutboxMessage.objects.update(due_at=timezone.now())
    Relay(shop).run()
    assert set(fake.contacts) == set(keys)


def test_two_workers_share_a_lane_by_turns_and_send_each_record_once(shop, fake):
    keys = register(60)
    fake.script(Fault("delay", path=PATH, seconds=0.1, times=60))
    with relay_in_a_thread(shop), relay_in_a_thread(shop):
        pass
    Relay(shop).run()
    assert sent(fake) == Counter(keys)
    assert not OutboxMessage.objects.exists()


def test_too_many_requests_halve_the_pace_and_the_rest_stays_in_line(shop, fake):
    register(60)
    fake.script(Fault("status", path=PATH, status=429, times=1))
    Relay(shop).run()
    lane = Lane.objects.get(kind="contact")
    assert lane.paused_until is not None
    assert lane.pace == pytest.approx(100)
    assert OutboxMessage.objects.exists()
    (finding,) = health.paces(shop, take(connections=[shop]))
    assert "100" in finding.text


def test_an_answer_that_never_comes_pauses_no_lane_that_answers_otherwise(shop, fake):
    register(12)
    fake.script(Fault("silent", path=PATH, times=1))
    outcomes = Relay(shop).run()
    assert outcomes["delivered"] == 11
    assert Lane.objects.get(kind="contact").paused_until is None
    (row,) = OutboxMessage.objects.all()
    assert row.attempts == 1  # it may have been taken: the try counts


def test_two_hundred_answers_are_not_two_hundred_transactions(shop, fake, monkeypatch):
    register(100)
    settled: list[int] = []
    landing = flow_module.Flow.landing

    def counting(self, arrivals):
        settled.append(len(arrivals))
        return landing(self, arrivals)

    monkeypatch.setattr(flow_module.Flow, "landing", counting)
    Relay(shop).run()
    assert sum(settled) == 100
    assert len(settled) < 50
