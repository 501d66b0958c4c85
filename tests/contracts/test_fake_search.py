"""Finding and reading contacts."""

from __future__ import annotations

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, contact, only_message

BASE = {"id", "firstName", "lastName", "channels", "fields", "addressBookId"}


def full(call: Caller) -> int:
    body = contact(
        "7",
        email="a@b.example",
        firstName="Ann",
        languageCode="uk",
        address={"town": "Lviv"},
        fields=[{"id": 10003, "value": "vip"}],
        addressBookId=1,
    )
    number: int = call("POST", "/v1/contact", body).json()["id"]
    return number


def test_a_search_tells_less_than_a_reading(fake: FakeEsputnik, call: Caller) -> None:
    number = full(call)

    (found,) = call("GET", "/v1/contacts", params={"externalCustomerId": "7"}).json()
    read = call("GET", f"/v1/contact/{number}").json()

    assert set(found) <= BASE
    assert (found["id"], found["firstName"]) == (number, "Ann")
    assert found["fields"] == [{"id": 10003, "value": "vip"}]
    assert (read["externalCustomerId"], read["languageCode"]) == ("7", "uk")
    assert read["address"] == {"town": "Lviv"}


def test_nothing_but_a_page_may_stand_beside_an_external_id(
    fake: FakeEsputnik, call: Caller
) -> None:
    full(call)
    fake.configure(search_by_id_alone=False)
    alone = {"externalCustomerId": "7"}
    assert call("GET", "/v1/contacts", params={**alone, "maxrows": 10}).status_code == 200

    assert call("GET", "/v1/contacts", params={**alone, "email": "a@b.example"}).status_code == 400
    assert "stands alone" in only_message(fake)
    fake.configure(search_by_id_alone=True)
    assert call("GET", "/v1/contacts", params={**alone, "maxrows": 10}).status_code == 400
    assert "maxrows" in only_message(fake)
    assert len(call("GET", "/v1/contacts", params=alone).json()) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"maxrows": "501"},
        {"startindex": "0"},
        {"sortBy": "name"},
        {"sortBy": "contactId", "email": "a@b.example"},
        {"mail": "a@b.example"},
    ],
)
def test_a_query_keeps_the_contract(
    fake: FakeEsputnik, call: Caller, query: dict[str, str]
) -> None:
    assert call("GET", "/v1/contacts", params=query).status_code == 400
    assert len(fake.take_violations()) == 1


def test_sorting_is_for_a_search_without_conditions(call: Caller) -> None:
    full(call)

    assert len(call("GET", "/v1/contacts", params={"sortBy": "contactId"}).json()) == 1


def test_emails_are_told_by_internal_ids(fake: FakeEsputnik, call: Caller) -> None:
    first = full(call)
    assert call("GET", "/v1/contacts/email", params={"ids": f"{first}"}).json()["results"] == {
        "contactId": first,
        "email": "a@b.example",
    }
    second = call("POST", "/v1/contact", contact("8", email="c@d.example")).json()["id"]
    phone = call("POST", "/v1/contact", contact("9", sms="380501112233")).json()["id"]
    several = call("GET", "/v1/contacts/email", params={"ids": f"{first},{second},{phone},5"})

    assert [one["contactId"] for one in several.json()["results"]] == [first, second]
    assert call("GET", "/v1/contacts/email", params={"ids": "one"}).status_code == 400
    assert len(fake.take_violations()) == 1
