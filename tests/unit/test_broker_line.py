"""The thread that talks to the broker: what it keeps, what it lets go, and who has to wait for it.

The broker here is kombu's own of one process, which a test takes away and gives back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu.transport import memory

from esputnik_connector.pipeline import broker
from esputnik_connector.pipeline.broker import Publisher

PATIENCE = 20.0  # seconds for what takes a moment


class Broker:
    """Whether it is there, and what arrived."""

    def __init__(self) -> None:
        self.is_away = False
        self.tries = 0
        self.arrived: list[int] = []

    def take(self, message: dict[str, Any]) -> None:
        self.tries += 1
        if self.is_away:
            raise ConnectionRefusedError
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
    earlier = set(threading.enumerate())
    made = Publisher()
    yield made
    made.begin_anew()  # its threads end here: none tells the broker of the next test anything
    assert until(lambda: not {each for each in threads() if each not in earlier})


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "esputnik-wake"]


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


def test_what_waits_for_a_broker_that_never_answers_is_bounded(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "MOST_WAITING", 10)
    monkeypatch.setattr(broker, "BROKER_TIMEOUT", 0.25)
    answers = threading.Event()
    monkeypatch.setattr(broker, "_sent", lambda *_: answers.wait(PATIENCE))
    publisher.publish("esputnik_connector.relay", 0, 0)
    for number in range(100):
        publisher.publish("esputnik_connector.relay", number, 0)
    assert publisher._line._messages.qsize() <= 10
    answers.set()


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


def test_a_line_that_is_given_up_ends_its_thread_and_what_it_kept(publisher, away, monkeypatch):
    monkeypatch.setattr(broker, "FIRST_REST", 30.0)
    away.is_away = True
    publisher.publish("esputnik_connector.relay", 1, 0)
    publisher.begin_anew()
    away.is_away = False
    time.sleep(0.5)
    assert away.messages() == []
    publisher.publish("esputnik_connector.relay", 2, 0)
    assert until(lambda: away.arrived == [2])
