"""The thread that talks to the broker: what it keeps, what it lets go, and who has to wait for it.

The broker here is kombu's own of one process, which a test takes away and gives back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from celery import Celery, current_app
from kombu.transport import memory

from esputnik_connector.pipeline import broker
from esputnik_connector.pipeline.broker import Publisher

PATIENCE = 20.0  # seconds for what takes a moment


class Broker:
    """Whether it is there, and what arrived."""

    def __init__(self) -> None:
        self.is_away = False
        self.tries = 0
        self.hiccups = 0  # how many are refused, and no more
        self.seconds = 0.0
        self.arrived: list[int] = []
        self.earlier = set(threading.enumerate())
        self.rests: list[float] = []  # seconds until each of them is to be run

    def take(self, message: dict[str, Any]) -> None:
        self.tries += 1
        time.sleep(self.seconds)
        self.hiccups -= 1
        if self.is_away or self.hiccups >= 0:
            raise ConnectionRefusedError
        if due_at := message["headers"]["eta"]:
            rest = datetime.fromisoformat(due_at) - datetime.now(timezone.utc)
            self.rests.append(rest.total_seconds())
        self.arrived.append(int(message["headers"]["argsrepr"].strip("(,)")))

    def messages(self) -> list[int]:
        """Primary keys of what was published, in order; each is told once."""
        found, self.arrived = self.arrived, []
        return found


@pytest.fixture
def away(monkeypatch) -> Broker:
    Celery("shop", broker="memory://")
    present = Broker()

    def put(_channel: object, _queue: str, message: dict[str, Any], **_named: object) -> None:
        present.take(message)

    monkeypatch.setattr(memory.Channel, "_put", put)
    monkeypatch.setattr(broker, "BROKER_TIMEOUT", 10.0)  # a busy machine is no broker that is slow
    monkeypatch.setattr(broker, "FIRST_REST", 0.1)
    return present


@pytest.fixture
def publisher(away) -> Iterator[Publisher]:
    made = Publisher()
    yield made
    made.begin_anew()  # its threads end here: none tells the broker of the next test anything
    assert until(lambda: not threads(away))


def threads(away: Broker) -> list[threading.Thread]:
    """Those of this test's lines."""
    every = [each for each in threading.enumerate() if each.name == "esputnik-wake"]
    return [each for each in every if each not in away.earlier]


def until(there_is: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + PATIENCE
    while not (found := there_is()) and time.monotonic() < ends_at:
        time.sleep(0.01)
    return found


def test_what_is_published_is_there_when_the_shopper_goes_on(publisher, away):
    publisher.publish("esputnik_connector.relay", 1, 0)
    publisher.publish("esputnik_connector.backfill", 2, 0)
    assert until(lambda: away.arrived == [1, 2])
    assert not publisher.is_resting


def test_several_wake_ups_of_one_thing_are_one_when_the_broker_is_back(publisher, away):
    away.is_away = True
    for _ in range(5):
        publisher.publish("esputnik_connector.relay", 1, 0)
        publisher.publish("esputnik_connector.relay", 2, 0)
    away.is_away = False
    assert until(lambda: len(away.arrived) >= 2)
    time.sleep(0.3)
    assert sorted(away.messages()) == [1, 2]


def test_one_that_was_waited_for_in_vain_and_replaced_leaves_nobody_resting(
    publisher, away, monkeypatch
):
    """It came while another one failed slowly, and a newer one of the same took its place."""
    monkeypatch.setattr(broker, "BROKER_TIMEOUT", 0.25)
    monkeypatch.setattr(broker, "FIRST_REST", 0.8)
    away.is_away, away.seconds = True, 0.2
    shop = current_app._get_current_object()

    def publish_elsewhere() -> None:
        shop.set_current()  # Celery's is of one thread
        publisher.publish("esputnik_connector.relay", 1, 0)

    others = threading.Thread(target=publish_elsewhere)
    others.start()
    assert until(lambda: away.tries == 1)
    away.seconds = 0.0
    publisher.publish("esputnik_connector.relay", 2, 0)
    publisher.publish("esputnik_connector.relay", 2, 0)
    others.join()
    away.is_away = False
    assert until(lambda: sorted(away.arrived) == [1, 2])
    assert until(lambda: not publisher.is_resting)


def test_a_relay_and_an_import_of_the_same_number_are_two_things(publisher, away):
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    publisher.publish("esputnik_connector.backfill", 1, 0)
    away.is_away = False
    assert until(lambda: away.arrived == [1, 1])


def test_while_it_is_away_nobody_waits_and_it_is_tried_ever_more_seldom(publisher, away):
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    assert publisher.is_resting
    begun = time.monotonic()
    for number in range(20):
        publisher.publish("esputnik_connector.relay", number, 0)
    assert time.monotonic() - begun < 1
    time.sleep(1.5)
    assert away.tries <= 6  # after 0.1, 0.2, 0.4 and 0.8 seconds


def test_a_wake_up_that_is_over_by_a_minute_is_not_published_any_more(publisher, away, monkeypatch):
    """A sweep has come by then; who finds the broker after an hour does not begin with a heap."""
    monkeypatch.setattr(broker, "EXPIRY", 0.2)
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    time.sleep(0.5)
    away.is_away = False
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert until(lambda: away.arrived == [2])


def test_one_that_is_for_later_is_kept_until_then(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "EXPIRY", 0.2)
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 60)
    time.sleep(0.5)
    away.is_away = False
    assert until(lambda: away.arrived == [1])
    assert 59 < away.rests[0] <= 59.5  # of what it was to rest, half a second is over


