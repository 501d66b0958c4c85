"""A 2xx that says nothing counts as nothing: which answer proves which record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import responses

from esputnik_connector.destinations.base import Delivered, Envelope
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.identity import fingerprint
from esputnik_connector.records import Erasure, Outcome, Reason
from tests.unit.samples import ACCOUNT, CART, CONTACT, ORDER

API = ACCOUNT.api_url
KNOWN = Delivered(digest="before")
DELIVERED, REJECTED, DEFERRED = Outcome.DELIVERED, Outcome.REJECTED, Outcome.DEFERRED
SAYS_NOTHING = {
    "empty": {"body": ""},
    "text": {"body": "OK", "content_type": "text/plain"},
    "maintenance": {"json": {"result": "maintenance"}},
    "object": {"json": {}},
    "list": {"json": []},
}


@pytest.fixture
def destination() -> Iterator[EsputnikDestination]:
    made = EsputnikDestination(ACCOUNT, {"rate": "10000/second", "bulk_from": 3})
    yield made
    made.close()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def contacts(destination, *keys: str, last: Delivered | None = KNOWN) -> list[Envelope]:
    made = (
        replace(CONTACT, key=key, email=f"C{key}@example.com", phone=f"+38050{key:0>7}")
        for key in keys
    )
    return [destination.prepare(one, last=last) for one in made]


def orders(destination, *keys: str, last: Delivered | None = None) -> list[Envelope]:
    return [destination.prepare(replace(ORDER, key=key), last=last) for key in keys]


def outcomes(found) -> list[Outcome]:
    return [receipt.outcome for receipt in found]


# One contact, many contacts, orders


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_a_contact_is_there_only_when_its_number_is_told(destination, wire, name):
    wire.post(f"{API}/v1/contact", **SAYS_NOTHING[name])
    with pytest.raises(TemporaryError, match="does not say") as caught:
        destination.deliver(contacts(destination, "1"))
    assert caught.value.was_received


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_an_upload_is_there_only_when_its_session_is_told(destination, wire, name):
    wire.post(f"{API}/v1/contacts", **SAYS_NOTHING[name])
    with pytest.raises(TemporaryError, match="does not say"):
        destination.deliver(contacts(destination, "1", "2", "3"))


@pytest.mark.parametrize("name", ["text", "maintenance"])
def test_orders_are_there_only_when_esputnik_itself_answers(destination, wire, name):
    wire.post(f"{API}/v1/orders", **SAYS_NOTHING[name])
    with pytest.raises(TemporaryError, match="does not say"):
        destination.deliver(orders(destination, "1", "2"))


@pytest.mark.parametrize(
    "answer", [{"body": ""}, {"json": {}}, {"json": []}, {"json": {"failedOrders": []}}]
)
def test_an_answer_to_orders_may_be_empty(destination, wire, answer):
    wire.post(f"{API}/v1/orders", **answer)
    assert outcomes(destination.deliver(orders(destination, "1", "2"))) == [DELIVERED] * 2


def test_an_event_has_no_answer_but_words_of_trouble_are_none(destination, wire):
    cart = destination.prepare(CART, last=None)
    wire.post(f"{API}/v3/event", body="")
    assert outcomes(destination.deliver([cart])) == [DELIVERED]
    wire.replace("POST", f"{API}/v3/event", json={"result": "maintenance"})
    with pytest.raises(TemporaryError, match="does not say"):
        destination.deliver([cart])


def test_nobody_is_erased_by_words_of_trouble(destination, wire):
    wire.delete(f"{API}/v1/contact", json={"result": "maintenance"})
    with pytest.raises(TemporaryError, match="does not say"):
        destination.deliver([destination.prepare(Erasure(key="7"), last=None)])


# The same again within a minute


def test_a_contact_that_repeats_itself_is_asked_again_after_the_minute(destination, wire):
    wire.post(f"{API}/v1/contact", status=409)
    (receipt,) = destination.deliver(contacts(destination, "1"))
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.ALREADY_ACCEPTED)
    assert receipt.retry_after == 60
    assert receipt.is_counted


def test_a_repeated_order_was_taken_unless_something_else_was_taken_since(destination, wire):
    """A, B and A again within a minute would leave B there for good."""
    wire.post(f"{API}/v1/orders", status=409)
    (lost,) = destination.deliver(orders(destination, "1"))
    assert (lost.outcome, lost.reason) == (DELIVERED, Reason.ALREADY_ACCEPTED)
    (back,) = destination.deliver(orders(destination, "1", last=KNOWN))
    assert (back.outcome, back.retry_after) == (DEFERRED, 60)


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1, "comment": "Duplicated request"},
        {"id": 1, "message": "Duplicated request"},
    ],
)
def test_the_words_of_a_repetition_count_only_as_the_error_of_the_request(destination, wire, body):
    wire.post(f"{API}/v1/contact", json=body)
    (receipt,) = destination.deliver(contacts(destination, "1"))
    assert (receipt.outcome, receipt.reason) == (DELIVERED, None)


def test_the_words_of_a_repetition_in_a_list_belong_to_one_record(destination, wire):
    failed = [
        {"order": {"externalOrderId": "100002"}, "error": "Duplicated request"},
        {"order": {"externalOrderId": "100003"}, "error": "totalCost"},
    ]
    wire.post(f"{API}/v1/orders", json={"failedOrders": failed})
    found = destination.deliver(orders(destination, "100001", "100002", "100003"))
    assert outcomes(found) == [DELIVERED, DELIVERED, REJECTED]
    assert [one.reason for one in found] == [None, Reason.ALREADY_ACCEPTED, Reason.REFUSED]


# Whom a list of failures means


def refused_contacts(destination, wire, failed) -> list[Outcome]:
    wire.post(f"{API}/v1/contacts", json={"asyncSessionId": "s", "failedContacts": failed})
    return outcomes(destination.deliver(contacts(destination, "1", "2", "3")))


def channels(email: str, phone: str) -> list[dict]:
    return [{"type": "sms", "value": phone}, {"type": "email", "value": email}]


@pytest.mark.parametrize("is_bare", [False, True])
def test_a_refused_contact_is_known_by_all_its_channels(destination, wire, is_bare):
    item = {"channels": channels("c2@EXAMPLE.com", "380500000002"), "contactKey": "1", "error": "e"}
    found = refused_contacts(destination, wire, item if is_bare else [item])
    assert found == [Outcome.ACCEPTED, REJECTED, Outcome.ACCEPTED]


@pytest.mark.parametrize(
    "item",
    [
        {"contactKey": "2", "error": "no"},
        {"id": 2, "error": "no"},
        {"channels": [{"type": "sms", "value": "380500000002"}], "error": "no"},
        {"channels": channels("c1@example.com", "380500000002"), "error": "no"},
        {"error": "2 contacts"},
        "2",
    ],
)
def test_no_contact_is_refused_by_part_of_its_names(destination, wire, item):
    with pytest.raises(RejectedError, match="Some records were refused"):
        refused_contacts(destination, wire, [item])


def test_an_order_is_refused_by_its_number_and_by_no_other_id(destination, wire):
    """The customer 100001 bought the order 100002."""
    order = {"externalOrderId": "100002", "externalCustomerId": "100001", "email": ORDER.email}
    wire.post(f"{API}/v1/orders", json={"failedOrders": {"order": order, "error": "totalCost"}})
    found = destination.deliver(orders(destination, "100001", "100002"))
    assert outcomes(found) == [DELIVERED, REJECTED]
    assert found[1].detail == "totalCost"


# A finished upload


HASHED = {"9": {"email": fingerprint("ann@example.com", salt=ACCOUNT.salt)}}


def resolved(destination, wire, **body):
    wire.get(f"{API}/v1/importstatus/s", json={"status": "FINISHED", **body})
    return destination.resolve("s", ["1", "9"], locators=HASHED)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mapping": []},
        {"mapping": None},
        {"mapping": {}},
        {"mapping": [{"dedupeValue": "1"}, {"dedupeValue": "ann@example.com", "contactId": 0}]},
        {"mapping": [{"contactId": 5}]},
        {"mapping": ["1", "9"]},
        {"description": "all is well"},
        {"failedContacts": [{"externalCustomerId": "1", "error": "no"}]},
    ],
    ids=json.dumps,
)
def test_whoever_is_not_in_the_mapping_was_not_stored(destination, wire, body):
    found = resolved(destination, wire, **body)
    assert outcomes(found) == [DEFERRED, DEFERRED]
    assert {one.reason for one in found} == {Reason.UPLOAD_FAILED}
    assert all(one.is_counted and one.detail for one in found)


@pytest.mark.parametrize("is_bare", [False, True])
def test_a_mapping_of_one_may_be_a_bare_object(destination, wire, is_bare):
    row = {"dedupeValue": "Ann@Example.com", "contactId": 11}
    found = resolved(destination, wire, mapping=row if is_bare else [row])
    assert outcomes(found) == [DEFERRED, DELIVERED]
    assert found[1].remote_id == "11"
