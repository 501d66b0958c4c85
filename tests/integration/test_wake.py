"""Waking a worker: the shopper waits for no broker, and no worker is woken twice for one thing."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from celery import Celery
from django.conf import settings as project_settings
from django.db import connection as database
from django.db import transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from redis import Redis

from esputnik_connector import tasks
from esputnik_connector.models import Connection, OutboxMessage, Wake
from esputnik_connector.models.wake import MESSAGE_INTERVAL
from esputnik_connector.operations.health import celery as celery_health
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.operations.sweep import recheck_keys, what_is_due
from esputnik_connector.pipeline.broker import publisher, transport_of
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.watch import Watch
from esputnik_connector.pipeline.wake import forget_wakes, wake, wake_now
from esputnik_connector.records import Contact
from tests.live.parts import BrokerLine
from tests.servers import free_port

PATIENCE = 0.35  # seconds: a quarter, and what a busy machine takes


@pytest.fixture
def broker_at() -> Iterator:
    """Publish to another broker, with nothing learnt of the one before."""

    def use(address: str) -> Celery:
        app = Celery("shop", broker=address)
        publisher.begin_anew()
        return app

    yield use
    late = publisher._line._late
    publisher.begin_anew()
    if late is not None:
        late.is_done.wait(5)  # what it logs belongs to this test


@pytest.fixture
def black_hole() -> Iterator[BrokerLine]:
    """Takes connections and never says a word."""
    with BrokerLine(project_settings.REDIS_URL) as line:
        line.black_hole()
        yield line


@pytest.fixture
def queue(settings) -> Iterator[str]:
    """A queue of its own on the real broker."""
    name = f"wake-{uuid.uuid4().hex}"
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CELERY_QUEUE": name}
    yield name
    with Redis.from_url(project_settings.REDIS_URL) as redis:
        redis.delete(name)


def messages(queue: str) -> list[dict]:
    with Redis.from_url(project_settings.REDIS_URL) as redis:
        return [json.loads(raw)["headers"] for raw in redis.lrange(queue, 0, -1)]


def eventually(found: Callable[[], list[dict]], seconds: float) -> list[dict]:
    """What is found as soon as anything is, and at the latest after so long."""
    ends_at = time.monotonic() + seconds
    while not found() and time.monotonic() < ends_at:
        time.sleep(0.05)
    time.sleep(0.2)  # nothing else is on its way
    return found()


def seconds_of_a_wake() -> float:
    begun = time.monotonic()
    tasks.wake(1, 0)
    return time.monotonic() - begun


# --- what is published ----------------------------------------------------------------------------


def test_a_wake_up_expires_when_a_sweep_has_done_its_work(broker_at, queue):
    broker_at(project_settings.REDIS_URL)
    tasks.wake(7, 3)
    (message,) = messages(queue)
    assert message["task"] == "esputnik_connector.relay"
    assert message["argsrepr"] == "(7,)"
    assert message["eta"] < message["expires"]


@pytest.mark.django_db(transaction=True)
def test_what_a_sweep_starts_is_not_lost_in_a_queue_that_is_late(connection, queue):
    """Three connections on one worker: the third one's turn comes after minutes."""
    OutboxMessage.objects.create(connection=connection, kind="contact", key="1")
    tasks.sweep()
    (message,) = messages(queue)
    assert message["task"] == "esputnik_connector.relay"
    expires = datetime.fromisoformat(message["expires"])
    assert expires > timezone.now() + timedelta(minutes=30)


def test_a_line_that_the_broker_closed_is_opened_again(broker_at, queue):
    with BrokerLine(project_settings.REDIS_URL) as line:
        broker_at(line.url)
        tasks.wake(7, 0)
        line._drop()
        tasks.wake(8, 0)
    assert [message["argsrepr"] for message in messages(queue)] == ["(8,)", "(7,)"]


# --- brokers that are away ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_refuses_is_left_alone_for_a_while(broker_at, caplog, scheme):
    broker_at(f"{scheme}://127.0.0.1:{free_port()}//")
    assert seconds_of_a_wake() < PATIENCE
    assert "cannot be reached" in caplog.text
    assert seconds_of_a_wake() < 0.01
    assert caplog.text.count("cannot be reached") == 1


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_swallows_everything_costs_a_quarter_of_a_second(
    broker_at, black_hole, scheme
):
    broker_at(f"{scheme}://127.0.0.1:{black_hole.port}//")
    assert seconds_of_a_wake() < PATIENCE
    assert seconds_of_a_wake() < 0.01


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_name_that_nobody_resolves_costs_a_quarter_of_a_second(broker_at, monkeypatch, scheme):
    resolve = socket.getaddrinfo

    def resolve_late(host: object, *args: object, **named: object) -> object:
        if host == "broker.example":
            time.sleep(1.5)
            raise socket.gaierror("no answer")
        return resolve(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_late)
    broker_at(f"{scheme}://broker.example:6379//")
    assert seconds_of_a_wake() < PATIENCE
    assert seconds_of_a_wake() < 0.01


