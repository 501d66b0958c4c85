"""Deliveries to eSputnik: which requests go out, and that every record gets its receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
import responses

from esputnik_connector.destinations.base import Delivered
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import (
    CredentialsError,
    RejectedError,
    Skip,
    TemporaryError,
)
from esputnik_connector.records import Erasure, Kind, Outcome, Reason
from tests.unit.samples import ACCOUNT, CART, CONTACT, ORDER

API = ACCOUNT.api_url
FAST = {"rate": "10000/second"}
SENT = Delivered(digest="something")
DELIVERED, ACCEPTED, REJECTED, DEFERRED = (
    Outcome.DELIVERED,
    Outcome.ACCEPTED,
    Outcome.REJECTED,
    Outcome.DEFERRED,
)


@contextmanager
def esputnik(account=ACCOUNT, **options) -> Iterator[EsputnikDestination]:
    destination = EsputnikDestination(account, {**FAST, **options})
    try:
        yield destination
    finally:
        destination.close()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def bodies(wire: responses.RequestsMock) -> list:
    return [json.loads(call.request.body) for call in wire.calls if call.request.body]


def paths(wire: responses.RequestsMock) -> list[str]:
    return [call.request.path_url for call in wire.calls]


def contacts(destination, count: int, *, last=SENT, start: int = 1, **changes):
    return [
        destination.prepare(replace(CONTACT, key=str(key), **changes), last=last)
        for key in range(start, start + count)
    ]


def orders(destination, count: int):
    return [
        destination.prepare(replace(ORDER, key=f"{100000 + number}"), last=None)
        for number in range(count)
    ]


def carts(destination, count: int):
    return [destination.prepare(replace(CART, key=f"{n}"), last=None) for n in range(count)]


def outcomes(receipts) -> list[Outcome]:
    return [receipt.outcome for receipt in receipts]


def refusing(key: str, inner: str):
    """Answers 400 to any batch that holds ``key``."""

    def answer(request):
        records = json.loads(request.body)[inner]
        is_bad = any(key in record.values() for record in records)
        return (400, {}, '{"message": "bad batch"}') if is_bad else (200, {}, "{}")

    return answer


# Contacts


def test_few_contacts_go_one_by_one(wire):
    wire.post(f"{API}/v1/contact", json={"id": 5})
    with esputnik() as destination:
        found = destination.deliver(contacts(destination, 2))
    assert paths(wire) == ["/api/v1/contact"] * 2
    assert [(one.key, one.outcome, one.remote_id) for one in found] == [
        ("1", DELIVERED, "5"),
        ("2", DELIVERED, "5"),
    ]


def test_many_contacts_are_one_import(wire):
    wire.post(f"{API}/v1/contacts", json={"id": 0, "asyncSessionId": "s"})
    with esputnik(bulk_from=3) as destination:
        found = destination.deliver(contacts(destination, 3))
    assert outcomes(found) == [ACCEPTED] * 3
    assert paths(wire) == ["/api/v1/contacts"]


@pytest.mark.parametrize(
    "last",
    [
        Delivered(fields=frozenset({"email", "sms", "lastName"})),
        Delivered(locators=frozenset({"email"})),
    ],
    ids=["clearing", "replacing"],
)
def test_a_contact_that_empties_or_replaces_a_field_goes_by_import_even_alone(wire, last):
    wire.post(f"{API}/v1/contacts", json={"asyncSessionId": "s"})
    with esputnik() as destination:
        (receipt,) = destination.deliver(contacts(destination, 1, last=last, last_name=""))
    assert receipt.outcome is ACCEPTED
    assert paths(wire) == ["/api/v1/contacts"]


def test_no_import_names_a_field_that_one_of_its_contacts_neither_has_nor_clears(wire):
    wire.post(f"{API}/v1/contacts", json={"asyncSessionId": "s"})
    cleared = Delivered(fields=frozenset({"sms"}))
    with esputnik(bulk_from=1) as destination:
        batch = [
            *contacts(destination, 2),
            *contacts(destination, 2, start=3, phone=""),
            *contacts(destination, 1, start=5, phone="", last=cleared),
        ]
        found = destination.deliver(batch)
    assert [one.key for one in found] == ["1", "2", "3", "4", "5"]
    sent = {tuple(c["externalCustomerId"] for c in b["contacts"]): b for b in bodies(wire)}
    assert set(sent) == {("1", "2", "5"), ("3", "4")}
    assert "sms" in sent["1", "2", "5"]["contactFields"]
    assert "sms" not in sent["3", "4"]["contactFields"]


def test_a_refused_contact_does_not_hold_back_the_next(wire):
    wire.post(f"{API}/v1/contact", status=400, json={"message": "Bad e-mail"})
    wire.post(f"{API}/v1/contact", json={"id": 2})
    with esputnik() as destination:
        found = destination.deliver(contacts(destination, 2))
    assert outcomes(found) == [REJECTED, DELIVERED]
    assert (found[0].reason, found[0].status) == (Reason.REFUSED, 400)
    assert "Bad e-mail" in found[0].detail


def test_imports_are_cut_to_the_size_that_is_set(wire):
    wire.post(f"{API}/v1/contacts", json={"asyncSessionId": "s"})
    with esputnik(bulk_from=1, contacts_per_call=2) as destination:
        assert destination.batch_sizes[Kind.CONTACT] == 2
        destination.deliver(contacts(destination, 5))
    assert [len(body["contacts"]) for body in bodies(wire)] == [2, 2, 1]


# A batch in trouble


def test_a_refused_batch_is_handed_back_to_be_halved(wire):
    wire.post(f"{API}/v1/orders", status=400, json={"message": "bad batch"})
    with esputnik() as destination, pytest.raises(RejectedError, match="bad batch"):
        destination.deliver(orders(destination, 4))
    assert len(wire.calls) == 1


def test_a_refused_order_alone_is_a_receipt(wire):
    wire.post(f"{API}/v1/orders", status=400, json={"message": "bad order"})
    with esputnik() as destination:
        (receipt,) = destination.deliver(orders(destination, 1))
    assert receipt.outcome is REJECTED


def test_a_batch_refused_after_another_was_taken_is_halved_until_the_culprit_is_alone(wire):
    wire.add_callback(responses.POST, f"{API}/v1/orders", refusing("100006", "orders"))
    with esputnik(orders_per_call=4) as destination:
        found = destination.deliver(orders(destination, 8))
    assert outcomes(found) == [DELIVERED] * 6 + [REJECTED, DELIVERED]


def test_halving_is_bounded_and_whoever_is_left_comes_again(wire):
    wire.post(f"{API}/v1/orders", json={})
    wire.post(f"{API}/v1/orders", status=400, json={"message": "bad"})
    with esputnik(orders_per_call=150) as destination:
        batch = orders(destination, 300)
        found = destination.deliver(batch)
    assert len(wire.calls) == 100
    assert set(outcomes(found[:150])) == {DELIVERED}
    assert set(outcomes(found[150:])) == {REJECTED, DEFERRED}
    assert {one.reason for one in found if one.outcome is DEFERRED} == {Reason.BUSY}


@pytest.mark.parametrize(
    ("status", "reason", "error"),
    [
        (503, Reason.UNREACHABLE, TemporaryError),
        (429, Reason.BUSY, TemporaryError),
        (401, Reason.KEY_REFUSED, CredentialsError),
    ],
)
@pytest.mark.parametrize("make", [contacts, carts])
def test_trouble_in_the_middle_forgets_nothing_that_was_delivered(
    wire, make, status, reason, error
):
    for path in ("v1/contact", "v3/event"):
        wire.post(f"{API}/{path}", json={"id": 1})
        wire.post(
            f"{API}/{path}", status=status, json={"message": "no"}, headers={"Retry-After": "9"}
        )
    with esputnik() as destination:
        found = destination.deliver(make(destination, 4))
        assert outcomes(found) == [DELIVERED, DEFERRED, DEFERRED, DEFERRED]
        assert {(one.status, one.reason) for one in found[1:]} == {(status, reason)}
        assert [one.is_counted for one in found[1:]] == [status == 503, False, False]
        assert len(wire.calls) == 2
        with pytest.raises(error):
            destination.deliver(make(destination, 4))  # now from the first on


def test_a_deferred_record_says_how_long_the_destination_asked_to_wait(wire):
    wire.post(f"{API}/v3/event", json={})
    wire.post(f"{API}/v3/event", status=429, headers={"Retry-After": "9"})
    with esputnik() as destination:
        found = destination.deliver(carts(destination, 2))
    assert found[1].retry_after == 9


def test_our_own_pace_defers_the_rest(wire):
    wire.post(f"{API}/v3/event", json={})
    with esputnik(replace(ACCOUNT, api_key="another"), rate="2/minute") as destination:
        found = destination.deliver(carts(destination, 3))
    assert outcomes(found) == [DELIVERED, DELIVERED, DEFERRED]
    assert (found[2].reason, found[2].status) == (Reason.BUSY, 0)
    assert 0 < found[2].retry_after <= 60


# Events, erasures


def test_orders_travel_as_events_where_the_account_says_so(wire):
    wire.post(f"{API}/v3/event", status=200)
    with esputnik(replace(ACCOUNT, order_route="events")) as destination:
        assert destination.batch_sizes[Kind.ORDER] == 100
        found = destination.deliver(orders(destination, 2))
    assert outcomes(found) == [DELIVERED, DELIVERED]
    assert {body["eventTypeKey"] for body in bodies(wire)} == {"orderCreated"}


def test_an_event_that_cannot_be_made_small_enough_is_refused_where_a_person_sees_it(wire):
    wire.post(f"{API}/v3/event", json={})
    with esputnik() as destination:
        huge = destination.prepare(replace(CART, key="9", items=CART.items * 300), last=None)
        found = destination.deliver([huge, *carts(destination, 1)])
        with pytest.raises(Skip):
            destination.preview(huge)
    assert [(one.outcome, one.reason) for one in found] == [
        (REJECTED, Reason.TOO_LARGE),
        (DELIVERED, None),
    ]
    assert len(wire.calls) == 1


@pytest.mark.parametrize(("mode", "word"), [("erase", "true"), ("deactivate", "false")])
def test_a_person_is_erased_or_marked_as_the_account_says(wire, mode, word):
    wire.delete(f"{API}/v1/contact", body="done")
    wire.get(f"{API}/v1/contacts", json=[])
    with esputnik(replace(ACCOUNT, erase_mode=mode)) as destination:
        envelope = destination.prepare(Erasure(key="a b&c"), last=None)
        (receipt,) = destination.deliver([envelope])
    assert receipt.outcome is DELIVERED
    assert paths(wire)[0] == f"/api/v1/contact?externalCustomerId=a+b%26c&erase={word}"


@pytest.mark.parametrize(
    ("status", "words"), [(404, ""), (404, "no"), (400, "Contact with id='4' not found")]
)
def test_erasing_an_unknown_person_is_done(wire, status, words):
    wire.delete(f"{API}/v1/contact", status=status, body=words)
    wire.get(f"{API}/v1/contacts", json=[])
    with esputnik() as destination:
        (receipt,) = destination.deliver([destination.prepare(Erasure(key="4"), last=None)])
    assert receipt.outcome is DELIVERED


# Imports, the account, preview


def test_an_unknown_import_is_to_be_sent_again(wire):
    wire.get(f"{API}/v1/importstatus/s", status=404, json={"message": "unknown"})
    with esputnik() as destination:
        (receipt,) = destination.resolve("s", ["1"], locators={})
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.UPLOAD_FAILED)


def test_the_key_is_checked(wire):
    wire.get(f"{API}/v1/account/info", json={"organisationName": "Shop", "orgId": 1})
    with esputnik(replace(ACCOUNT, api_url=f"{API}//")) as destination:
        assert destination.verify().organisation == "Shop"


@pytest.mark.parametrize("status", [200, 404])
def test_somebody_elses_server_is_recognised(wire, status):
    wire.get(f"{API}/v1/account/info", status=status, json={"hello": "world"})
    with esputnik() as destination, pytest.raises(RejectedError, match="eSputnik"):
        destination.verify()


@pytest.mark.parametrize(
    ("record", "route", "last"),
    [
        (CONTACT, "orders", None),
        (CONTACT, "orders", Delivered(locators=frozenset({"email"}))),
        (ORDER, "orders", None),
        (ORDER, "events", None),
        (CART, "orders", None),
        (Erasure(key="a b"), "orders", None),
    ],
)
def test_a_preview_is_exactly_what_is_sent(wire, record, route, last):
    for method, path in [
        ("POST", "v1/contact"),
        ("POST", "v1/contacts"),
        ("POST", "v1/orders"),
        ("POST", "v3/event"),
        ("DELETE", "v1/contact"),
    ]:
        wire.add(method, f"{API}/{path}", json={"id": 1, "asyncSessionId": "s"})
    wire.get(f"{API}/v1/contacts", json=[])
    with esputnik(replace(ACCOUNT, order_route=route)) as destination:
        envelope = destination.prepare(record, last=last)
        shown = destination.preview(envelope)
        assert len(wire.calls) == 0
        destination.deliver([envelope])
    sent = wire.calls[0].request
    assert (shown.method, shown.url) == (sent.method, sent.url)
    assert shown.body == (json.loads(sent.body) if sent.body else None)
    assert shown.headers.items() <= dict(sent.headers).items()
    assert "Authorization" in sent.headers
    assert "Authorization" not in shown.headers
    assert ACCOUNT.api_key not in repr(shown)


def test_a_destination_shows_its_name_and_no_secret():
    with esputnik() as destination:
        assert repr(destination) == "EsputnikDestination('main')"
        assert ACCOUNT.api_key not in repr(vars(destination))


def test_a_zero_order_still_gets_a_receipt(wire):
    wire.post(f"{API}/v1/orders", json={})
    with esputnik() as destination:
        free = destination.prepare(replace(ORDER, total=Decimal(0), items=()), last=SENT)
        assert outcomes(destination.deliver([free])) == [DELIVERED]


def test_an_empty_delivery_sends_nothing(wire):
    with esputnik() as destination:
        assert destination.deliver([]) == []
    assert len(wire.calls) == 0


def test_the_lane_is_kept_before_each_request(wire):
    wire.post(f"{API}/v1/contact", json={"id": 1})
    with esputnik() as destination:
        moments: list[int] = []
        destination.before_call = lambda: moments.append(len(wire.calls))
        destination.deliver(contacts(destination, 3))
    assert moments == [0, 1, 2]
