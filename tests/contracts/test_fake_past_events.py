"""Events of long ago: one status each, and no workflow starts."""

from __future__ import annotations

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller


def test_past_events_start_no_workflow(fake: FakeEsputnik, call: Caller) -> None:
    params = {"email": "a@b.example"}
    event = {"eventTypeKey": "pageSeen", "params": params, "occurred": "2025-01-01T10:00"}
    assert call("POST", "/v3/past_events", {"events": [event]}).status_code == 200
    call("POST", "/v3/event", {"eventTypeKey": "pageSeen", "params": params})

    past, live = fake.events("pageSeen")
    assert (past["starts_workflow"], past["occurred"]) == (False, "2025-01-01T10:00")
    assert live["starts_workflow"] is True


def test_past_events_come_in_five_hundreds_and_dated(fake: FakeEsputnik, call: Caller) -> None:
    event = {"eventTypeKey": "seen", "params": {"email": "a@b.example"}}
    dated = {**event, "occurred": "2025-01-01"}

    assert call("POST", "/v3/past_events", {"events": [dated] * 501}).status_code == 400
    assert call("POST", "/v3/past_events", {"events": [event]}).status_code == 400
    assert call("POST", "/v3/past_events", {"events": [dated] * 500}).status_code == 200
    assert len(fake.events("seen")) == 500