def test_a_slow_broker_gets_the_message_all_the_same(broker_at, queue, monkeypatch):
    connect = socket.socket.connect

    def connect_late(self: socket.socket, address: object) -> None:
        time.sleep(0.6)
        connect(self, address)

    broker_at(project_settings.REDIS_URL)
    with monkeypatch.context() as patched:
        patched.setattr(socket.socket, "connect", connect_late)
        assert seconds_of_a_wake() < PATIENCE
        time.sleep(1.5)
    assert len(messages(queue)) == 1
    tasks.wake(2, 0)
    assert len(messages(queue)) == 2


def test_what_a_broker_missed_for_a_moment_is_published_as_soon_as_it_is_back(broker_at, queue):
    with BrokerLine(project_settings.REDIS_URL) as line:
        line.black_hole()
        broker_at(line.url)
        begun = time.monotonic()
        tasks.wake(7, 0)
        tasks.wake(8, 0)
        tasks.wake(8, 0)
        assert time.monotonic() - begun < PATIENCE
        assert messages(queue) == []
        line.is_silent = False
        found = eventually(lambda: messages(queue), 10)
    assert sorted(message["argsrepr"] for message in found) == ["(7,)", "(8,)"]


def test_what_waited_for_the_broker_starts_when_it_should_have_started(broker_at, queue):
    with BrokerLine(project_settings.REDIS_URL) as line:
        line.black_hole()
        broker_at(line.url)
        at = timezone.now() + timedelta(seconds=5)
        tasks.wake(7, 5)
        line.is_silent = False
        (found,) = eventually(lambda: messages(queue), 10)
    assert abs(datetime.fromisoformat(found["eta"]) - at) < timedelta(seconds=1)


def test_a_broker_that_stays_away_is_said_once_however_often_it_is_tried(broker_at, caplog):
    broker_at(f"redis://127.0.0.1:{free_port()}//")
    for number in range(8):
        tasks.wake(number, 0)
        time.sleep(0.3)
    assert caplog.text.count("cannot be reached") == 1


def test_a_server_without_threads_leaves_it_to_the_sweep(broker_at, monkeypatch, caplog):
    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    broker_at(project_settings.REDIS_URL)
    monkeypatch.setattr("threading.Thread.start", refuse)
    for _ in range(3):
        assert seconds_of_a_wake() < 0.1
    assert caplog.text.count("left to the sweep") == 1


# --- which brokers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "transport", "is_woken_by"),
    [
        ("redis://127.0.0.1//", "redis", True),
        ("rediss://127.0.0.1//", "rediss", True),
        ("sentinel://127.0.0.1//", "sentinel", True),
        ("redis+socket:///tmp/redis.sock", "redis", True),
        ("amqp://127.0.0.1//", "amqp", True),
        ("pyamqp://127.0.0.1//", "pyamqp", True),
        ("amqps://127.0.0.1//", "amqps", True),
        ("sqs://key:secret@", "sqs", True),
        ("memory://", "memory", True),
        ("filesystem://", "filesystem", False),
        ("sqla+sqlite:///celery.sqlite", "sqla", False),
        ("mongodb://127.0.0.1//", "mongodb", False),
    ],
)
def test_a_transport_that_cannot_be_bounded_is_left_to_the_sweep(
    broker_at, address, transport, is_woken_by
):
    app = broker_at(address)
    assert transport_of(app) == transport
    finding = celery_health.transport()
    assert (finding.level is Level.OK) is is_woken_by


def test_an_unknown_transport_is_said_once_and_never_used(broker_at, tmp_path, caplog):
    app = broker_at("filesystem://")
    folders = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)}
    app.conf.broker_transport_options = folders
    for _ in range(3):
        tasks.wake(1, 0)
    assert list(tmp_path.iterdir()) == []
    (record,) = caplog.records
    assert "filesystem" in record.getMessage()


# --- how often ------------------------------------------------------------------------------------

woken: list[int] = []


def remember(connection_id: int, delay: float) -> None:
    woken.append(connection_id)


@pytest.fixture
def resting(settings, connection):
    """Changes rest for three seconds, and wake-ups are counted."""
    woken.clear()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 3,
        "WAKE": f"{__name__}.remember",
    }
    return connection


@pytest.mark.django_db(transaction=True)
def test_many_commits_within_the_debounce_time_wake_one_relay(resting):
    for number in range(50):
        with transaction.atomic():
            capture.contact_changed(str(number))
    assert woken == [resting.pk]


@pytest.mark.django_db(transaction=True)
def test_each_connection_is_woken_for_itself(resting):
    for pk in (1, 2, 1, 2):
        wake(pk, 3)
    assert woken == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_many_processes_wake_one_relay_together(resting):
    for number in range(20):
        forget_wakes()  # what another process has not learnt
        with transaction.atomic():
            capture.contact_changed(str(number))
    assert woken == [resting.pk]


