"""What the account tells of itself: additional fields, categories, workflows, in the odd forms."""

from __future__ import annotations

from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.contracts.wire import Caller, contact


def test_the_catalogue_is_of_objects_where_a_list_has_one_element(call: Caller) -> None:
    book = call("GET", "/v1/addressbooks").json()["addressBook"]
    fields = book["fieldGroups"]["fields"]

    assert [field["name"] for field in fields] == ["Birthday", "Loyalty level", "Note"]
    assert fields[1]["description"]["allowedValues"]["possibleValues"] == ["silver", "gold"]


def test_the_catalogue_writes_numbers_and_booleans_as_texts(
    fake: FakeEsputnik, call: Caller
) -> None:
    field = {"id": 7, "name": "Size", "type": "NUMBER", "required": True}
    fake.configure(additional_fields=[field])

    def only_field() -> dict[str, Any]:
        shown: dict[str, Any] = call("GET", "/v1/addressbooks").json()
        return dict(shown["addressBook"]["fieldGroups"]["fields"])

    said = only_field()
    assert (said["id"], said["description"]["type"]) == ("7", "number")
    assert (said["description"]["required"], said["description"]["readonly"]) == ("true", "false")

    fake.configure(addressbook_as_text=False)
    plain = only_field()
    assert (plain["id"], plain["description"]["type"]) == (7, "NUMBER")
    assert plain["description"]["required"] is True


def test_workflows_are_found_by_name_and_one_tag_is_a_text(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(
        workflows=[
            {"id": 1, "name": "Order created", "status": "active", "tags": ["orders"]},
            {"id": 2, "name": "Order paid", "status": "inactive", "tags": ["orders", "money"]},
            {"id": 3, "name": "Welcome", "status": "active"},
        ]
    )
    shown = call("GET", "/v1/workflows").json()
    orders = call("GET", "/v1/workflows", params={"name": "order", "startindex": 2}).json()

    assert [one["tags"] for one in shown] == ["orders", ["orders", "money"], []]
    assert [one["id"] for one in orders] == [2]
    assert call("GET", "/v1/workflows", params={"maxrows": 501}).status_code == 400
    assert "maxrows" in fake.take_violations()[0].message


def test_categories_have_members(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(categories=["news", "sales"])
    body = {"contact": contact("7", email="a@b.example"), "subscriptions": ["sales", "unheard"]}
    number = call("POST", "/v1/contact/subscribe", body).json()["id"]

    shown = call("GET", "/v1/subscriptions").json()
    assert [(one["key"], one["contactsCount"]) for one in shown] == [("news", 0), ("sales", 1)]
    assert call("GET", f"/v1/contact/{number}/subscriptions").json()["key"] == "sales"


def test_categories_of_a_contact_are_replaced_and_shown_as_one_or_many(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(categories=["news", "sales"])
    number = call("POST", "/v1/contact", contact("7", email="a@b.example")).json()["id"]
    path = f"/v1/contact/{number}/subscriptions"
    assert call("GET", path).json() == []

    assert call("PUT", path, {"subscriptions": ["news", "sales"]}).status_code == 200
    assert [one["key"] for one in call("GET", path).json()] == ["news", "sales"]
    call("PUT", path, {"subscriptions": ["news"]})
    assert (fake.contact("7") or {})["categories"] == ["news"]
    assert call("PUT", path, {"categories": ["news"]}).status_code == 400
    assert len(fake.take_violations()) == 1


@pytest.mark.parametrize(("form", "kind"), [("lists", list), ("objects", dict)])
def test_lists_of_one_element_are_objects_everywhere_or_nowhere(
    fake: FakeEsputnik, call: Caller, form: str, kind: type
) -> None:
    workflow = {"id": 1, "name": "Welcome", "status": "active"}
    fake.configure(lists_of_one=form, workflows=[workflow], categories=["news"])
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    call("POST", "/v1/site/domains", {"domain": "shop.example"})
    event = {"eventTypeKey": "seen", "keyValue": "k", "params": [], "occurred": "2025-01-01"}

    shown = [
        call("GET", "/v1/contacts", params={"externalCustomerId": "7"}).json(),
        call("GET", "/v1/workflows").json(),
        call("GET", "/v1/subscriptions").json(),
        call("GET", "/v1/site/domains").json(),
        call("GET", "/v1/addressbooks").json()["addressBook"],
        call("POST", "/v2/past_events", {"events": [event]}).json()["results"],
    ]
    assert [type(one) for one in shown] == [kind] * len(shown)
