"""What became of each record, read from answers of every shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.esputnik import receipts
from esputnik_connector.destinations.esputnik.contact_payload import contact_envelope
from esputnik_connector.destinations.esputnik.order_payload import order_envelope
from esputnik_connector.destinations.esputnik.refusals import Named, named_by_hash
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


def outcomes(found) -> list[Outcome]:
    return [receipt.outcome for receipt in found]


@pytest.mark.parametrize("body", [None, {}, [], {"failedOrders": None}, {"failedOrders": []}])
def test_orders_without_refusals_are_delivered(body):
    assert outcomes(receipts.from_call(orders("1", "2"), answer(body))) == [DELIVERED] * 2


def test_a_single_contact_keeps_its_remote_id():
    (receipt,) = receipts.from_call(contacts("1"), answer({"id": 987}))
    assert (receipt.outcome, receipt.remote_id, receipt.key) == (DELIVERED, "987", "1")


def test_an_import_is_accepted_with_its_session():
    body = {"id": 0, "asyncSessionId": "s-1", "failedContacts": []}
    found = receipts.from_call(contacts("1", "2"), answer(body), is_import=True)
    assert outcomes(found) == [ACCEPTED, ACCEPTED]
    assert {receipt.session for receipt in found} == {"s-1"}
    assert {receipt.remote_id for receipt in found} == {""}


def test_a_session_is_nothing_to_ask_about_for_orders():
    found = receipts.from_call(orders("1", "2"), answer({"asyncSessionId": "s-1"}))
    assert outcomes(found) == [DELIVERED, DELIVERED]


@pytest.mark.parametrize(
    "failed",
    [
        [{"externalCustomerId": "2", "message": "no"}],
        {"externalCustomerId": 2, "message": "no"},
        [{"contact": {"externalCustomerId": "2"}, "message": "no"}],
        [{"dedupeValue": "2", "error": "no"}],
        [{"email": "c2@EXAMPLE.com", "message": "no"}],
        [{"channels": [{"type": "sms", "value": "380500000002"}], "message": "no"}],
        [{"phone": "+380500000002", "message": "no"}],
        {"2": "no"},
        ["2"],
        ["no: C2@example.com"],
    ],
)
def test_a_refused_contact_is_found_by_whatever_names_it(failed):
    body = {"asyncSessionId": "s", "failedContacts": failed}
    found = receipts.from_call(contacts("1", "2", "3"), answer(body), is_import=True)
    assert outcomes(found) == [ACCEPTED, REJECTED, ACCEPTED]
    assert found[1].reason is Reason.REFUSED
    assert found[1].detail
    assert "example.com" not in found[1].detail


@pytest.mark.parametrize(
    "failed",
    [
        [{"externalOrderId": "100002", "message": "totalCost"}],
        [{"order": {"externalOrderId": "100002"}, "message": "totalCost"}],
        ["Order 100002: totalCost is missing"],
        {"100002": "totalCost"},
    ],
)
def test_a_refused_order_is_found_by_whatever_names_it(failed):
    found = receipts.from_call(orders("100001", "100002"), answer({"failedOrders": failed}))
    assert outcomes(found) == [DELIVERED, REJECTED]
    assert "totalCost" in found[1].detail


def test_a_bare_list_of_failures_counts():
    body = [{"externalOrderId": "2", "message": "no"}]
    assert outcomes(receipts.from_call(orders("1", "2"), answer(body))) == [DELIVERED, REJECTED]


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
    found = receipts.from_call(orders("5", "6"), answer(body))
    assert outcomes(found) == [DEFERRED, DEFERRED]
    assert all(receipt.goes_alone and receipt.is_counted for receipt in found)
    assert {receipt.reason for receipt in found} == {Reason.REFUSED_AMONG}
    assert all(receipt.detail for receipt in found)


def test_an_order_that_is_named_is_refused_beside_one_that_is_not():
    body = {"failedOrders": [{"externalOrderId": "100005", "error": "no"}, {"error": "why"}]}
    found = receipts.from_call(orders("100005", "100006", "100007"), answer(body))
    assert outcomes(found) == [REJECTED, DEFERRED, DEFERRED]


@pytest.mark.parametrize("body", [{"failedContacts": ["5 errors"]}, {"errorMessage": "wrong"}])
def test_contacts_whose_refusal_fits_none_are_halved_since_they_start_nothing(body):
    with pytest.raises(RejectedError, match="Some records were refused"):
        receipts.from_call(contacts("5", "6"), answer(body), is_import=True)


@pytest.mark.parametrize(
    "body", [{"failedOrders": [{"message": "no"}]}, {"failedOrders": "no"}, {"errorMessage": "no"}]
)
def test_any_refusal_of_a_call_with_one_record_is_that_records(body):
    (receipt,) = receipts.from_call(orders("5"), answer(body))
    assert (receipt.outcome, receipt.detail) == (REJECTED, "no")


def test_an_unreadable_success_is_never_delivered():
    with pytest.raises(TemporaryError) as caught:
        receipts.from_call(orders("1"), answer(was_readable=False))
    assert caught.value.was_received


def test_a_repeated_order_was_accepted_already():
    found = receipts.from_call(orders("1", "2"), answer(is_duplicate=True))
    assert outcomes(found) == [DELIVERED, DELIVERED]
    assert {receipt.reason for receipt in found} == {Reason.ALREADY_ACCEPTED}


def test_a_repeated_import_is_asked_for_again_when_it_is_no_repetition_any_more():
    found = receipts.from_call(contacts("1", "2"), answer(is_duplicate=True), is_import=True)
    assert outcomes(found) == [DEFERRED, DEFERRED]
    assert {(receipt.reason, receipt.retry_after) for receipt in found} == {
        (Reason.ALREADY_ACCEPTED, 60.0)
    }


# Imports


def resolved(body, *keys: str):
    return receipts.from_import("s", [Named(key=key) for key in keys], answer(body))


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


def test_a_finished_import_without_a_mapping_delivered_everybody():
    assert outcomes(resolved({"status": "FINISHED"}, "1", "2")) == [DELIVERED, DELIVERED]


@pytest.mark.parametrize("status", ["STARTED", "IMPORTING", "NEW", "", None])
def test_an_unfinished_import_is_still_importing(status):
    (receipt,) = resolved({"status": status}, "1")
    assert (receipt.outcome, receipt.reason, receipt.session) == (DEFERRED, Reason.UPLOADING, "s")


def test_an_import_that_failed_as_a_whole_is_sent_again():
    (receipt,) = resolved({"status": "ERROR", "description": "Broken"}, "1")
    assert (receipt.outcome, receipt.reason) == (DEFERRED, Reason.UPLOAD_FAILED)
    assert receipt.detail == "Broken"


@pytest.mark.parametrize("name", ["failedContacts", "errors"])
def test_a_finished_import_may_refuse_somebody(name):
    body = {"status": "FINISHED", name: [{"externalCustomerId": "2", "message": "no"}]}
    assert outcomes(resolved(body, "1", "2")) == [DELIVERED, REJECTED]


def test_a_nameless_refusal_spares_only_the_contacts_in_the_mapping():
    body = {
        "status": "FINISHED",
        "mapping": [{"dedupeValue": "1", "contactId": 11}],
        "errors": [{"message": "one failed"}],
    }
    found = resolved(body, "1", "2")
    assert outcomes(found) == [DELIVERED, DEFERRED]
    assert found[1].reason is Reason.UPLOAD_FAILED


def test_a_description_may_name_whom_an_import_refused():
    body = {
        "status": "FINISHED",
        "description": "Wrong phone: 2",
        "mapping": [{"dedupeValue": "1", "contactId": 11}],
    }
    found = resolved(body, "1", "2", "3")
    assert outcomes(found) == [DELIVERED, REJECTED, DEFERRED]


def test_a_remark_about_a_finished_import_holds_nobody_back():
    body = {"status": "FINISHED", "description": "Done"}
    assert outcomes(resolved(body, "1")) == [DELIVERED]


def test_a_refusal_in_an_import_is_not_pinned_on_the_only_contact_asked_about():
    body = {"status": "FINISHED", "errors": [{"message": "one failed"}]}
    assert outcomes(resolved(body, "1")) == [DEFERRED]


# Guests, who have no id at eSputnik: an import names them by e-mail or phone


def of_guests(body):
    """By hashes alone: an e-mail, a phone, and a customer with the guest's e-mail."""
    mail = fingerprint("Ann@Example.com", salt="salt")
    phone = fingerprint("+380501234567", salt="salt")
    locators = {"guest:1": {"email": mail}, "guest:2": {"phone": phone}, "7": {"email": "other"}}
    records = named_by_hash(body, list(locators), locators, salt="salt")
    return receipts.from_import("s", records, answer(body))


