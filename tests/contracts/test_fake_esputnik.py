"""The fake eSputnik keeps the contract, notices who breaks it, and fails as told."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as running:
        yield running


@pytest.fixture
def fake(server: FakeEsputnik) -> FakeEsputnik:
    server.reset()
    return server


class Caller:
    """A client that knows nothing but the wire."""

    def __init__(self, fake: FakeEsputnik) -> None:
        self.fake = fake
        self.session = requests.Session()
        self.session.auth = ("", fake.key)

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        more.setdefault("timeout", 5)
        if body is not None:
            more["json"] = body
        return self.session.request(method, self.fake.api_url + path, **more)


@pytest.fixture
def call(fake: FakeEsputnik) -> Iterator[Caller]:
    caller = Caller(fake)
    with caller.session:
        yield caller


def contact(
    external_id: str = "", *, email: str = "", sms: str = "", **more: Any
) -> dict[str, Any]:
    channels = [{"type": "email", "value": email}] if email else []
    channels += [{"type": "sms", "value": sms}] if sms else []
    body = {"channels": channels, **more}
    return {"externalCustomerId": external_id, **body} if external_id else body


def order(number: str = "100", **more: Any) -> dict[str, Any]:
    return {
        "externalOrderId": number,
        "externalCustomerId": "7",
        "email": "ann@shop.example",
        "totalCost": 20.5,
        "status": "INITIALIZED",
        "date": "2026-03-08T09:30:00+02:00",
        "currency": "UAH",
        **more,
    }


def batch(*contacts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"dedupeOn": "externalCustomerId", "contacts": list(contacts), **more}


def imported(call: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """Import at once and poll to the end."""
    session = call("POST", "/v1/contacts", body).json()["asyncSessionId"]
    for _ in range(5):
        status: dict[str, Any] = call("GET", f"/v1/importstatus/{session}").json()
        if status["status"] in ("FINISHED", "ERROR"):
            return status
    raise AssertionError(status)


def only_message(fake: FakeEsputnik) -> str:
    (violation,) = fake.violations
    return violation.message


# --- the door


def test_any_user_name_goes_with_the_key(fake: FakeEsputnik) -> None:
    for user in ("", "user"):
        answer = requests.get(f"{fake.api_url}/v1/account/info", auth=(user, fake.key), timeout=5)
        assert answer.status_code == 200
        assert answer.json()["organisationName"] == "Fake organisation"


@pytest.mark.parametrize("auth", [None, ("user", "wrong"), ("fake-key", "")])
def test_a_wrong_key_is_a_401_in_json(fake: FakeEsputnik, auth: tuple[str, str] | None) -> None:
    answer = requests.get(f"{fake.api_url}/v1/account/info", auth=auth, timeout=5)

    assert answer.status_code == 401
    assert answer.json()["status"] == 401
    assert fake.log[0].authorized is (None if auth is None else False)


def test_a_revoked_key_stops_working(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(key="another")

    assert call("GET", "/v1/account/info").status_code == 401


def test_the_log_keeps_no_key(fake: FakeEsputnik, call: Caller) -> None:
    call("GET", "/v1/account/info")

    (entry,) = fake.requests("/api/v1/account", method="get")
    assert entry.authorized is True
    assert "authorization" not in {name.lower() for name in entry.headers}
    assert entry.status == 200


def test_one_session_is_one_connection(fake: FakeEsputnik, call: Caller) -> None:
    call("GET", "/v1/account/info")
    call("POST", "/v1/contact", contact("7", email="ann@shop.example"))

    assert len({entry.connection for entry in fake.log}) == 1


def test_unknown_paths_and_methods_are_told_apart(call: Caller) -> None:
    assert call("GET", "/v1/nothing").status_code == 404
    assert call("PATCH", "/v1/contact", {}).status_code == 405
    assert call("GET", "/v1/orders").status_code == 405
    assert call("GET", "/v1/group/1/contacts").status_code == 501


def test_only_json_is_taken(fake: FakeEsputnik, call: Caller) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert call("POST", "/v1/contact", data="a=b", headers=form).status_code == 415
    json_type = {"Content-Type": "application/json; charset=UTF-8"}
    for text in (b"{", b"", b'{"orders": NaN}', b'"\xff"'):
        assert call("POST", "/v1/orders", data=text, headers=json_type).status_code == 400
    messages = [violation.message for violation in fake.violations]
    assert messages == ["Send application/json; charset=UTF-8", *["The body is not JSON"] * 4]


# --- contacts


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


def test_search_pages_and_counts(call: Caller) -> None:
    for number in range(5):
        call("POST", "/v1/contact", contact(str(number), email=f"{number}@b.example"))

    page = call("GET", "/v1/contacts", params={"startindex": 2, "maxrows": 2})
    one = call("GET", "/v1/contacts", params={"externalCustomerId": "3"})

    assert [found["externalCustomerId"] for found in page.json()] == ["1", "2"]
    assert page.headers["TotalCount"] == "5"
    assert [found["externalCustomerId"] for found in one.json()] == ["3"]


# --- deletion


def test_a_deleted_contact_stays_listed_and_an_update_restores_it(
    fake: FakeEsputnik, call: Caller
) -> None:
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


# --- bulk import


def test_an_import_is_visible_only_when_it_is_finished(fake: FakeEsputnik, call: Caller) -> None:
    answer = call("POST", "/v1/contacts", batch(contact("7", email="a@b.example"))).json()
    seen = []
    for _ in range(3):
        seen.append(call("GET", f"/v1/importstatus/{answer['asyncSessionId']}").json())
        if len(seen) < 3:
            assert fake.contacts == {}

    assert [status["status"] for status in seen] == ["STARTED", "IMPORTING", "FINISHED"]
    number = (fake.contact("7") or {})["id"]
    assert seen[-1]["mapping"] == [{"dedupeValue": "7", "contactId": number}]
    assert "mapping" not in seen[0]
    assert answer["failedContacts"] == []


def test_an_import_can_take_its_time(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(import_polls=0, import_seconds=0.2)
    call("POST", "/v1/contacts", batch(contact("7", email="a@b.example")))

    assert fake.contacts == {}
    assert fake.wait_for(lambda: fake.contact("7"), timeout=2)


def test_a_listed_field_without_data_is_emptied_and_an_unlisted_one_stays(
    fake: FakeEsputnik, call: Caller
) -> None:
    address = {"town": "Lviv", "region": "West"}
    full = contact("7", email="a@b.example", sms="380501112233", firstName="A", lastName="B")
    call("POST", "/v1/contact", {**full, "address": address})

    update = contact("7", email="new@b.example", address={"region": "East"})
    imported(call, batch(update, contactFields=["firstName", "sms", "town"]))

    held = fake.contact("7") or {}
    assert (held["firstName"], held["lastName"]) == (None, "B")
    assert (held["email"], held["sms"]) == ("a@b.example", None)
    assert held["address"] == {"region": "West"}


def test_without_a_list_every_field_is_written(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName="A", lastName="B"))
    imported(call, batch(contact("7", email="a@b.example", firstName="C")))

    held = fake.contact("7") or {}
    assert (held["firstName"], held["lastName"]) == ("C", None)


def test_only_listed_custom_fields_are_written(fake: FakeEsputnik, call: Caller) -> None:
    fields = [{"id": 1, "value": "one"}, {"id": 2, "value": "two"}]
    call("POST", "/v1/contact", contact("7", email="a@b.example", fields=fields))
    update = [{"id": 2, "value": "TWO"}, {"id": 3, "value": "three"}]
    imported(call, batch(contact("7", email="a@b.example", fields=update), customFieldsIDs=[1, 3]))

    assert (fake.contact("7") or {})["fields"] == [
        {"id": 2, "value": "two"},
        {"id": 3, "value": "three"},
    ]


@pytest.mark.parametrize("restore", [True, False])
def test_an_import_restores_deleted_contacts_only_when_asked(
    fake: FakeEsputnik, call: Caller, restore: bool
) -> None:
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName="A"))
    call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "false"})
    update = contact("7", email="a@b.example", firstName="B")
    status = imported(call, batch(update, restoreDeleted=restore))

    held = fake.contact("7") or {}
    assert held["deleted"] is not restore
    assert held["firstName"] == ("B" if restore else "A")
    assert len(status["mapping"]) == int(restore)


def test_only_new_contacts_are_welcomed(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    contacts = (contact("7", email="a@b.example"), contact("8", email="c@d.example"))
    imported(call, batch(*contacts, eventKeyForNewContacts="welcome", groupNames=["Shop"]))

    (event,) = fake.events("welcome")
    assert event["params"]["EmailAddress"] == "c@d.example"
    assert [group["name"] for group in call("GET", "/v1/groups").json()] == ["Shop"]


def test_a_refused_contact_hides_in_a_200(fake: FakeEsputnik, call: Caller) -> None:
    body = batch(contact("7", email="a@b.example"), contact("8"), contact(email="guest@b.example"))
    answer = call("POST", "/v1/contacts", body)

    assert answer.status_code == 200
    assert [one.get("externalCustomerId") for one in answer.json()["failedContacts"]] == ["8", None]
    assert len(fake.violations) == 2


def test_a_wrong_envelope_refuses_the_whole_import(fake: FakeEsputnik, call: Caller) -> None:
    good = contact("7", email="a@b.example")
    for body in (
        {"contacts": [good]},
        batch(),
        batch(*[good] * 3001),
        batch(good, contactFields=["nickname"]),
        batch(good, eventKeyForNewContacts="new, contact"),
    ):
        assert call("POST", "/v1/contacts", body).status_code == 400
    assert len(fake.violations) == 5


def test_a_whole_import_may_end_in_an_error(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("import_error", text="File is broken"))
    status = imported(call, batch(contact("7", email="a@b.example")))

    assert (status["status"], status["description"]) == ("ERROR", "File is broken")
    assert fake.contacts == {}


def test_an_import_may_miss_single_contacts_at_its_end(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("import_error", text="Not imported", ids=["8"]))
    contacts = (contact("7", email="a@b.example"), contact("8", email="c@d.example"))
    status = imported(call, batch(*contacts))

    assert status["status"] == "FINISHED"
    assert [pair["dedupeValue"] for pair in status["mapping"]] == ["7"]
    assert status["description"] == "Not imported: 8"


def test_an_unknown_import_is_not_found(call: Caller) -> None:
    assert call("GET", "/v1/importstatus/none").status_code == 404


# --- orders


def test_orders_are_updated_by_number_and_every_call_raises_an_event(
    fake: FakeEsputnik, call: Caller
) -> None:
    call("POST", "/v1/orders", {"orders": [order(statusDescription="new")]})
    call("POST", "/v1/orders", {"orders": [order(status="DELIVERED")]})

    held = fake.orders["100"]
    assert [entry["status"] for entry in held["history"]] == ["INITIALIZED", "DELIVERED"]
    assert "statusDescription" not in held["body"]
    assert [event["type"] for event in fake.events(source="orders")] == [
        "orderINITIALIZED",
        "orderDELIVERED",
    ]
    assert fake.events("orderDELIVERED")[0]["params"]["eventKey"] == "100"


def test_an_order_finds_its_contact_or_creates_it(fake: FakeEsputnik, call: Caller) -> None:
    known = call("POST", "/v1/contact", contact(email="ann@shop.example")).json()["id"]
    guest = order("101", email="guest@shop.example", firstName="Guest")
    del guest["externalCustomerId"]
    call("POST", "/v1/orders", {"orders": [order(), guest]})

    assert fake.orders["100"]["contactId"] == known
    assert (fake.contact("7") or {})["id"] == known
    created = [one for one in fake.all_contacts if one["email"] == "guest@shop.example"]
    assert created[0]["firstName"] == "Guest"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"totalCost": "20.50"}, "totalCost"),
        ({"date": "2026-03-08T09:30:00"}, "date"),
        ({"date": "2026-02-30T09:30:00Z"}, "date"),
        ({"status": "PAID"}, "status"),
        ({"currency": "грн"}, "currency"),
        ({"firstName": ""}, "firstName: blank"),
        ({"additionalInfo": {"comment": " "}}, "additionalInfo.comment: blank"),
        ({"email": None}, "email"),
        ({"phone": "+380501112233"}, "phone"),
        ({"items": [{"externalItemId": 5, "quantity": 1}]}, "items[0].externalItemId"),
        ({"items": [{"externalItemId": "5", "quantity": 0}]}, "items[0].quantity"),
        ({"items": [{"externalItemId": "5", "quantity": 1, "url": "/p/5"}]}, "items[0].url"),
        ({"deliveryCost": 1}, "deliveryCost"),
    ],
)
def test_a_refused_order_hides_in_a_200(
    fake: FakeEsputnik, call: Caller, change: dict[str, Any], said: str
) -> None:
    answer = call("POST", "/v1/orders", {"orders": [order("99"), order("100", **change)]})

    assert answer.status_code == 200
    (failed,) = answer.json()["failedOrders"]
    assert failed["externalOrderId"] == "100"
    assert said in failed["message"]
    assert said in only_message(fake)
    assert set(fake.orders) == {"99"}


def test_an_order_of_nobody_is_refused(fake: FakeEsputnik, call: Caller) -> None:
    nobody = {k: v for k, v in order().items() if k not in ("email", "externalCustomerId")}

    assert call("POST", "/v1/orders", {"orders": [nobody]}).json()["failedOrders"]
    assert fake.orders == {}


@pytest.mark.parametrize("body", [{"orders": []}, {"orders": [order()] * 1001}, [order()], {}])
def test_a_wrong_envelope_refuses_all_orders(fake: FakeEsputnik, call: Caller, body: Any) -> None:
    assert call("POST", "/v1/orders", body).status_code == 400
    assert len(fake.violations) == 1
    assert fake.orders == {}


def test_orders_are_deleted_by_number_or_by_a_day(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/orders", {"orders": [order("1"), order("2")]})
    day = {"from": "2026-03-08T00:00:00", "to": "2026-03-09T00:00:00"}

    assert call("DELETE", "/v1/orders", params={"externalOrderId": "1"}).status_code == 200
    assert set(fake.orders) == {"2"}
    assert call("DELETE", "/v1/orders", params=day).status_code == 200
    assert fake.orders == {}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"from": "2026-03-08T00:00:00"},
        {"from": "2026-03-08T00:00:00", "to": "2026-03-09T00:00:01"},
        {"from": "2026-03-09T00:00:00", "to": "2026-03-08T00:00:00"},
        {"from": "2026-03-08T00:00:00Z", "to": "2026-03-08T01:00:00Z"},
        {"externalOrderId": "1", "from": "2026-03-08T00:00:00", "to": "2026-03-08T01:00:00"},
    ],
)
def test_a_deletion_of_orders_names_one_order_or_a_day(
    fake: FakeEsputnik, call: Caller, query: dict[str, str]
) -> None:
    assert call("DELETE", "/v1/orders", params=query).status_code == 400
    assert len(fake.violations) == 1


# --- events


def test_events_of_all_versions_are_stored_alike(fake: FakeEsputnik, call: Caller) -> None:
    listed = [{"name": "email", "value": "a@b.example"}, {"name": "page", "value": "home"}]
    named = {"email": "a@b.example", "page": "home"}
    for version, params in (("v1", listed), ("v2", listed), ("v3", named)):
        body = {"eventTypeKey": "pageSeen", "params": params}
        assert call("POST", f"/{version}/event", body).status_code == 200

    assert [event["params"] for event in fake.events("pageSeen")] == [named] * 3
    assert {event["key"] for event in fake.events("pageSeen")} == {"a@b.example"}
    assert fake.violations == []


@pytest.mark.parametrize("character", list("<;\u2019\\/|\"`'^?!,>"))
def test_forbidden_characters_refuse_an_event(
    fake: FakeEsputnik, call: Caller, character: str
) -> None:
    params = {"email": "a@b.example"}
    by_type = {"eventTypeKey": f"a{character}b", "params": params}
    by_key = {"eventTypeKey": "ab", "keyValue": f"a{character}b", "params": params}

    assert call("POST", "/v3/event", by_type).status_code == 400
    assert call("POST", "/v3/event", by_key).status_code == 400
    assert len(fake.violations) == 2


@pytest.mark.parametrize(
    ("version", "params"),
    [
        ("v3", {"page": "home"}),
        ("v3", {"externalCustomerId": " "}),
        ("v3", [{"name": "email", "value": "a@b.example"}]),
        ("v2", [{"name": "externalCustomerId", "value": "null"}]),
        ("v2", [{"name": "email", "value": "a"}, {"name": "email", "value": "b"}]),
        ("v2", {"email": "a@b.example"}),
        ("v1", [{"name": "email", "value": 5}]),
        ("v3", {"email": "a@b.example", "text": "ї" * 10_000}),
    ],
)
def test_an_event_off_the_contract_is_refused(
    fake: FakeEsputnik, call: Caller, version: str, params: Any
) -> None:
    body = {"eventTypeKey": "pageSeen", "params": params}

    assert call("POST", f"/{version}/event", body).status_code == 400
    assert len(fake.violations) == 1
    assert fake.events() == []


def cart_event(**changes: Any) -> dict[str, Any]:
    product = {"productId": "5", "quantity": 1, "price": 10}
    params = {"externalCustomerId": "7", "recycleStateId": GUID, "products": [product], **changes}
    kept = {name: value for name, value in params.items() if value is not None}
    return {"eventTypeKey": "cartUpdated", "params": kept}


def test_the_last_state_of_a_cart_is_kept(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", cart_event(products=[]))

    assert fake.carts[GUID]["products"] == []
    assert fake.carts[GUID]["writes"] == 2
    assert fake.violations == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recycleStateId": None}, "recycleStateId"),
        ({"products": None}, "products"),
        ({"products": "[]"}, "products"),
        ({"products": [{"productId": "5", "quantity": 1}]}, "products[0].price"),
        ({"products": [{"productId": "", "quantity": 1, "price": 1}]}, "products[0].productId"),
    ],
)
def test_an_incomplete_cart_is_refused(
    fake: FakeEsputnik, call: Caller, changes: dict[str, Any], said: str
) -> None:
    assert call("POST", "/v3/event", cart_event(**changes)).status_code == 400
    assert said in only_message(fake)
    assert fake.carts == {}


def order_event(event_type: str, **changes: Any) -> dict[str, Any]:
    params = {k: v for k, v in order(**changes).items() if v is not None}
    return {"eventTypeKey": event_type, "params": params}


def test_order_events_update_orders(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", order_event("orderCreated", recycleStateId=GUID))
    call("POST", "/v3/event", order_event("orderDelivered"))
    call("POST", "/v3/event", order_event("orderCancelled", number="unknown"))

    assert set(fake.orders) == {"100"}
    history = [entry["status"] for entry in fake.orders["100"]["history"]]
    assert history == ["INITIALIZED", "DELIVERED"]
    assert fake.carts[GUID]["closed_by"] == "100"


def test_an_incomplete_order_event_is_silently_no_order(fake: FakeEsputnik, call: Caller) -> None:
    item = {"externalItemId": "5", "quantity": 1, "cost": 10, "name": "Book", "url": "http://x.y/"}
    assert call("POST", "/v3/event", order_event("orderCreated", items=[item])).status_code == 200

    assert fake.orders == {}
    assert len(fake.events("orderCreated")) == 1
    assert "imageUrl" in only_message(fake)


def test_past_events_start_no_workflow(fake: FakeEsputnik, call: Caller) -> None:
    params = {"email": "a@b.example"}
    event = {"eventTypeKey": "pageSeen", "params": params, "occurred": "2025-01-01T10:00"}
    assert call("POST", "/v3/past_events", {"events": [event]}).status_code == 200
    call("POST", "/v3/event", {"eventTypeKey": "pageSeen", "params": params})

    past, live = fake.events("pageSeen")
    assert (past["starts_workflow"], past["occurred"]) == (False, "2025-01-01T10:00")
    assert live["starts_workflow"] is True


def test_past_events_come_in_five_hundreds_and_dated(fake: FakeEsputnik, call: Caller) -> None:
    event = {"eventTypeKey": "seen", "params": {"email": "a@b.example"}}
    dated = {**event, "occurred": "2025-01-01"}

    assert call("POST", "/v3/past_events", {"events": [dated] * 501}).status_code == 400
    assert call("POST", "/v3/past_events", {"events": [event]}).status_code == 400
    assert call("POST", "/v3/past_events", {"events": [dated] * 500}).status_code == 200
    assert len(fake.events("seen")) == 500


# --- site and tracker


def tracked(name: str, **payload: Any) -> dict[str, Any]:
    general = {"eventName": name, "siteId": "8A412DC", "datetime": 1_770_000_000_000}
    return {"GeneralInfo": general, **payload}


def test_the_tracker_needs_no_key_and_keeps_carts(fake: FakeEsputnik) -> None:
    product = {"productKey": "5", "price": "10", "quantity": 1}
    cart = tracked("StatusCart", StatusCart={"GUID": GUID, "Products": [product]})
    bought = tracked("PurchasedItems", PurchasedItems={"OrderNumber": "100", "GUID": GUID})

    for body in (cart, bought):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 204
    assert fake.carts[GUID]["products"] == [product]
    assert fake.carts[GUID]["closed_by"] == "100"
    assert [event["type"] for event in fake.events(source="tracker")] == [
        "StatusCart",
        "PurchasedItems",
    ]
    assert fake.violations == []


def test_a_key_sent_to_the_tracker_is_noticed(fake: FakeEsputnik) -> None:
    requests.post(
        fake.tracker_url, json=tracked("MainPage"), auth=("", fake.key), timeout=5
    ).raise_for_status()

    assert "key" in only_message(fake)


def test_the_tracker_refuses_what_is_no_event(fake: FakeEsputnik) -> None:
    for body in (tracked("StatusCart"), tracked("CustomerData"), {"GeneralInfo": {}}):
        assert requests.post(fake.tracker_url, json=body, timeout=5).status_code == 400
    assert len(fake.violations) == 3


def test_a_domain_is_registered_once_and_gets_its_snippet(call: Caller) -> None:
    assert call("GET", "/v1/site/script").status_code == 404
    first = call("POST", "/v1/site/domains", {"domain": "https://shop.example"})
    again = call("POST", "/v1/site/domains", {"domain": "shop.example"})
    snippet = call("GET", "/v1/site/script").text

    assert re.fullmatch("[0-9A-F]{8}", first.json()["siteId"])
    assert (again.status_code, again.json()["message"]) == (400, "Domain is already registered")
    assert first.json()["siteId"] in snippet
    source = re.search("'(http[^']+[.]js)'", snippet)
    assert source
    assert "eS" in requests.get(source[1], timeout=5).text


def test_the_catalogue_of_fields_shows_its_ids_as_texts(call: Caller) -> None:
    group = call("GET", "/v1/addressbooks").json()["addressBook"]["fieldGroups"][0]

    assert group["fields"][0]["id"] == "10001"


# --- limits


def test_too_many_requests_are_a_429(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(rate=2, retry_after=3)
    answers = [call("GET", "/v1/account/info") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "3"


def test_retry_after_may_be_a_date_or_missing(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(rate=1)
    call("GET", "/v1/account/info")
    assert "Retry-After" not in call("GET", "/v1/account/info").headers
    fake.configure(retry_after=60, retry_after_as_date=True)

    date = call("GET", "/v1/account/info").headers["Retry-After"]
    assert 50 < parsedate_to_datetime(date).timestamp() - time.time() < 70


def test_the_same_request_twice_is_a_409_when_the_guard_is_on(
    fake: FakeEsputnik, call: Caller
) -> None:
    body = {"orders": [order()]}
    assert [call("POST", "/v1/orders", body).status_code for _ in range(2)] == [200, 200]
    fake.configure(duplicate_seconds=60)

    answers = [call("POST", "/v1/orders", body) for _ in range(2)]
    other = call("POST", "/v1/orders", {"orders": [order(status="DELIVERED")]})

    assert [answer.status_code for answer in answers] == [200, 409]
    assert "Duplicated request" in answers[1].text
    assert other.status_code == 200


# --- scripted failures


def test_a_status_fails_as_often_as_told_and_where_told(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("status", path="/api/v1/orders", status=503, times=2, body="busy"))

    assert call("GET", "/v1/account/info").status_code == 200
    answers = [call("POST", "/v1/orders", {"orders": [order()]}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].text == "busy"


def test_failures_follow_each_other(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(
        Fault("status", status=500, body={"message": "no"}, headers={"Retry-After": "7"}),
        Fault("html", status=503),
    )
    first, second, third = (call("GET", "/v1/account/info") for _ in range(3))

    assert (first.json(), first.headers["Retry-After"]) == ({"message": "no"}, "7")
    assert second.status_code == 503
    assert "Cloudflare" in second.text
    assert second.headers["Content-Type"].startswith("text/html")
    assert third.status_code == 200


@pytest.mark.parametrize("kind", ["reset", "close"])
@pytest.mark.parametrize(("when", "kept"), [("before", set()), ("after", {"100"})])
def test_a_lost_connection_may_come_before_or_after_the_work(
    fake: FakeEsputnik, kind: Any, when: Any, kept: set[str]
) -> None:
    fake.script(Fault(kind, when=when))
    with pytest.raises(requests.ConnectionError):
        requests.post(
            f"{fake.api_url}/v1/orders",
            json={"orders": [order()]},
            auth=("", fake.key),
            headers={"Connection": "close"},
            timeout=5,
        )

    assert set(fake.orders) == kept
    assert fake.log[0].status is None


def test_a_reset_is_seen_as_a_reset(fake: FakeEsputnik) -> None:
    fake.script(Fault("reset"))
    host, port = fake.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GET /api/v1/account/info HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


@pytest.mark.parametrize(("when", "kept"), [("before", set()), ("after", {"100"})])
def test_a_late_answer_may_have_done_its_work(
    fake: FakeEsputnik, call: Caller, when: Any, kept: set[str]
) -> None:
    fake.script(Fault("delay", seconds=0.4, when=when))
    with pytest.raises(requests.ReadTimeout):
        call("POST", "/v1/orders", {"orders": [order()]}, timeout=0.1)

    assert set(fake.orders) == kept


def test_a_request_still_under_way_does_not_outlive_a_reset(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("delay", seconds=0.2))
    with pytest.raises(requests.ReadTimeout):
        call("POST", "/v1/orders", {"orders": [order()]}, timeout=0.05)
    fake.reset()
    time.sleep(0.3)

    assert fake.orders == {}


def test_an_answer_drips(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("drip", seconds=0.002, part="both"))
    started = time.monotonic()

    assert call("GET", "/v1/account/info").json()["orgId"] == 4711
    assert time.monotonic() - started > 0.3


def test_answers_can_be_cut_or_empty_although_the_work_is_done(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("truncate"), Fault("empty"))
    cut = call("POST", "/v1/orders", {"orders": [order("1")]})
    empty = call("POST", "/v1/orders", {"orders": [order("2")]})

    with pytest.raises(requests.exceptions.JSONDecodeError):
        cut.json()
    assert cut.text.startswith("{")
    assert (empty.status_code, empty.content) == (200, b"")
    assert set(fake.orders) == {"1", "2"}


@pytest.mark.parametrize("as_object", [True, False])
def test_scripted_refusals_are_no_violations(
    fake: FakeEsputnik, call: Caller, as_object: bool
) -> None:
    fake.script(Fault("refuse", ids=["2"], text="closed period", as_object=as_object))
    body = {"orders": [order("1"), order("2")]}
    failed = call("POST", "/v1/orders", body).json()["failedOrders"]

    refusal = failed if as_object else failed[0]
    assert (refusal["externalOrderId"], refusal["message"]) == ("2", "closed period")
    assert set(fake.orders) == {"1"}
    assert fake.violations == []
    assert call("POST", "/v1/orders", body).json()["failedOrders"] == []


def test_a_refusal_waits_for_its_record(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("refuse", ids=["8"]))
    call("POST", "/v1/contact", contact("7", email="a@b.example"))

    assert call("POST", "/v1/contact", contact("8", email="c@d.example")).status_code == 400
    body = batch(contact("8", email="c@d.example"))
    assert call("POST", "/v1/contacts", body).json()["failedContacts"] == []


def test_a_batch_with_a_culprit_is_refused_until_it_stands_alone(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("refuse_batch", ids=["3"], text="bad order"))

    def send(numbers: list[str]) -> list[str]:
        """The culprits, found by halving."""
        answer = call("POST", "/v1/orders", {"orders": [order(number) for number in numbers]})
        if answer.status_code == 200:
            return []
        assert answer.text == "bad order"
        half = len(numbers) // 2
        return numbers if not half else send(numbers[:half]) + send(numbers[half:])

    assert send(["1", "2", "3", "4"]) == ["3"]
    assert set(fake.orders) == {"1", "2", "4"}


# --- the control API, the page, the process


def test_another_process_can_script_and_read(fake: FakeEsputnik, call: Caller) -> None:
    control = f"{fake.url}/_fake"
    fault = {"kind": "status", "status": 502, "times": None, "path": "/api/v1/orders"}
    assert requests.post(f"{control}/faults", json=[fault], timeout=5).status_code == 200
    settings = requests.post(f"{control}/settings", json={"organisation": "Мій"}, timeout=5)

    assert settings.json()["organisation"] == "Мій"
    assert call("GET", "/v1/account/info").json()["organisationName"] == "Мій"
    assert call("POST", "/v1/orders", {"orders": [order()]}).status_code == 502
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    state = requests.get(f"{control}/state", timeout=5).json()
    assert state["contacts"][0]["externalCustomerId"] == "7"
    assert state["faults"][0]["times"] is None
    log = requests.get(f"{control}/log", timeout=5).json()
    assert [entry["status"] for entry in log] == [200, 502, 200]
    assert requests.delete(f"{control}/faults", timeout=5).json() == []

    requests.post(f"{control}/reset", timeout=5).raise_for_status()
    assert (fake.contacts, fake.log, fake.settings.organisation) == ({}, [], "Fake organisation")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "earthquake"}),
        ("faults", {"kind": "status", "colour": "red"}),
        ("faults", {"kind": "refuse"}),
        ("settings", {"speed": 1}),
        ("settings", {"rate": "fast"}),
    ],
)
def test_a_misspelt_control_is_refused(fake: FakeEsputnik, path: str, body: Any) -> None:
    answer = requests.post(f"{fake.url}/_fake/{path}", json=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_page_shows_everything_and_escapes_it(fake: FakeEsputnik, call: Caller) -> None:
    evil = "<script>alert(1)</script>"
    item = {"externalItemId": "5", "quantity": 2, "name": evil, "cost": 10}
    call("POST", "/v1/orders", {"orders": [order(items=[item])]})
    call("POST", "/v1/orders", {"orders": [order(status="DELIVERED"), order(evil, status=evil)]})
    call("POST", "/v3/event", cart_event())
    call("POST", "/v3/event", order_event("orderCreated", number=evil, recycleStateId=GUID))
    call("POST", "/v1/contact", contact(evil, email="a@b.example", firstName=evil))
    call("GET", f"/{evil}")
    html = requests.get(f"{fake.url}/", timeout=5).text

    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "INITIALIZED → DELIVERED" in html
    assert 'class="bad"' in html
    assert 'content="width=device-width' in html
    assert GUID in html


def test_the_page_can_be_switched_off() -> None:
    with FakeEsputnik(settings=Settings(has_state_page=False)) as fake:
        assert requests.get(fake.url, timeout=5).status_code in (401, 404)


def test_views_are_copies(fake: FakeEsputnik, call: Caller) -> None:
    call("POST", "/v1/orders", {"orders": [order()]})
    fake.orders["100"]["body"].clear()

    assert fake.orders["100"]["body"]["totalCost"] == 20.5


def test_many_callers_at_once_lose_nothing(fake: FakeEsputnik) -> None:
    def send(start: int) -> None:
        caller = Caller(fake)
        with caller.session:
            for number in range(start, start + 10):
                caller("POST", "/v1/orders", {"orders": [order(str(number))]})

    threads = [threading.Thread(target=send, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(fake.orders) == len(fake.log) == len(fake.events(source="orders")) == 80
    assert len(fake.contacts) == 1


def test_waiting_ends_with_the_answer_or_with_an_error(fake: FakeEsputnik, call: Caller) -> None:
    timer = threading.Timer(0.05, call, ("GET", "/v1/account/info"))
    timer.start()
    assert fake.wait_for(fake.requests)[0].path == "/api/v1/account/info"
    timer.join()
    with pytest.raises(TimeoutError):
        fake.wait_for(lambda: fake.orders, timeout=0.05)


def test_a_stopped_fake_hangs_up_at_once_and_can_start_again() -> None:
    fake = FakeEsputnik(key="k").start()
    fake.script(Fault("delay", seconds=60))
    failures: list[Exception] = []

    def ask() -> None:
        try:
            requests.get(f"{fake.api_url}/v1/account/info", timeout=30)
        except requests.ConnectionError as error:
            failures.append(error)

    caller = threading.Thread(target=ask)
    caller.start()
    fake.wait_for(lambda: fake.log)
    started = time.monotonic()
    fake.stop()
    caller.join()

    assert time.monotonic() - started < 3
    assert len(failures) == 1
    with fake:
        info = requests.get(f"{fake.api_url}/v1/account/info", auth=("", "k"), timeout=5)
    assert info.status_code == 200


def test_as_a_program_it_says_where_it_is_and_stops_when_told() -> None:
    command = [sys.executable, "-m", "esputnik_connector.testing.fake_esputnik", "--port", "0"]
    environment = {**os.environ, "FAKE_ESPUTNIK_KEY": "from-env", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(4)]
        url = lines[1].split()[1]
        info = requests.get(f"{url}/v1/account/info", auth=("", "from-env"), timeout=5)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=5)

    assert info.status_code == 200
    assert lines[3] == "Key: from-env\n"
    assert (process.returncode, complaints) == (0, "")


def test_as_a_program_without_its_extra_it_says_in_a_sentence_what_to_install() -> None:
    without = (
        "import sys; sys.modules['jsonschema'] = None; "
        "from esputnik_connector.testing.fake_esputnik.__main__ import main; "
        "sys.exit(main(['--port', '0']))"
    )
    told = subprocess.run(
        [sys.executable, "-c", without], capture_output=True, text=True, timeout=30, check=False
    )
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "pip install 'django-esputnik-connector[testing]'" in told.stderr
