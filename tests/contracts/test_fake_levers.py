"""The fake in the hands of a test, of another process and of a person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings
from tests.contracts.wire import GUID, Caller, cart_event, contact, order, order_event


def test_another_process_can_script_and_read(fake: FakeEsputnik, call: Caller) -> None:
    control = f"{fake.url}/_fake"
    fault = {"kind": "status", "status": 502, "times": None, "path": "/api/v1/orders"}
    assert requests.post(f"{control}/faults", json=[fault], timeout=5).status_code == 200
    settings = requests.post(f"{control}/settings", json={"organisation": "Мій"}, timeout=5)

    assert settings.json()["organisation"] == "Мій"
    assert call("GET", "/v1/account/info").json()["organisationName"] == "Мій"
    assert call("POST", "/v1/orders", {"orders": [order()]}).status_code == 502
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    state = requests.get(f"{control}/state", timeout=5).json()
    assert state["contacts"][0]["externalCustomerId"] == "7"
    assert state["faults"][0]["times"] is None
    log = requests.get(f"{control}/log", timeout=5).json()
    assert [entry["status"] for entry in log] == [200, 502, 200]
    assert requests.delete(f"{control}/faults", timeout=5).json() == []

    requests.post(f"{control}/reset", timeout=5).raise_for_status()
    assert (fake.contacts, fake.log, fake.settings.organisation) == ({}, [], "Fake organisation")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "earthquake"}),
        ("faults", {"kind": "status", "colour": "red"}),
        ("faults", {"kind": "refuse"}),
        ("settings", {"speed": 1}),
        ("settings", {"rate": "fast"}),
    ],
)
def test_a_misspelt_control_is_refused(fake: FakeEsputnik, path: str, body: Any) -> None:
    answer = requests.post(f"{fake.url}/_fake/{path}", json=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_page_shows_everything_and_escapes_it(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(bad_names="store")
    evil = "<script>alert(1)</script>"
    item = {"externalItemId": "5", "quantity": 2, "name": evil, "cost": 10}
    call("POST", "/v1/orders", {"orders": [order(items=[item])]})
    call("POST", "/v1/orders", {"orders": [order(status="DELIVERED"), order(evil, status=evil)]})
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", order_event("orderCreated", number=evil, recycleStateId=GUID))
    call("POST", "/v1/contact", contact(evil, email="a@b.example", firstName=evil))
    call("GET", f"/{evil}")
    assert len(fake.take_violations()) == 2
    fake.put_address("a@b.example", "complained")
    call("POST", "/v1/contact/subscribe", {"contact": contact(evil, email="a@b.example")})
    item = {"externalItemId": evil, "quantity": 1, "cost": 1}
    call("POST", "/v3/event", order_event("orderUpdated", number="9", items=[item]))
    html = requests.get(f"{fake.url}/", timeout=5).text
    assert len(fake.take_violations()) == 1

    assert "complained" in html
    assert "no order: orderUpdated is ignored as an order" in html
    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "INITIALIZED → DELIVERED" in html
    assert 'class="bad"' in html
    assert 'content="width=device-width' in html
    assert GUID in html


def test_the_page_can_be_switched_off() -> None:
    with FakeEsputnik(settings=Settings(has_state_page=False)) as fake:
        assert requests.get(fake.url, timeout=5).status_code == 401


def test_views_are_copies(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/orders", {"orders": [order()]})
    fake.orders["100"]["body"].clear()

    assert fake.orders["100"]["body"]["totalCost"] == 20.5


def test_many_callers_at_once_lose_nothing(fake: FakeEsputnik) -> None:
    def send(start: int) -> None:
        caller = Caller(fake)
        with caller.session:
            for number in range(start, start + 10):
                caller("POST", "/v1/orders", {"orders": [order(str(number))]})

    threads = [threading.Thread(target=send, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(fake.orders) == len(fake.log) == len(fake.events(source="orders")) == 80
    assert len(fake.contacts) == 1


def test_waiting_ends_with_the_answer_or_with_an_error(fake: FakeEsputnik, call: Caller) -> None:
    timer = threading.Timer(0.05, call, ("GET", "/v1/account/info"))
    timer.start()
    assert fake.wait_for(fake.requests)[0].path == "/api/v1/account/info"
    timer.join()
    with pytest.raises(TimeoutError):
        fake.wait_for(lambda: fake.orders, timeout=0.05)


def test_a_stopped_fake_hangs_up_at_once_and_can_start_again() -> None:
    fake = FakeEsputnik(key="k").start()
    fake.script(Fault("delay", seconds=60))
    failures: list[Exception] = []

    def ask() -> None:
        try:
            requests.get(f"{fake.api_url}/v1/account/info", timeout=30)
        except requests.ConnectionError as error:
            failures.append(error)

    caller = threading.Thread(target=ask)
    caller.start()
    fake.wait_for(lambda: fake.log)
    started = time.monotonic()
    fake.stop()
    caller.join()

    assert time.monotonic() - started < 3
    assert len(failures) == 1
    with fake:
        info = requests.get(f"{fake.api_url}/v1/account/info", auth=("", "k"), timeout=5)
    assert info.status_code == 200


def test_as_a_program_it_says_where_it_is_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "esputnik_connector.testing.fake_esputnik", "--port", "0"]
    environment = {**os.environ, "FAKE_ESPUTNIK_KEY": "from-env", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(4)]
        url = lines[1].split()[1]
        info = requests.get(f"{url}/v1/account/info", auth=("", "from-env"), timeout=5)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=5)

    assert info.status_code == 200
    assert lines[3] == "Key: from-env\n"
    assert (process.returncode, complaints) == (0, "")


def test_as_a_program_without_its_extra_it_says_in_a_sentence_what_to_install() -> None:
    without = (
        "import sys; sys.modules['jsonschema'] = None; "
        "from esputnik_connector.testing.fake_esputnik.__main__ import main; "
        "sys.exit(main(['--port', '0']))"
    )
    told = subprocess.run(
        [sys.executable, "-c", without], capture_output=True, text=True, timeout=30, check=False
    )
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "pip install 'django-esputnik-connector[testing]'" in told.stderr
