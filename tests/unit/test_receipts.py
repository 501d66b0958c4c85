"""What became of each record, read from answers of every shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.esputnik import receipts
from esputnik_connector.destinations.esputnik.answers import proof
from esputnik_connector.destinations.esputnik.contacts import imports
from esputnik_connector.destinations.esputnik.contacts.payload import contact_envelope
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.identity import fingerprint
from esputnik_connector.records import Outcome, Reason
from tests.unit.samples import ACCOUNT, CONTACT, ORDER

DELIVERED, ACCEPTED, REJECTED, DEFERRED = (
    Outcome.DELIVERED,
    Outcome.ACCEPTED,
    Outcome.REJECTED,
    Outcome.DEFERRED,
)


def contacts(*keys: str) -> list[Envelope]:
    return [
        contact_envelope(
            replace(CONTACT, key=key, email=f"C{key}@example.com", phone=f"+38050{key:0>7}"),
            account=ACCOUNT,
            last=None,
        )
        for key in keys
    ]


def orders(*keys: str) -> list[Envelope]:
    return [order_envelope(replace(ORDER, key=key), account=ACCOUNT, last=None) for key in keys]


def answer(body=None, **changes) -> Answer:
    return Answer(status=200, body=body, **changes)


def of_orders(envelopes: list[Envelope], said: Answer):
    return receipts.from_call(envelopes, said, proof.ORDERS)


def of_upload(envelopes: list[Envelope], said: Answer):
    return receipts.from_call(envelopes, said, proof.UPLOAD)


def outcomes(found) -> list[Outcome]:
    return [receipt.outcome for receipt in found]


@pytest.mark.parametrize("body", [None, {}, [], {"failedOrders": None}, {"failedOrders": []}])
def test_orders_without_refusals_are_delivered(body):
    assert outcomes(of_orders(orders("1", "2"), answer(body))) == [DELIVERED] * 2


def test_a_single_contact_keeps_its_remote_id():
    (receipt,) = receipts.from_call(contacts("1"), answer({"id": 987}), proof.CONTACT)
    assert (receipt.outcome, receipt.remote_id, receipt.key) == (DELIVERED, "987", "1")


def test_an_import_is_accepted_with_its_session():
    body = {"id": 0, "asyncSessionId": "s-1", "failedContacts": []}
    found = of_upload(contacts("1", "2"), answer(body))
    assert outcomes(found) == [ACCEPTED, ACCEPTED]
    assert {receipt.session for receipt in found} == {"s-1"}
    assert {receipt.remote_id for receipt in found} == {""}


def test_a_session_is_nothing_to_ask_about_for_orders():
    found = of_orders(orders("1", "2"), answer({"asyncSessionId": "s-1"}))
    assert outcomes(found) == [DELIVERED, DELIVERED]


@pytest.mark.parametrize(
    "failed",
    [
        [{"order": {"externalOrderId": "100002"}, "error": "totalCost"}],
        {"order": {"externalOrderId": "100002"}, "error": "totalCost"},
        [{"externalOrderId": "100002", "message": "totalCost"}],
    ],
)
def test_a_refused_order_is_found_by_its_number(failed):
    found = of_orders(orders("100001", "100002"), answer({"failedOrders": failed}))
    assert outcomes(found) == [DELIVERED, REJECTED]
    assert "totalCost" in found[1].detail


def test_the_words_of_a_refusal_hold_no_personal_data():
    sent = [{"type": "email", "value": "c2@example.com"}, {"type": "sms", "value": "380500000002"}]
    failed = [{"channels": sent, "error": "no: C2@example.com"}]
    found = of_upload(contacts("1", "2"), answer({"asyncSessionId": "s", "failedContacts": failed}))
    assert outcomes(found) == [ACCEPTED, REJECTED]
    assert "example.com" not in found[1].detail


def test_a_bare_list_of_failures_counts():
    body = [{"externalOrderId": "2", "message": "no"}]
    assert outcomes(of_orders(orders("1", "2"), answer(body))) == [DELIVERED, REJECTED]


@pytest.mark.parametrize(
    "body",
    [
        {"failedOrders": [{"message": "something is wrong"}]},
        {"failedOrders": ["5 errors"]},
        {"failedOrders": [{"index": 0, "message": "which counting?"}]},
        {"failedOrders": [{"email": "olena@example.com"}]},  # both orders have it
        {"failedOrders": 3},
        {"errorMessage": "something is wrong"},
    ],
)
def test_orders_whose_refusal_fits_none_or_several_go_once_more_and_alone(body):
    found = of_orders(orders("5", "6"), answer(body))
    assert outcomes(found) == [DEFERRED, DEFERRED]
    assert all(receipt.goes_alone and receipt.is_counted for receipt in found)
    assert {receipt.reason for receipt in found} == {Reason.REFUSED_AMONG}
    assert all(receipt.detail for receipt in found)


def test_an_order_that_is_named_is_refused_beside_one_that_is_not():
    body = {"failedOrders": [{"externalOrderId": "100005", "error": "no"}, {"error": "why"}]}
    found = of_orders(orders("100005", "100006", "100007"), answer(body))
    assert outcomes(found) == [REJECTED, DEFERRED, DEFERRED]


@pytest.mark.parametrize("body", [{"failedContacts": ["5 errors"]}, {"errorMessage": "wrong"}])
def test_contacts_whose_refusal_fits_none_are_halved_since_they_start_nothing(body):
    with pytest.raises(RejectedError, match="Some records were refused"):
        of_upload(contacts("5", "6"), answer(body))


@pytest.mark.parametrize(
    "body", [{"failedOrders": [{"message": "no"}]}, {"failedOrders": "no"}, {"errorMessage": "no"}]
)
def test_any_refusal_of_a_call_with_one_record_is_that_records(body):
    (receipt,) = of_orders(orders("5"), answer(body))
    assert (receipt.outcome, receipt.detail) == (REJECTED, "no")


def test_an_unreadable_success_is_never_delivered():
    with pytest.raises(TemporaryError) as caught:
        of_orders(orders("1"), answer(was_readable=False))
    assert caught.value.was_received


def test_a_repeated_order_was_accepted_already():
    found = of_orders(orders("1", "2"), answer(is_duplicate=True))
    assert outcomes(found) == [DELIVERED, DELIVERED]
    assert {receipt.reason for receipt in found} == {Reason.ALREADY_ACCEPTED}


def test_a_repeated_upload_is_asked_for_again_when_it_is_no_repetition_any_more():
    found = of_upload(contacts("1", "2"), answer(is_duplicate=True))
    assert outcomes(found) == [DEFERRED, DEFERRED]
    assert {(receipt.reason, receipt.retry_after) for receipt in found} == {
        (Reason.ALREADY_ACCEPTED, 60.0)
    }


# Uploads


def resolved(body, *keys: str):
    return imports.from_import("s", keys, answer(body), locators={}, salt="salt")


def test_a_finished_import_delivers_with_remote_ids():
    body = {"status": "FINISHED", "mapping": [{"dedupeValue": "1", "contactId": 11}]}
    (receipt,) = resolved(body, "1")
    assert (receipt.outcome, receipt.remote_id) == (DELIVERED, "11")


def test_a_contact_that_a_finished_import_does_not_name_goes_again():
    """Delivered is written only from a positive answer for that record."""
    body = {"status": "FINISHED", "mapping": [{"dedupeValue": "1", "contactId": 11}]}
    _, receipt = resolved(body, "1", "2")
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.UPLOAD_FAILED)
    assert receipt.is_counted


@pytest.mark.parametrize("status", ["STARTED", "IMPORTING", "NEW", "", None])
def test_an_unfinished_import_is_still_importing(status):
    (receipt,) = resolved({"status": status}, "1")
    assert (receipt.outcome, receipt.reason, receipt.session) == (DEFERRED, Reason.UPLOADING, "s")


def test_an_import_that_failed_as_a_whole_is_sent_again():
    (receipt,) = resolved({"status": "ERROR", "description": "Broken"}, "1")
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.UPLOAD_FAILED)
    assert receipt.detail == "Broken"


def test_the_description_of_an_upload_is_told_with_whoever_is_missing():
    body = {
        "status": "FINISHED",
        "description": "Wrong phone: 2",
        "mapping": [{"dedupeValue": "1", "contactId": 11}],
    }
    found = resolved(body, "1", "2")
    assert outcomes(found) == [DELIVERED, DEFERRED]
    assert "Wrong phone" in found[1].detail


# Guests, who have no id at eSputnik: an import names them by e-mail or phone


def of_guests(body):
    """By hashes alone: an e-mail, a phone, and a customer with the guest's e-mail."""
    mail = fingerprint("Ann@Example.com", salt="salt")
    phone = fingerprint("+380501234567", salt="salt")
    locators = {"guest:1": {"email": mail}, "guest:2": {"phone": phone}, "7": {"email": "other"}}
    return imports.from_import("s", list(locators), answer(body), locators=locators, salt="salt")