def test_what_waits_for_a_broker_that_never_answers_is_bounded(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "MOST_WAITING", 10)
    monkeypatch.setattr(broker, "BROKER_TIMEOUT", 0.25)
    answers = threading.Event()
    monkeypatch.setattr(broker, "_sent", lambda *_: answers.wait(PATIENCE))
    publisher.publish("esputnik_connector.relay", 0, 0)
    for number in range(100):
        publisher.publish("esputnik_connector.relay", number, 0)
    waiting = publisher._line._messages
    assert waiting.qsize() == 10
    while not waiting.empty():  # nothing of it is left for another test's broker
        waiting.get()
    answers.set()


def test_it_is_never_left_alone_for_longer_than_that(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "FIRST_REST", 0.2)
    monkeypatch.setattr(broker, "BROKER_REST", 0.2)
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    assert until(lambda: away.tries >= 8)  # the eighth would come after 25 seconds


def test_nobody_else_waits_for_a_broker_that_is_slow(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "BROKER_TIMEOUT", 0.25)
    away.seconds = 1.0
    publisher.publish("esputnik_connector.relay", 1, 0)
    assert publisher.is_resting
    begun = time.monotonic()
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert time.monotonic() - begun < broker.BROKER_TIMEOUT / 2
    assert until(lambda: away.arrived == [1, 2] and not publisher.is_resting)


def test_a_line_that_the_broker_closed_meanwhile_is_no_outage(publisher, away, caplog):
    publisher.publish("esputnik_connector.relay", 1, 0)
    assert until(lambda: away.messages() == [1])
    away.hiccups = 1
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert until(lambda: away.arrived == [2])
    assert not publisher.is_resting
    assert caplog.text == ""


def test_a_broker_that_is_back_is_told_of_at_once_again(publisher, away):
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    away.is_away = False
    assert until(lambda: not publisher.is_resting)
    assert until(lambda: away.arrived == [1])
    away.messages()
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert until(lambda: away.arrived == [2])


def test_a_later_outage_is_said_anew_and_begins_with_a_short_rest(publisher, away, caplog):
    for _ in range(2):
        away.is_away = True
        publisher.publish("esputnik_connector.relay", 1, 0)
        away.is_away = False
        assert until(lambda: away.arrived == [1])
        away.messages()
        assert until(lambda: not publisher.is_resting)
    assert caplog.text.count("cannot be reached") == 2


def test_a_forked_process_publishes_by_a_thread_of_its_own(publisher, away):
    """As prefork's children do, and those of a web server that loads the shop first."""
    publisher.publish("esputnik_connector.relay", 1, 0)
    told, tells = os.pipe()
    child = os.fork()
    if not child:  # a test that fails must not go on in a copy of pytest
        is_resting_there = publisher.is_resting
        publisher.publish("esputnik_connector.relay", 2, 0)
        os.write(tells, repr((is_resting_there, away.messages())).encode())
        os._exit(0)
    os.close(tells)
    os.waitpid(child, 0)
    with os.fdopen(told) as said:
        assert said.read() == "(False, [1, 2])"  # this broker was forked too


def test_a_forked_process_does_not_rest_because_its_parent_did(publisher, away):
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    assert publisher.is_resting
    child = os.fork()
    if not child:
        os._exit(7 if publisher.is_resting else 0)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_line_that_is_given_up_ends_its_thread_and_what_it_kept(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "FIRST_REST", 30.0)
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    (thread,) = threads(away)
    publisher.begin_anew()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    away.is_away = False
    time.sleep(0.5)
    assert away.messages() == []
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert until(lambda: away.arrived == [2])
