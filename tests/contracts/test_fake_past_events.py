"""Events of long ago: one status each, by position, and no workflow starts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.contracts.wire import Caller, only_message, order_event


@pytest.fixture(autouse=True)
def _switched_on(fake: FakeEsputnik) -> None:
    """The merchant has clicked: every event type counts for segmentation."""
    fake.configure(segmentation=True)


def event(key: str = "7", event_type: str = "seen", **more: Any) -> dict[str, Any]:
    body = {"eventTypeKey": event_type, "keyValue": key, "params": [], "occurred": "2025-01-01"}
    return {**body, **more}


def sent(call: Caller, *events: dict[str, Any], version: str = "v2") -> dict[str, Any]:
    answer = call("POST", f"/{version}/past_events", {"events": [*events]})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def statuses(told: dict[str, Any]) -> list[str]:
    return [result["status"] for result in told["results"]]


def in_days(days: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def test_past_events_start_no_workflow(fake: FakeEsputnik, call: Caller) -> None:
    params = {"email": "a@b.example"}
    past = {"eventTypeKey": "pageSeen", "params": params, "occurred": "2025-01-01T10:00"}
    assert call("POST", "/v3/past_events", {"events": [past]}).status_code == 200
    call("POST", "/v3/event", {"eventTypeKey": "pageSeen", "params": params})

    old, live = fake.events("pageSeen")
    assert (old["starts_workflow"], old["occurred"]) == (False, "2025-01-01T10:00")
    assert live["starts_workflow"] is True


def test_past_events_come_in_five_hundreds(fake: FakeEsputnik, call: Caller) -> None:
    assert call("POST", "/v2/past_events", {"events": [event()] * 501}).status_code == 400
    assert "too long" in only_message(fake)
    assert sent(call, *[event()] * 500)["successCount"] == 500
    assert len(fake.events("seen")) == 500


def test_every_event_has_its_status_at_its_place(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(past_event_days=3650, segmentation_by_type={"unknown": False})
    told = sent(
        call,
        event("1"),
        event("2", "unknown"),
        event("3", occurred="1999-01-01"),
        event("4", occurred=in_days(2)),
        event("5", occurred=in_days(0.3)),
        {name: value for name, value in event("6").items() if name != "occurred"},
        event("7", occurred="01.01.2025"),
        event("8", occurred="2025-02-30"),
    )

    assert statuses(told) == [
        "ACCEPTED",
        "EVENT_SEGMENTATION_DISABLED",
        "OCCURRED_TIME_TOO_DEPTH",
        "OCCURRED_TIME_IN_FUTURE",
        "ACCEPTED",
        "OCCURRED_DATE_IS_REQUIRED",
        "INCORRECT_OCCURRED_DATE_FORMAT",
        "INCORRECT_OCCURRED_DATE_FORMAT",
    ]
    assert (told["successCount"], told["errorCount"]) == (2, 6)
    assert [one["key"] for one in fake.events("seen")] == ["1", "5"]
    assert len(fake.take_violations()) == 3  # the dates; all else only the account can know


def test_a_new_event_type_is_not_segmented_until_somebody_clicks(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(segmentation=False)
    told = sent(call, *[event(str(number)) for number in range(3)])
    assert (statuses(told), told["errorCount"]) == (["EVENT_SEGMENTATION_DISABLED"] * 3, 3)
    assert fake.events() == []

    fake.configure(segmentation_by_type={"seen": True})
    assert statuses(sent(call, event("1"), event("1", "other"))) == [
        "ACCEPTED",
        "EVENT_SEGMENTATION_DISABLED",
    ]


@pytest.mark.parametrize("words", ["SERVER_ERROR", "some words"])
def test_single_events_can_fail_on_the_server(fake: FakeEsputnik, call: Caller, words: str) -> None:
    fake.script(Fault("refuse", ids=["2"], text=words))
    told = sent(call, event("1"), event("2"), event("3"))

    assert statuses(told) == ["ACCEPTED", "SERVER_ERROR", "ACCEPTED"]
    assert [one["key"] for one in fake.events("seen")] == ["1", "3"]


def test_an_order_among_past_events_goes_by_its_number(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("refuse", ids=["101"], text="EVENT_SEGMENTATION_DISABLED"))
    orders = [
        {**order_event("orderCreated", number=number), "occurred": "2025-01-01"}
        for number in ("100", "101")
    ]

    assert statuses(sent(call, *orders, version="v3")) == [
        "ACCEPTED",
        "EVENT_SEGMENTATION_DISABLED",
    ]
    assert set(fake.orders) == {"100"}


def test_the_counts_may_disagree_with_the_statuses(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("patch", body={"successCount": 5, "errorCount": None}))
    told = sent(call, event())

    assert told == {"results": [{"status": "ACCEPTED"}], "successCount": 5}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_key_is_required_in_the_documented_versions(
    fake: FakeEsputnik, call: Caller, version: str
) -> None:
    params = [{"name": "email", "value": "a@b.example"}]
    body = {"eventTypeKey": "seen", "params": params, "occurred": "2025-01-01"}

    assert call("POST", f"/{version}/past_events", {"events": [body]}).status_code == 400
    assert "keyValue" in only_message(fake)
    assert fake.events() == []


@pytest.mark.parametrize(
    ("form", "text"), [("results", '{"results": '), ("empty", ""), ("text", "OK")]
)
def test_what_the_third_version_answers_is_a_setting(
    fake: FakeEsputnik, call: Caller, form: str, text: str
) -> None:
    fake.configure(past_events_v3_answer=form)
    body = {"events": [event(params={"email": "a@b.example"})]}

    assert call("POST", "/v3/past_events", body).text.startswith(text)
    assert statuses(sent(call, event())) == ["ACCEPTED"]
    assert len(fake.events("seen")) == 2


def test_anything_else_that_is_wrong_refuses_the_whole_request(
    fake: FakeEsputnik, call: Caller
) -> None:
    """No status is documented for it."""
    for wrong in (event("a,b"), event(colour="red"), event(params=[{"name": "x"}])):
        body = {"events": [event(), wrong]}
        assert call("POST", "/v2/past_events", body).status_code == 400
    assert len(fake.take_violations()) == 3
    assert fake.events() == []
