"""The shared pace."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import responses

from esputnik_connector.destinations.auth import BasicAuth
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.destinations.throttle import Throttle, ThrottledError, limiter
from esputnik_connector.exceptions import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]


def throttle(rate: str, *, key: str, **changes) -> tuple[Throttle, list[float]]:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    return Throttle(rate, key=key, wait=wait, **changes), waits


def test_a_near_slot_is_waited_for():
    pace, waits = throttle("2/second", key="near")
    for _ in range(3):
        pace.take()
    assert 0 < sum(waits) <= 1.1


def test_a_far_slot_is_the_callers_to_wait_for():
    pace, waits = throttle("1/minute", key="far")
    pace.take()
    with pytest.raises(ThrottledError) as caught:
        pace.take()
    assert waits == []
    assert 50 < caught.value.retry_after <= 60
    assert not caught.value.was_received


def test_workers_of_one_account_share_a_pace_and_others_do_not():
    first, second = throttle("1/minute", key="a")[0], throttle("1/minute", key="a")[0]
    throttle("1/minute", key="b")[0].take()
    first.take()
    with pytest.raises(ThrottledError):
        second.take()


@responses.activate
def test_a_throttled_request_is_not_sent():
    responses.get("https://esputnik.test/v1/account/info", json={})
    pace = throttle("1/minute", key="unsent")[0]
    http = HttpClient("https://esputnik.test", auth=BasicAuth("u", "p"), throttle=pace)
    request = http.prepared("GET", "v1/account/info")
    http.send(request)
    with pytest.raises(ThrottledError):
        http.send(request)
    http.close()
    assert len(responses.calls) == 1


def test_a_storage_that_is_down_does_not_stop_sending(caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    uri = f"redis://:hush-hush@127.0.0.1:{port}/0"
    pace, _ = throttle("1/minute", key="down", storage=uri)
    started = time.monotonic()
    pace.take()
    with pytest.raises(ThrottledError):
        pace.take()
    assert time.monotonic() - started < 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "hush-hush" not in caplog.text


def test_a_storage_that_hangs_costs_half_a_second():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        pace, _ = throttle("100/second", key="hangs", storage=uri)
        started = time.monotonic()
        pace.take()
        pace.take()
        assert time.monotonic() - started < 1.5
        limiter(uri).storage.storage.close()


def test_a_storage_that_recovers_is_used_again(caplog):
    times = iter([0.0, 0.0, 1.0, 61.0, 61.0])
    uri = "redis://127.0.0.1:1/0"
    pace = Throttle("100/second", key="recovers", storage=uri, clock=lambda: next(times))
    for _ in range(3):
        pace.take()
    assert len(caplog.records) == 2  # at 0 s and again at 61 s; not at 1 s


@pytest.mark.parametrize(
    "rate", ["", "fast", "0.5/second", "-1/second", "0/second", "5/second;10/minute"]
)
def test_a_rate_that_cannot_be_read_is_explained(rate):
    with pytest.raises(ConfigurationError, match="5/second"):
        Throttle(rate, key="x")


def test_an_unknown_storage_is_explained_without_its_password():
    with pytest.raises(ConfigurationError, match="RATE_LIMIT_STORAGE") as caught:
        Throttle("5/second", key="x", storage="carrier-pigeon://u:hush-hush@coop")
    assert "hush-hush" not in str(caught.value)


RACE = """
import threading, time
from django.conf import settings
settings.configure(USE_I18N=False)
from esputnik_connector.destinations.throttle import limiter

failed = []

def ask(number):
    time.sleep(number * 0.03)
    try:
        limiter(f"redis://127.0.0.1:1/{number}")
    except Exception as error:
        failed.append(str(error))

threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(failed), *failed)
"""


def test_threads_that_begin_together_all_find_the_storage():
    """The library that counts took a half-imported redis for one that is too old."""
    done = subprocess.run(
        [sys.executable, "-c", RACE], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "0"
