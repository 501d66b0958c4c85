"""By what an import finds a person again, and what it does not write then."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, batch, contact, imported

MAIL, PHONE = "ann@shop.example", "380501112233"


def held(fake: FakeEsputnik, key: str = "7") -> dict[str, Any]:
    return fake.contact(key) or {}


@pytest.mark.parametrize(("again", "people"), [(False, 2), (True, 1)])
def test_by_external_id_there_is_no_second_search(
    fake: FakeEsputnik, call: Caller, again: bool, people: int
) -> None:
    """A newsletter subscriber who becomes a customer gets a second card."""
    fake.configure(import_searches_again=again)
    call("POST", "/v1/contact", contact(email=MAIL))
    imported(call, batch(contact("7", email=MAIL, firstName="Ann")))

    assert len(fake.all_contacts) == people


def test_by_email_an_unknown_id_reaches_the_known_person(fake: FakeEsputnik, call: Caller) -> None:
    number = call("POST", "/v1/contact", contact(email=MAIL)).json()["id"]
    status = imported(call, batch(contact("7", email=MAIL), dedupeOn="email"))

    assert held(fake)["id"] == number
    assert status["mapping"] == [{"dedupeValue": MAIL, "contactId": number}]


@pytest.mark.parametrize(
    ("fields", "is_written"), [(["firstName", "externalCustomerId"], True), (["firstName"], False)]
)
def test_the_id_is_written_only_when_it_is_listed(
    fake: FakeEsputnik, call: Caller, fields: list[str], is_written: bool
) -> None:
    call("POST", "/v1/contact", contact(email=MAIL))
    body = batch(contact("7", email=MAIL, firstName="Ann"), dedupeOn="email", contactFields=fields)
    imported(call, body)

    (one,) = fake.all_contacts
    assert one["firstName"] == "Ann"
    assert one["externalCustomerId"] == ("7" if is_written else None)


def test_a_known_id_is_found_before_everything_else(fake: FakeEsputnik, call: Caller) -> None:
    """And the field in dedupeOn is not updated: the new address does not arrive this way."""
    call("POST", "/v1/contact", contact("7", email=MAIL))
    update = contact("7", email="new@shop.example", firstName="Ann")
    imported(call, batch(update, dedupeOn="email"))
    assert (held(fake)["email"], held(fake)["firstName"]) == (MAIL, "Ann")

    imported(call, batch(update))
    assert held(fake)["email"] == "new@shop.example"


def test_the_phone_is_not_updated_by_the_phone(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email=MAIL, sms=PHONE))
    imported(call, batch(contact("7", email=MAIL, sms="380509998877"), dedupeOn="sms"))
    assert held(fake)["sms"] == PHONE

    imported(
        call, batch(contact("7", email="x@y.example", sms="380509998877"), dedupeOn="email_or_sms")
    )
    assert (held(fake)["sms"], held(fake)["email"]) == (PHONE, MAIL)


def test_of_several_with_one_email_the_latest_without_an_id_wins(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/contact", contact("1", email=MAIL))
    free = call("POST", "/v1/contact", contact("2", sms=PHONE)).json()["id"]
    call("PUT", f"/v1/contact/{free}", contact("2", email=MAIL))
    for name in ("a", "b"):
        number = call("POST", "/v1/contact", contact(sms=f"38050{ord(name)}")).json()["id"]
        call("PUT", f"/v1/contact/{number}", contact(email=MAIL))
    imported(call, batch(contact("7", email=MAIL), dedupeOn="email"))

    assert held(fake)["id"] == number


def test_an_email_that_others_hold_with_other_ids_makes_a_new_person(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/contact", contact("1", email=MAIL))
    imported(call, batch(contact("7", email=MAIL), dedupeOn="email"))

    assert set(fake.contacts) == {"1", "7"}


def test_by_email_a_phone_finds_nobody(fake: FakeEsputnik, call: Caller) -> None:
    """A guest who shares the phone of a customer does not become them."""
    call("POST", "/v1/contact", contact("7", email=MAIL, sms=PHONE))
    imported(call, batch(contact(email="guest@shop.example", sms=PHONE), dedupeOn="email"))

    assert len(fake.all_contacts) == 2


def test_by_internal_id_and_by_an_additional_field(fake: FakeEsputnik, call: Caller) -> None:
    field = {"id": 10003, "value": "card 5"}
    body = contact("7", email=MAIL, fields=[field])
    number = call("POST", "/v1/contact", body).json()["id"]

    by_id = contact(email="x@y.example", id=number, firstName="Ann")
    assert imported(call, batch(by_id, dedupeOn="id", contactFields=["firstName"]))["mapping"]
    by_field = contact(email="x@y.example", fields=[field], lastName="Lee")
    options = {"dedupeOn": "fieldId", "fieldId": 10003, "contactFields": ["lastName"]}
    assert imported(call, batch(by_field, **options))["mapping"][0]["dedupeValue"] == "card 5"

    assert [(one["firstName"], one["lastName"]) for one in fake.all_contacts] == [("Ann", "Lee")]


def test_by_push_token(fake: FakeEsputnik, call: Caller) -> None:
    push = {"type": "mobilepush", "value": "Token"}
    call("POST", "/v1/contact", {"externalCustomerId": "7", "channels": [push]})
    body = {"channels": [push], "firstName": "Ann"}
    imported(call, batch(body, dedupeOn="push", contactFields=["firstName"]))

    assert held(fake)["firstName"] == "Ann"


def test_a_contact_needs_something_to_be_found_by(fake: FakeEsputnik, call: Caller) -> None:
    for body in (
        batch(contact(sms=PHONE), dedupeOn="email"),
        batch(contact(email=MAIL)),
        batch(contact(email=MAIL), dedupeOn="fieldId", fieldId=10003),
    ):
        assert (
            "no value to match by"
            in call("POST", "/v1/contacts", body).json()["failedContacts"]["error"]
        )
    assert len(fake.take_violations()) == 3
    assert (
        call(
            "POST", "/v1/contacts", batch(contact("7", email=MAIL), dedupeOn="fieldId")
        ).status_code
        == 400
    )
    assert "fieldId" in fake.take_violations()[0].message


def test_without_a_list_whatever_is_not_given_is_emptied(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email=MAIL, sms=PHONE, languageCode="uk"))
    imported(call, batch(contact("7", email=MAIL)))

    assert (held(fake)["sms"], held(fake)["languageCode"]) == (None, None)
