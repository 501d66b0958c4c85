"""Orders of long ago as past events: quiet, dated, and the same order whatever the route."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest
import responses

from esputnik_connector.destinations.base import Delivered
from esputnik_connector.destinations.encoding import encoded
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.destinations.esputnik.events.identity import EVENT_LIMIT
from esputnik_connector.records import Contact, Kind, Outcome
from tests.unit.samples import ACCOUNT, ORDER

QUIET = replace(ACCOUNT, order_route="past_events")
URL = f"{ACCOUNT.api_url}/v3/past_events"


@pytest.fixture
def quiet():
    destination = EsputnikDestination(QUIET, {})
    yield destination
    destination.close()


def test_an_order_is_an_event_with_its_moment_in_the_shops_zone(quiet):
    order = replace(ORDER, placed_at=datetime(2024, 7, 1, 21, 30, 59, tzinfo=timezone.utc))
    event = quiet.prepare(order, last=None).payload["past_event"]
    assert event["eventTypeKey"] == "orderCreated"
    assert event["occurred"] == "2024-07-02T00:30"  # Kyiv in summer
    assert event["params"]["externalOrderId"] == order.key


def test_an_order_that_is_known_is_an_update_and_never_a_delivery(quiet):
    event = quiet.prepare(ORDER, last=Delivered(digest="x")).payload["past_event"]
    assert event["eventTypeKey"] == "orderUpdated"


@pytest.mark.parametrize("route", ["orders", "events", "past_events"])
def test_the_digest_does_not_tell_the_route(quiet, route):
    """Else a reconciliation would send a quiet history again, loudly."""
    other = EsputnikDestination(replace(ACCOUNT, order_route=route), {})
    digests = {one.prepare(ORDER, last=None).digest for one in (quiet, other)}
    other.close()
    assert len(digests) == 1


def test_five_hundred_go_in_one_call(quiet):
    assert quiet.batch_sizes[Kind.ORDER] == 500
    envelopes = [quiet.prepare(replace(ORDER, key=str(n)), last=None) for n in range(3)]
    with responses.RequestsMock() as web:
        web.post(URL, json={"results": [{"status": "ACCEPTED"}] * 3})
        outcomes = {receipt.outcome for receipt in quiet.deliver(envelopes)}
        sent = json.loads(web.calls[0].request.body)
    assert outcomes == {Outcome.DELIVERED}
    assert [event["params"]["externalOrderId"] for event in sent["events"]] == ["0", "1", "2"]


def test_a_guest_is_found_by_email_and_never_by_an_invented_id():
    destination = EsputnikDestination(ACCOUNT, {"bulk_from": 1})
    guest = Contact(key="guest:7", email="guest@example.com", is_guest=True)
    person = Contact(key="7", email="person@example.com")
    envelopes = [destination.prepare(one, last=None) for one in (guest, person)]
    with responses.RequestsMock() as web:
        web.post(f"{ACCOUNT.api_url}/v1/contacts", json={"asyncSessionId": "s1"})
        destination.deliver(envelopes)
        first, second = (json.loads(call.request.body) for call in web.calls)
    destination.close()
    assert (first["dedupeOn"], second["dedupeOn"]) == ("email", "email")
    assert "externalCustomerId" not in first["contacts"][0]
    assert "externalCustomerId" not in first["contactFields"]
    assert "externalCustomerId" in second["contactFields"]


def test_an_event_of_the_past_keeps_its_items_only_while_it_fits_with_its_moment(quiet):
    """The moment is a part of what may be 20 kB large."""
    item = replace(ORDER.items[0], quantity=1)
    count = next(n for n in range(1, 500) if size(quiet, [item] * n) is None) - 1
    room = EVENT_LIMIT - (size(quiet, [item] * count) or 0)
    last = [replace(item, url=item.url + "x" * more) for more in (room - 1, room, room + 1)]
    found = [size(quiet, [*[item] * (count - 1), one]) for one in last]
    assert found == [EVENT_LIMIT - 1, EVENT_LIMIT, None]


def size(quiet, items) -> int | None:
    """Bytes of the event of an order with these items; None if it had to leave them out."""
    event = quiet.prepare(replace(ORDER, items=tuple(items)), last=None).payload["past_event"]
    return len(encoded(event)) if "items" in event["params"] else None
