"""One contact at a time: found, merged, changed, deleted, erased."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, contact, only_message, order


def test_a_contact_is_merged_by_external_id_then_email_then_phone(
    fake: FakeEsputnik, call: Caller
) -> None:
    first = call("POST", "/v1/contact", contact(email="Ann@shop.example", sms="380501112233"))
    by_email = call("POST", "/v1/contact", contact("7", email="ann@shop.example"))
    by_phone = call("POST", "/v1/contact", contact(sms="380501112233"))
    by_id = call("POST", "/v1/contact", contact("7", email="new@shop.example"))

    assert {answer.json()["id"] for answer in (first, by_email, by_phone, by_id)} == {1001}
    assert (fake.contact("7") or {})["email"] == "new@shop.example"


def test_an_external_id_is_never_taken_over(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email="ann@shop.example"))
    call("POST", "/v1/contact", contact("8", email="ann@shop.example"))

    assert set(fake.contacts) == {"7", "8"}


def test_a_contact_without_an_external_id_receives_it_before_others_do(
    fake: FakeEsputnik, call: Caller
) -> None:
    free = call("POST", "/v1/contact", contact(email="ann@shop.example")).json()["id"]
    call("POST", "/v1/contact", contact("7", sms="380501112233"))
    call("PUT", "/v1/contact/1002", contact(email="ann@shop.example"))  # the newer holder

    assert call("POST", "/v1/contact", contact("8", email="ann@shop.example")).json()["id"] == free


def test_what_one_contact_call_leaves_out_stays(fake: FakeEsputnik, call: Caller) -> None:
    field = {"id": 10001, "value": "1990-01-01"}
    full = contact("7", email="a@b.example", sms="380501112233", firstName="Ann", fields=[field])
    call("POST", "/v1/contact", full)
    call("POST", "/v1/contact", contact("7", email="c@d.example", lastName="Lee"))

    held = fake.contact("7") or {}
    assert (held["firstName"], held["lastName"]) == ("Ann", "Lee")
    assert (held["email"], held["sms"]) == ("c@d.example", "380501112233")
    assert held["fields"] == [field]


def test_a_replaced_email_no_longer_finds_the_contact(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email="old@b.example"))
    call("POST", "/v1/contact", contact("7", email="new@b.example"))

    found = call("GET", "/v1/contacts", params={"email": "old@b.example"})
    assert (found.json(), found.headers["TotalCount"]) == ([], "0")
    call("POST", "/v1/contact", contact(email="old@b.example"))
    assert len(fake.all_contacts) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"externalCustomerId": "7"}, "channels"),
        ({"contacts": [contact("7", email="a@b.example")]}, "channels"),
        (contact("7", email="a@b.example", firstname="Ann"), "firstname"),
        (contact("7", email="a@b.example", firstName=" "), "firstName: blank"),
        (contact("7", email="a@b.example", address={"town": ""}), "address.town: blank"),
        (contact("7", sms="+380501112233"), "channels"),
        (contact("7", email="nobody"), "channels"),
        (contact("7", email="a@b.example\n"), "channels"),
        (
            {"channels": [{"type": "email", "value": f"{n}@b.example"} for n in range(3)]},
            "channels",
        ),
        ({**contact("7", email="a@b.example"), "externalCustomerId": 7}, "externalCustomerId"),
    ],
)
def test_a_contact_off_the_contract_is_a_400_and_remembered(
    fake: FakeEsputnik, call: Caller, body: dict[str, Any], said: str
) -> None:
    answer = call("POST", "/v1/contact", body)

    assert answer.status_code == 400
    assert said in answer.text
    assert said in only_message(fake)
    assert fake.all_contacts == []


def test_a_contact_can_be_read_and_changed_by_its_internal_id(
    fake: FakeEsputnik, call: Caller
) -> None:
    number = call("POST", "/v1/contact", contact("7", email="a@b.example")).json()["id"]

    changed = call("PUT", f"/v1/contact/{number}", contact("70", email="a@b.example"))
    shown = call("GET", f"/v1/contact/{number}").json()

    assert changed.text == f"Contact with id='{number}' has been updated"
    assert shown["externalCustomerId"] == "70"
    assert "deleted" not in shown
    assert fake.contact("7") is None
    assert call("PUT", "/v1/contact/999", contact("9", email="a@b.example")).status_code == 404


def test_search_pages_and_counts(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(search_answers="full")
    for number in range(5):
        call("POST", "/v1/contact", contact(str(number), email=f"{number}@b.example"))

    page = call("GET", "/v1/contacts", params={"startindex": 2, "maxrows": 2})
    one = call("GET", "/v1/contacts", params={"externalCustomerId": "3"})

    assert [found["externalCustomerId"] for found in page.json()] == ["1", "2"]
    assert page.headers["TotalCount"] == "5"
    assert [found["externalCustomerId"] for found in one.json()] == ["3"]


def test_a_deleted_contact_stays_listed_and_an_update_restores_it(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(duplicate_seconds=0)
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    gone = call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "false"})
    assert gone.status_code == 200
    assert (fake.contact("7") or {})["deleted"] is True

    call("POST", "/v1/contact", contact("7", email="a@b.example"))

    held = fake.contact("7") or {}
    assert (held["deleted"], held["restored"]) == (False, True)
    assert fake.recreated_after_erase == []


def test_an_erased_contact_leaves_anonymous_orders_behind(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/orders", {"orders": [order(firstName="Ann")]})
    call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "true"})

    assert fake.all_contacts == []
    held = fake.orders["100"]
    assert held["anonymised"] is True
    assert held["body"]["totalCost"] == 20.5
    assert not {"email", "firstName", "externalCustomerId"} & set(held["body"])


def test_an_order_that_brings_an_erased_person_back_is_noticed(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/contact", contact("7", email="Ann@shop.example"))
    call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "true"})
    call("POST", "/v1/orders", {"orders": [order(externalCustomerId="8")]})

    (note,) = fake.recreated_after_erase
    assert note["by"] == "/api/v1/orders"
    assert note["erased"] == [["email", "ann@shop.example"]]


def test_an_unknown_contact_cannot_be_deleted(fake: FakeEsputnik, call: Caller) -> None:
    gone = call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "true"})

    assert gone.status_code == 404
    assert "not found" in gone.json()["message"]
    assert fake.violations == []


@pytest.mark.parametrize("erase", ["1", "True", "", None])
def test_erase_is_the_word_true_or_false(
    fake: FakeEsputnik, call: Caller, erase: str | None
) -> None:
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    query = {"externalCustomerId": "7", "erase": erase}

    assert call("DELETE", "/v1/contact", params=query).status_code == 400
    assert "erase" in only_message(fake)
    assert (fake.contact("7") or {})["deleted"] is False


def test_an_id_with_odd_characters_arrives_whole(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("a b&c/ї", email="a@b.example"))
    gone = call("DELETE", "/v1/contact", params={"externalCustomerId": "a b&c/ї", "erase": "false"})

    assert gone.status_code == 200


@pytest.mark.parametrize("erase", ["true", "false", None])
def test_a_guest_is_deleted_by_the_internal_id(
    fake: FakeEsputnik, call: Caller, erase: str | None
) -> None:
    number = call("POST", "/v1/contact", contact(email="guest@shop.example")).json()["id"]
    gone = call("DELETE", f"/v1/contact/{number}", params={"erase": erase})

    assert gone.status_code == 200
    assert [one["deleted"] for one in fake.all_contacts] == ([] if erase == "true" else [True])
    expected = 404 if erase == "true" else 200
    assert call("DELETE", f"/v1/contact/{number}").status_code == expected


def test_a_change_by_internal_id_restores_and_takes_over_no_id(
    fake: FakeEsputnik, call: Caller
) -> None:
    number = call("POST", "/v1/contact", contact("7", email="a@b.example")).json()["id"]
    call("POST", "/v1/contact", contact("8", email="c@d.example"))
    call("DELETE", f"/v1/contact/{number}")

    taken = call("PUT", f"/v1/contact/{number}", contact("8", email="a@b.example"))
    assert (taken.status_code, (fake.contact("7") or {})["deleted"]) == (400, True)
    call("PUT", f"/v1/contact/{number}", contact("7", email="a@b.example"))
    assert (fake.contact("7") or {})["restored"] is True


@pytest.mark.parametrize(("again", "people"), [(True, 1), (False, 2)])
def test_whether_an_unknown_id_is_looked_up_by_email_is_a_setting(
    fake: FakeEsputnik, call: Caller, again: bool, people: int
) -> None:
    fake.configure(contact_searches_again=again)
    call("POST", "/v1/contact", contact(email="a@b.example"))
    call("POST", "/v1/contact", contact("7", email="a@b.example"))

    assert len(fake.all_contacts) == people
    call("POST", "/v1/contact", contact(email="a@b.example"))
    assert len(fake.all_contacts) == people
