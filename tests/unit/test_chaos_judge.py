"""The judge of ``make chaos`` catches what it is there for: each breach is planted here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.chaos import judge
from tests.chaos.audit import Entry, arrived, fates_of, taken_along
from tests.chaos.evidence import (
    Complaint,
    Disturbance,
    Erased,
    Evidence,
    Exchange,
    Held,
    ImportRun,
    Leap,
    Person,
    Row,
    ShopCart,
    ShopOrder,
)

OLENA = {"externalCustomerId": "1", "email": "olena@example.com", "firstName": "Vb",
         "lastName": "K", "sms": "380501112233"}  # fmt: skip
BODY = {"externalOrderId": "100", "externalCustomerId": "1", "statusDescription": "Paid",
        "status": "IN_PROGRESS", "totalCost": 10.5,
        "items": [{"externalItemId": "7", "quantity": 2, "cost": 5.25}]}  # fmt: skip
NOBODYS = {name: value for name, value in BODY.items() if name != "externalCustomerId"}
PHONE = "380670000000"  # of somebody who was erased
PAID = {"key": "100", "type": "orderIN_PROGRESS", "source": "orders"}
STOP = Disturbance(what="stop", target="worker-a", start=10, end=20)


def post_order(arrived: float, said: str = "Paid", **changes: Any) -> Exchange:
    words = {"New": "INITIALIZED", "Paid": "IN_PROGRESS", "Shipped": "IN_PROGRESS"}
    order = {**BODY, "statusDescription": said, "status": words[said]}
    usual: dict[str, Any] = {
        "arrived": arrived, "answered": arrived + 0.1, "method": "POST", "path": "/api/v1/orders",
        "body": {"orders": [order]}, "status": 200, "answer": {"id": 0, "failedOrders": []},
    }  # fmt: skip
    return Exchange(**{**usual, **changes})


def post_contact(arrived: float, name: str) -> Exchange:
    channels = [{"type": "email", "value": "olena@example.com"}]
    body = {"externalCustomerId": "1", "firstName": name, "channels": channels}
    return Exchange(arrived=arrived, answered=arrived + 0.1, method="POST", path="/api/v1/contact",
                    body=body, status=200, answer={"id": 1001})  # fmt: skip


@pytest.fixture
def good() -> Evidence:
    """A run without a fault: one customer, one order, one cart, one who was erased."""
    return Evidence(
        people=[Person(key="1", email="olena@example.com", first_name="Vb", last_name="K",
                       phone="380501112233", names=["", "Va", "Vb"])],
        erased=[Erased(key="2", emails=["taras@example.com"], phones=["380670000000"])],
        orders=[ShopOrder(number="100", status="Paid", total=Decimal("10.50"), items={"7": 2},
                          owner="1", email="olena@example.com", statuses=["New", "Paid"])],
        carts=[ShopCart(key="5", token="t5", owner="1", items={"7": 3})],
        rows=[Row(number=1, kind="contact", key="1", fate="delivered"),
              Row(number=2, kind="order", key="100", fate="delivered"),
              Row(number=3, kind="contact", key="1", fate="skipped")],
        imports=[ImportRun(number=1, kind="order", state="finished", total=3,
                           counts={"delivered": 2, "skipped": 1})],
        held=Held(
            contacts=[OLENA],
            orders={"100": {"body": BODY, "anonymised": False}},
            carts={"t5": {"products": [{"productId": "7", "quantity": 3, "price": 5}]}},
            events=[{**PAID, "type": "orderINITIALIZED"}, PAID],
        ),
        exchanges=[post_contact(1, "Va"), post_order(2, "New"), post_contact(3, "Vb"),
                   post_order(4)],
        emails={"1": ["olena@example.com"]},
    )  # fmt: skip


def broken(evidence: Evidence) -> dict[str, str]:
    """Promise → the first record that broke it."""
    return {
        promise: breaches[0].record
        for promise, breaches in judge.judged(evidence).items()
        if breaches
    }


def with_held(evidence: Evidence, **changes: Any) -> Evidence:
    return replace(evidence, held=replace(evidence.held, **changes))


def test_a_run_in_which_all_is_well_breaks_no_promise(good):
    assert broken(good) == {}


ORDERS = "every order is there as the shop has it"
CUSTOMERS = "every customer is there as the shop has them"
CARTS = "every cart is there as the shop has it"
UPLOADS = "no upload put an older state over a newer one"
HISTORY = "no older state came after a newer one"
EVENTS = "no event was started more often than the answers allow"
ERASED = "nobody erased is there"


@pytest.mark.parametrize(
    ("promise", "record", "plant"),
    [
        (ORDERS, "order 100", lambda e: with_held(e, orders={})),
        (ORDERS, "order 100",
         lambda e: with_held(e, orders={"100": {"body": {**BODY, "statusDescription": "New"}}})),
        (ORDERS, "order 100",
         lambda e: with_held(e, orders={"100": {"body": {**BODY, "totalCost": 10.51}}})),
        (ORDERS, "order 100",
         lambda e: with_held(e, orders={"100": {"body": {**BODY, "externalCustomerId": "9"}}})),
        (ORDERS, "order 100",
         lambda e: with_held(e, orders={"100": {"body": NOBODYS, "anonymised": True}})),
        (CUSTOMERS, "contact 1", lambda e: with_held(e, contacts=[])),
        (CUSTOMERS, "contact 1", lambda e: with_held(e, contacts=[{**OLENA, "firstName": "Va"}])),
        (CUSTOMERS, "contact 1", lambda e: with_held(e, contacts=[{**OLENA, "sms": None}])),
        (CUSTOMERS, "contact 1", lambda e: with_held(e, contacts=[{**OLENA, "deleted": True}])),
        (CARTS, "cart 5 of 1", lambda e: with_held(e, carts={})),
        (CARTS, "cart 5 of 1", lambda e: replace(e, carts=[replace(e.carts[0], items={})])),
        ("nobody was overwritten by somebody else", "contact 1",
         lambda e: replace(e, emails={"1": ["somebody@example.com"]})),
        (ERASED, "contact 2",
         lambda e: with_held(e, contacts=[OLENA, {"externalCustomerId": "2", "id": 8}])),
        (ERASED, "contact 2",
         lambda e: with_held(e, contacts=[OLENA, {"email": "Taras@example.com", "id": 8}])),
        (ERASED, "contact 2",
         lambda e: with_held(e, contacts=[OLENA, {"sms": "380670000000", "id": 8}])),
        (ERASED, "contact 2",
         lambda e: with_held(e, orders={**e.held.orders, "9": {"body": {"phone": PHONE}}})),
        ("nobody is there whom the shop never had", "contact 77",
         lambda e: with_held(e, contacts=[OLENA, {"externalCustomerId": "77", "email": "x@y"}])),
        (EVENTS, "order 100", lambda e: with_held(e, events=[*e.held.events, PAID])),
        ("nothing is left unsent", "cart 5",
         lambda e: replace(e, rows=[*e.rows, Row(number=9, kind="cart", key="5", fate="waiting")])),
        ("sent skipped and failed are all that was captured", "order 100, note 9",
         lambda e: replace(e, rows=[*e.rows, Row(number=9, kind="order", key="100",
                                                 fate="vanished")])),
        ("whatever was set aside was refused", "order 100",
         lambda e: replace(e, rows=[*e.rows, Row(number=9, kind="order", key="100", fate="dead",
                                                 reason="unreachable", detail="503")])),
        ("every import accounts for all of its records", "historical import 1 of orders",
         lambda e: replace(e, imports=[replace(e.imports[0], total=4)])),
        ("every import accounts for all of its records", "historical import 1 of orders",
         lambda e: replace(e, imports=[replace(e.imports[0], state="running")])),
        ("no request broke the contract", "a request", lambda e: with_held(e, violations=["?"])),
        ("the shop never broke", "visitor 1: buy at 5.00 s",
         lambda e: replace(e, complaints=[Complaint(at=5, until=6, what="visitor 1: buy",
                                                    error="500", is_server_error=True)])),
    ],
)  # fmt: skip
def test_a_planted_breach_is_caught_and_names_its_record(
    good: Evidence, promise: str, record: str, plant: Callable[[Evidence], Evidence]
):
    assert broken(plant(good)) == {promise: record}


@pytest.mark.parametrize(
    ("kind", "late"),
    [("contact 1", post_contact(5, "Va")), ("order 100", post_order(5, "New"))],
)
def test_an_older_state_behind_a_newer_one_is_a_breach(good, kind, late):
    found = broken(replace(good, exchanges=[*good.exchanges, late]))
    assert found[HISTORY] == kind


UPLOAD = replace(
    post_contact(2.5, "Va"), path="/api/v1/contacts", answer={"asyncSessionId": "s1"},
    body={"contacts": [post_contact(2.5, "Va").body]},
)  # fmt: skip
POLL = Exchange(arrived=2.8, answered=2.9, method="GET", path="/api/v1/importstatus/s1",
                status=200, answer={"status": "IMPORTING"})  # fmt: skip


def written(name: str, session: str = "") -> dict[str, str]:
    return {"externalCustomerId": "1", "firstName": name, "session": session}


def test_a_newer_state_that_goes_out_while_an_upload_is_open_is_a_breach(good):
    """Va is in the upload, Vb goes out at 3 seconds, and the upload is worked off after it."""
    order = [written("Vb"), written("Va", "s1"), written("Vb")]
    mended = with_held(replace(good, exchanges=[*good.exchanges, UPLOAD, POLL]), writes=order)
    assert broken(mended)[UPLOADS] == "contact 1"
    for excuse in (
        {"exchanges": [*good.exchanges, replace(UPLOAD, answered=None, answer=None), POLL]},
        {"exchanges": [*good.exchanges, UPLOAD, replace(POLL, answer={"status": "ERROR"})]},
        {"leaps": [Leap(at=2.7, seconds=3600)]},
        {"disturbances": [replace(STOP, start=2, end=3)]},
    ):
        assert UPLOADS not in broken(replace(mended, **excuse))
        not_mended = with_held(replace(mended, **excuse), writes=order[:2])
        assert broken(not_mended)[UPLOADS] == "contact 1"
    too_late = replace(mended, leaps=[Leap(at=9, seconds=3600), Leap(at=2.7, seconds=1200)])
    assert broken(too_late)[UPLOADS] == "contact 1"


def test_an_upload_that_is_worked_off_in_its_turn_is_none(good):
    order = [written("Va", "s1"), written("Vb")]
    assert broken(with_held(good, writes=order)) == {}


def test_what_a_stopped_sender_overwrote_must_have_been_sent_again(good):
    overwritten = [post_contact(1, "Vb"), post_contact(19, "Va")]
    stopped = replace(good, exchanges=overwritten, disturbances=[STOP])
    assert broken(stopped)[HISTORY] == "contact 1"
    mended = replace(stopped, exchanges=[*overwritten, post_contact(22, "Vb")])
    assert HISTORY not in broken(mended)
    undisturbed = replace(mended, disturbances=[])
    assert broken(undisturbed)[HISTORY] == "contact 1"


@pytest.mark.parametrize(
    "doubt",
    [
        {"answered": None, "status": None, "answer": None},
        {"status": 503, "answer": "busy"},
        {"answer": {"result": "maintenance"}},
        {"answer": "OK"},
        {"answer": None},
        {"answer": {"id": 0, "failedOrders": [{"externalOrderId": "100", "message": "no"}]}},
        {"answer": {"failedOrders": [{"order": {"externalOrderId": "100"}, "error": "no"}]}},
        {"answer": {"id": 0, "failedOrders": [{"message": "somebody is wrong"}]}},
    ],
)
def test_an_answer_in_doubt_allows_one_event_more_and_no_second_one(
    good: Evidence, doubt: Mapping[str, Any]
):
    twice = with_held(good, events=[*good.held.events, PAID])
    doubtful = replace(twice, exchanges=[*good.exchanges, post_order(5, **doubt)])
    assert EVENTS not in broken(doubtful)
    thrice = with_held(doubtful, events=[*twice.held.events, PAID])
    assert broken(thrice)[EVENTS] == "order 100"


@pytest.mark.parametrize(
    ("target", "is_excused"),
    [("worker-a", True), ("postgres", True), ("redis", True), ("web", False), ("beat", False)],
)
def test_an_event_may_come_again_when_its_sender_was_disturbed(good, target, is_excused):
    twice = with_held(good, events=[*good.held.events, PAID])
    during = replace(twice, exchanges=[*good.exchanges, post_order(12)],
                     disturbances=[replace(STOP, target=target)])  # fmt: skip
    assert (EVENTS not in broken(during)) is is_excused


def test_two_statuses_of_the_shop_may_share_an_event(good):
    shipped = replace(good, exchanges=[*good.exchanges, post_order(5, "Shipped")])
    assert broken(with_held(shipped, events=[*good.held.events, PAID])) == {}
    thrice = with_held(shipped, events=[*good.held.events, PAID, PAID])
    assert broken(thrice)[EVENTS] == "order 100"


def test_an_order_may_go_again_for_a_change_of_its_own(good):
    paid = {**BODY, "paymentMethod": "card"}
    again = replace(good, exchanges=[*good.exchanges, post_order(9, body={"orders": [paid]})])
    assert broken(with_held(again, events=[*good.held.events, PAID])) == {}


def test_an_order_that_goes_again_for_its_customers_sake_is_a_breach(good):
    moved = {**BODY, "email": "moved@example.com", "status": "DELIVERED"}
    again = replace(good, exchanges=[*good.exchanges, post_order(9, body={"orders": [moved]})])
    (breach,) = judge.judged(again)["no order was sent again without a change of its own"]
    assert (breach.record, breach.found) == ("order 100", "2 times")
    assert "differed in: email, status" in breach.history[-1]


def test_what_was_set_aside_after_a_refusal_excuses_what_is_missing(good):
    refusal = {"id": 0, "failedOrders": [{"externalOrderId": "100", "message": "no"}]}
    dead = Row(number=9, kind="order", key="100", fate="dead", reason="refused", detail="no")
    absent = with_held(good, orders={}, events=[])
    refused = replace(absent, rows=[*good.rows, dead], exchanges=[post_order(2, answer=refusal)])
    assert broken(refused) == {}
    speechless = replace(refused, rows=[*good.rows, replace(dead, reason="")])
    assert ORDERS in broken(speechless)


def test_a_deletion_that_was_refused_and_set_aside_excuses_who_is_still_there(good):
    refusal = Exchange(arrived=5, answered=6, method="DELETE", path="/api/v1/contact", status=400,
                       query={"externalCustomerId": "2"})  # fmt: skip
    there = with_held(good, contacts=[OLENA, {"externalCustomerId": "2", "id": 8}])
    dead = Row(number=9, kind="erasure", key="2", fate="dead", reason="refused")
    kept = replace(there, rows=[*good.rows, dead], exchanges=[*good.exchanges, refusal])
    assert broken(kept) == {}


def test_an_erased_persons_phone_may_live_on_with_their_family(good):
    family = replace(good, erased=[replace(good.erased[0], phones=["380501112233"])])
    assert broken(family) == {}
    guest = {"email": "guest@example.com", "sms": PHONE, "id": 9}
    assert broken(with_held(good, contacts=[OLENA, guest])) == {}


@pytest.mark.parametrize(
    "who", [{"email": "taras@example.com"}, {"email": "g@example.com", "phone": PHONE}]
)
def test_a_guest_with_an_erased_address_or_phone_is_kept_back(good, who):
    again = ShopOrder(number="101", status="New", total=Decimal(1), items={}, statuses=["New"])
    assert broken(replace(good, orders=[*good.orders, replace(again, **who)])) == {}
    stranger = replace(again, email="stranger@example.com")
    assert broken(replace(good, orders=[*good.orders, stranger])) == {ORDERS: "order 101"}


def test_a_page_that_fails_while_the_database_is_away_is_not_held_against_the_shop(good):
    failed = Complaint(at=12, until=15, what="visitor 1: buy", error="500", is_server_error=True)
    away = replace(STOP, target="postgres")
    assert broken(replace(good, complaints=[failed], disturbances=[away])) == {}
    assert broken(replace(good, complaints=[failed], disturbances=[STOP])) == {
        "the shop never broke": "visitor 1: buy at 12.00 s"
    }


# -- the books


def note(seq: int, op: str, number: int, *, tx: int) -> Entry:
    row = {"id": number, "kind": "order", "key": "100", "connection_id": 1}
    is_new = op == "INSERT"
    return Entry(seq=seq, tx=tx, table="outbox", op=op,
                 old=None if is_new else row, new=row if is_new else None)  # fmt: skip


OUTCOME = {"kind": "order", "key": "100"}


def attempt(seq: int, outcome: str, *, tx: int) -> Entry:
    return Entry(seq=seq, tx=tx, table="attempt", op="INSERT", old=None,
                 new={**OUTCOME, "outcome": outcome})  # fmt: skip


def test_a_note_has_the_fate_that_was_written_down_in_its_own_transaction():
    notes = [note(1, "INSERT", 1, tx=1), note(2, "DELETE", 1, tx=5)]
    assert fates_of(notes, [attempt(3, "delivered", tx=5)], {}) == {1: "delivered"}
    assert fates_of(notes, [attempt(3, "skipped", tx=5)], {}) == {1: "skipped"}
    assert fates_of(notes, [attempt(3, "delivered", tx=6)], {}) == {1: "vanished"}
    assert fates_of(notes, [], {}) == {1: "vanished"}


def test_notes_of_one_record_fold_into_the_one_that_waits():
    notes = [note(1, "INSERT", 1, tx=1), note(2, "INSERT", 2, tx=2), note(3, "DELETE", 2, tx=5)]
    deferred = [attempt(4, "deferred", tx=5)]
    assert fates_of(notes, deferred, {1: True}) == {1: "dead", 2: "dead"}
    assert fates_of(notes, deferred, {1: False}) == {1: "waiting", 2: "waiting"}
    later = [*notes, note(6, "DELETE", 1, tx=7)]
    settled = [*deferred, attempt(7, "delivered", tx=7)]
    assert fates_of(later, settled, {}) == {1: "delivered", 2: "delivered"}


def test_a_note_that_an_import_took_along_is_settled_when_its_record_leaves_the_page():
    notes = [note(1, "INSERT", 1, tx=1), note(2, "DELETE", 1, tx=5)]
    run = {"kind": "order", "page": ["100", "101"]}
    page = Entry(seq=3, tx=5, table="backfill", op="UPDATE", old=run, new={**run, "page": ["101"]})
    assert fates_of(notes, taken_along([page]), {}) == {1: "imported"}
    assert fates_of(notes, taken_along([replace(page, tx=6)]), {}) == {1: "vanished"}
    assert fates_of(notes, taken_along([replace(page, new=run)]), {}) == {1: "vanished"}


def test_a_note_whose_record_arrived_by_an_import_is_settled_with_it():
    notes = [note(1, "INSERT", 1, tx=1), note(2, "DELETE", 1, tx=5)]
    waiting = {**OUTCOME, "session": "s1", "delivered_at": None}
    over = {**OUTCOME, "session": "", "delivered_at": "now"}
    state = Entry(seq=3, tx=5, table="state", op="UPDATE", old=waiting, new=over)
    assert fates_of(notes, arrived([state]), {}) == {1: "imported"}
    lost = replace(state, new={**over, "delivered_at": None})
    assert fates_of(notes, arrived([lost]), {}) == {1: "vanished"}


def test_a_note_that_folds_into_nothing_has_vanished():
    notes = [note(1, "INSERT", 1, tx=1), note(2, "DELETE", 1, tx=5), note(3, "INSERT", 2, tx=9)]
    assert fates_of(notes, [attempt(2, "deferred", tx=5)], {2: False}) == {
        1: "vanished", 2: "waiting"
    }  # fmt: skip