def test_a_guest_is_delivered_under_the_locator_that_an_import_names():
    mapping = [
        {"dedupeValue": "ann@example.com", "contactId": 5},
        {"dedupeValue": "380501234567", "contactId": 6},
        {"dedupeValue": "7", "contactId": 7},
    ]
    found = of_guests({"status": "FINISHED", "mapping": mapping})
    assert outcomes(found) == [DELIVERED, DELIVERED, DELIVERED]
    assert [receipt.remote_id for receipt in found] == ["5", "6", "7"]


@pytest.mark.parametrize(
    "report",
    [
        {"failedContacts": [{"dedupeValue": "ANN@example.com", "message": "bad name"}]},
        {"failedContacts": {"email": "Ann@Example.com", "message": "bad name"}},
        {"failedContacts": ["bad name: ann@example.com."]},
        {"description": "bad name: Ann@Example.com"},
    ],
)
def test_a_guest_is_refused_under_the_locator_that_an_import_names(report):
    mapping = [{"dedupeValue": "+380501234567", "contactId": 6}, {"dedupeValue": "7"}]
    found = of_guests({"status": "FINISHED", "mapping": mapping, **report})
    assert outcomes(found) == [REJECTED, DELIVERED, DELIVERED]
    assert "bad name" in found[0].detail


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