@pytest.mark.django_db(transaction=True)
def test_two_processes_at_the_same_moment_wake_one_relay(resting):
    begin = threading.Barrier(4)

    def commit(number: int) -> None:
        begin.wait(5)
        capture.contact_changed(str(number))
        database.close()

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(4)]
    forget_wakes()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert woken == [resting.pk]


@pytest.mark.django_db(transaction=True)
def test_a_message_that_was_lost_is_followed_by_another_one(resting):
    capture.contact_changed("1")
    Wake.objects.update(looks_at=Now())  # nobody came
    forget_wakes()
    capture.contact_changed("2")
    assert woken == [resting.pk] * 2


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_inside_a_transaction_keeps_nothing_from_anybody(resting):
    """Of a project that commits by hand: the row would be locked until it does."""
    with transaction.atomic():
        wake_now(resting.pk, 0)
        assert not Wake.objects.exists()
    assert woken == [resting.pk]


@pytest.mark.django_db(transaction=True)
def test_a_process_that_cannot_reach_the_broker_leaves_it_to_another_one_to_wake(
    resting, broker_at
):
    broker_at(f"redis://127.0.0.1:{free_port()}//")
    tasks.wake(resting.pk, 0)
    capture.contact_changed("1")  # of this process, which will not try the broker for a second
    assert not Wake.objects.exists()
    publisher.begin_anew()
    forget_wakes()
    capture.contact_changed("2")  # of another one, which can
    assert Wake.objects.get().looks_at is not None
    assert woken == [resting.pk] * 2


# --- a run that is at work ------------------------------------------------------------------------


@pytest.fixture
def watching(resting, settings, plain_shop):
    """What is changed while a run looks on: ``WAKE`` is counted, and nothing rests."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DEBOUNCE_SECONDS": 0}
    for key in "1234":
        plain_shop.people[key] = Contact(key=key, email=f"buyer{key}@example.com")
    capture.contact_changed("1")
    woken.clear()
    return resting


def run_and_change(connection: Connection, *keys: str) -> Relay:
    """A run that watches, while other processes change a contact at each of its pauses."""
    left = list(keys)

    def wait(seconds: float) -> None:
        if left:
            forget_wakes()
            capture.contact_changed(left.pop(0))
        time.sleep(seconds)

    relay = Relay(connection, wait=wait)
    relay.run(is_watching=True)
    return relay


@pytest.mark.django_db(transaction=True)
def test_what_changes_while_a_run_is_at_work_is_sent_by_it_and_wakes_nobody(watching, recording):
    relay = run_and_change(watching, "2", "3", "4")
    assert recording.keys() == ["1", "2", "3", "4"]
    assert woken == []
    assert relay.come_back() is None


@pytest.mark.django_db(transaction=True)
def test_once_it_is_over_the_next_change_wakes_again(watching):
    run_and_change(watching)
    forget_wakes()
    capture.contact_changed("2")
    assert woken == [watching.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_runs_one_watches(watching, recording):
    with Watch(watching, is_wanted=True):
        begun = time.monotonic()
        relay = run_and_change(watching, "2")
        assert time.monotonic() - begun < MESSAGE_INTERVAL
        assert relay.come_back() is None
        assert list(what_is_due()) == []
    assert recording.keys() == ["1"]


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_time_is_up_is_followed_at_once(watching):
    relay = Relay(watching)
    relay.run(seconds=0, is_watching=True)
    due = relay.come_back()
    assert due is not None
    assert due <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_died_is_missed_after_its_promise(watching):
    with Watch(watching, is_wanted=True) as watch:
        watch.go_on()
        forget_wakes()
        capture.contact_changed("2")
        assert woken == []
        Wake.objects.update(looks_at=Now())  # the promise is over, and was not kept
        forget_wakes()
        capture.contact_changed("3")
        assert woken == [watching.pk]


@pytest.mark.django_db(transaction=True)
def test_an_idle_minute_costs_ten_queries_at_the_most(watching):
    Relay(watching).run()
    Connection.objects.update(verified_at=timezone.now())
    with CaptureQueriesContext(database) as captured:
        list(what_is_due())
        recheck_keys()
    assert len(captured) <= 10


@pytest.mark.django_db(transaction=True)
def test_who_comes_back_in_a_minute_for_one_change_keeps_no_worker_from_a_sooner_one(watching):
    """A run ends while a change still rests; another change of that lane is tried again later."""
    now = timezone.now()
    OutboxMessage.objects.update(due_at=now + timedelta(seconds=40))
    later = Relay(watching)
    later.run()
    assert later.come_back() == now + timedelta(seconds=40)
    OutboxMessage.objects.create(
        connection=watching, kind="contact", key="2", due_at=now + timedelta(seconds=2)
    )
    sooner = Relay(watching)
    sooner.run()
    assert sooner.come_back() == now + timedelta(seconds=2)
