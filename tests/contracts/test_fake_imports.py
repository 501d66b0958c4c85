"""Contacts by the batch: accepted at once, worked off later."""

from __future__ import annotations

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.contracts.wire import Caller, batch, contact, imported


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