def test_a_guest_is_delivered_under_the_locator_that_an_import_names():
    mapping = [
        {"dedupeValue": "ann@example.com", "contactId": 5},
        {"dedupeValue": "380501234567", "contactId": 6},
        {"dedupeValue": "7", "contactId": 7},
    ]
    found = of_guests({"status": "FINISHED", "mapping": mapping})
    assert outcomes(found) == [DELIVERED, DELIVERED, DELIVERED]
    assert [receipt.remote_id for receipt in found] == ["5", "6", "7"]


def test_a_guest_whom_an_import_does_not_name_goes_again():
    found = of_guests({"status": "FINISHED", "mapping": [{"dedupeValue": "7", "contactId": 7}]})
    assert outcomes(found) == [DEFERRED, DEFERRED, DELIVERED]


# The account


def test_the_account_is_named():
    info = receipts.account_info(answer({"organisationName": "Shop", "orgId": 7, "userEmail": "u"}))
    assert (info.organisation, info.organisation_id, info.user) == ("Shop", "7", "u")


@pytest.mark.parametrize("body", [None, {}, [], {"organisationName": ""}])
def test_an_answer_without_an_organisation_is_not_esputniks(body):
    with pytest.raises(RejectedError, match="really eSputnik"):
        receipts.account_info(answer(body))
