"""Names and additional fields of a wrong form."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, forms
from tests.contracts.wire import Caller, batch, contact, imported, only_message, order

GOOD = [
    "Ann",
    "O'Neil",
    "Ґалаґан",
    "Anna-Maria",
    "Jean - Pierre",
    "D’Arc",
    "Dr. Ann",
    "अनुष्का",
    "Ann 007",
]
BAD = [
    "Ann (VIP)",
    "Ann 2024",
    "123",
    "-",
    "x" * 41,
    "Ann@home",
    "'Ann",
    "Ann-",
    "Mister. Ann",
    "😀",
]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_may_have_letters_of_any_alphabet(name: str) -> None:
    assert forms.name_problem(name, is_first=True) == ""


@pytest.mark.parametrize("name", BAD)
def test_a_name_may_not_be_anything(name: str) -> None:
    assert forms.name_problem(name, is_first=False)


def test_a_first_name_has_at_most_three_long_words_and_three_short_ones() -> None:
    assert forms.name_problem("Juan Carlos Maria de la Paz y", is_first=True)
    assert forms.name_problem("Juan Carlos Maria de la P", is_first=True) == ""
    assert forms.name_problem("Juan Carlos Maria Teresa", is_first=True)
    assert forms.name_problem("Juan Carlos Maria Teresa", is_first=False) == ""


@pytest.mark.parametrize("name", ["Ann (VIP)", "x" * 41, "Ann 2024"])
def test_a_bad_name_refuses_its_person_where_the_account_does_so(
    fake: FakeEsputnik, call: Caller, name: str
) -> None:
    fake.configure(bad_names="refuse")
    body = contact("7", email="a@b.example", firstName=name)
    good = contact("8", email="c@d.example")

    assert call("POST", "/v1/contact", body).status_code == 400
    assert call("POST", "/v1/contact/subscribe", {"contact": body}).status_code == 400
    failed = call("POST", "/v1/contacts", batch(body, good)).json()["failedContacts"]
    assert failed["channels"] == body["channels"]
    assert len(fake.take_violations()) == 3
    assert fake.wait_for(lambda: fake.state["sessions"])
    assert fake.all_contacts == []


@pytest.mark.parametrize("name", ["Ann (VIP)", "x" * 41])
@pytest.mark.parametrize(("how", "stored"), [("drop", False), ("store", True)])
def test_a_bad_name_is_left_out_or_stored_and_its_person_is_there(
    fake: FakeEsputnik, call: Caller, name: str, how: str, stored: bool
) -> None:
    fake.configure(bad_names=how)
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName=name, lastName="Lee"))
    imported(call, batch(contact("8", email="c@d.example", firstName=name, lastName="Lee")))
    wrapped = {"contact": contact("9", email="e@f.example", firstName=name, lastName="Lee")}
    call("POST", "/v1/contact/subscribe", wrapped)

    people = fake.contacts
    assert {people[key]["firstName"] for key in "789"} == {name if stored else None}
    assert {people[key]["lastName"] for key in "789"} == {"Lee"}
    assert [one["field"] for one in fake.not_stored] == ([] if stored else ["firstName"] * 3)


def test_a_name_that_is_left_out_empties_nothing(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(bad_names="drop")
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName="Ann"))
    imported(call, batch(contact("7", email="a@b.example", firstName="Ann (VIP)")))

    assert (fake.contact("7") or {})["firstName"] == "Ann"


@pytest.mark.parametrize(
    ("how", "name", "is_there"),
    [("refuse", None, False), ("drop", None, True), ("store", "Ann (VIP)", True)],
)
def test_names_in_orders_have_a_setting_of_their_own(
    fake: FakeEsputnik, call: Caller, how: str, name: str | None, is_there: bool
) -> None:
    fake.configure(bad_order_names=how)
    answer = call("POST", "/v1/orders", {"orders": [order(firstName="Ann (VIP)")]}).json()

    assert ("100" in fake.orders) is is_there
    if is_there:
        assert (fake.contact("7") or {})["firstName"] == name
    else:
        assert "special characters" in answer["failedOrders"][0]["error"]
        assert "special characters" in only_message(fake)


FIELDS = [
    {"id": 1, "name": "Text", "type": "TEXTFIELD"},
    {"id": 2, "name": "Area", "type": "TEXTAREA"},
    {"id": 3, "name": "Number", "type": "NUMBER"},
    {"id": 4, "name": "Decimal", "type": "DECIMAL"},
    {"id": 5, "name": "Date", "type": "DATE"},
    {"id": 6, "name": "Moment", "type": "DATETIME"},
    {"id": 7, "name": "Level", "type": "COMBOBOX", "allowedValues": {"possibleValues": ["a", "b"]}},
    {
        "id": 8,
        "name": "Tastes",
        "type": "CHECKBOXLIST",
        "allowedValues": {"possibleValues": ["a", "b"]},
    },
    {"id": 9, "name": "Fixed", "type": "TEXTFIELD", "readonly": True},
    {"id": 10, "name": "Tags", "type": "TAGS"},
    {"id": 11, "name": "Other", "type": "TEXTFIELD"},
]
STORED = [
    *[(1, "x" * 1000), (2, "x" * 5000), (3, "-2147483647"), (4, "12.5"), (5, "1990-05-17")],
    *[(5, "17.05.1990"), (6, "2026-03-08T09:30"), (7, "a"), (8, "a, b"), (10, "anything")],
]
LEFT_OUT = [
    *[(1, "x" * 1001), (1, "50 %"), (2, "x" * 5001), (3, "12.5"), (3, "2147483648"), (3, "many")],
    *[(4, "12,5"), (5, "17 May"), (5, "1990-5-17"), (6, "2026-03-08 09:30"), (6, "2026-03-08")],
    *[(7, "c"), (8, "a, c"), (9, "x")],
]


def written(fake: FakeEsputnik, call: Caller, number: int, value: str) -> list[Any]:
    fake.configure(additional_fields=FIELDS)
    fields = [{"id": number, "value": value}, {"id": 11, "value": "kept"}]
    call("POST", "/v1/contact", contact("7", email="a@b.example", fields=fields))
    imported(
        call,
        batch(contact("8", email="c@d.example", fields=fields), customFieldsIDs=[number, 11]),
    )
    return [
        {field["id"]: field["value"] for field in fake.contacts[key]["fields"]}.get(number)
        for key in "78"
    ]


@pytest.mark.parametrize(("number", "value"), STORED)
def test_a_value_of_the_right_form_is_stored(
    fake: FakeEsputnik, call: Caller, number: int, value: str
) -> None:
    assert written(fake, call, number, value) == [value, value]
    assert fake.not_stored == []


@pytest.mark.parametrize(("number", "value"), LEFT_OUT)
def test_a_value_of_a_wrong_form_is_silently_not_stored(
    fake: FakeEsputnik, call: Caller, number: int, value: str
) -> None:
    assert written(fake, call, number, value) == [None, None]
    assert [one["field"] for one in fake.not_stored] == [f"field:{number}"] * 2
    assert all(fake.contacts[key]["fields"] == [{"id": 11, "value": "kept"}] for key in "78")


@pytest.mark.parametrize(("how", "count"), [("store", 1), ("drop", 0)])
def test_a_field_that_the_account_does_not_have(
    fake: FakeEsputnik, call: Caller, how: str, count: int
) -> None:
    fake.configure(unknown_fields=how)
    call("POST", "/v1/contact", contact("7", email="a@b.example", fields=[{"id": 5, "value": "x"}]))

    assert len((fake.contact("7") or {})["fields"]) == count
