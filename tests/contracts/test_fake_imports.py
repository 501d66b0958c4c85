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
    failed = answer.json()["failedContacts"]
    assert [set(one) for one in failed] == [{"channels", "error"}] * 2
    assert [one["channels"] for one in failed] == [one["channels"] for one in body["contacts"][1:]]
    assert len(fake.take_violations()) == 2


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
    assert len(fake.take_violations()) == 5


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


def test_a_status_tells_when_it_was_set_and_one_entry_may_be_an_object(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.configure(lists_of_one="objects")
    status = imported(call, batch(contact("7", email="a@b.example")))

    assert set(status) == {"status", "timestamp", "mapping"}
    assert status["mapping"]["dedupeValue"] == "7"


@pytest.mark.parametrize("ids", [[], ["8"]])
def test_an_import_may_end_well_without_having_stored_somebody(
    fake: FakeEsputnik, call: Caller, ids: list[str]
) -> None:
    fake.script(Fault("import_skip", ids=ids))
    contacts = (contact("7", email="a@b.example"), contact("8", email="c@d.example"))
    status = imported(call, batch(*contacts))

    stored = ["7"] if ids else []
    assert status["status"] == "FINISHED"
    assert "description" not in status
    assert [pair["dedupeValue"] for pair in status["mapping"]] == stored == [*fake.contacts]


def test_an_entry_may_come_without_a_person(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("import_no_id", ids=["8"]))
    contacts = (contact("7", email="a@b.example"), contact("8", email="c@d.example"))
    status = imported(call, batch(*contacts))

    assert [set(pair) for pair in status["mapping"]] == [
        {"dedupeValue", "contactId"},
        {"dedupeValue"},
    ]
    assert set(fake.contacts) == {"7"}


def test_an_import_may_never_end(fake: FakeEsputnik, call: Caller) -> None:
    fake.script(Fault("import_stuck"))
    stuck = call("POST", "/v1/contacts", batch(contact("7", email="a@b.example"))).json()
    imported(call, batch(contact("8", email="c@d.example")))
    polls = [call("GET", f"/v1/importstatus/{stuck['asyncSessionId']}").json() for _ in range(9)]

    assert {status["status"] for status in polls[1:]} == {"IMPORTING"}
    assert set(fake.contacts) == {"8"}


def test_an_import_may_end_late_over_a_newer_one(fake: FakeEsputnik, call: Caller) -> None:
    """Worked off side by side: the older state is written last."""
    fake.configure(import_polls=0)
    fake.script(Fault("import_late", seconds=0.2))
    for name in ("Old", "New"):
        body = contact("7", email="a@b.example", firstName=name)
        call("POST", "/v1/contacts", batch(body))

    assert (fake.contact("7") or {})["firstName"] == "New"
    assert fake.wait_for(lambda: (fake.contact("7") or {})["firstName"] == "Old")


@pytest.mark.parametrize(("way", "name"), [("sent", "Second"), ("reversed", "First")])
def test_open_imports_may_be_worked_off_in_another_order(
    fake: FakeEsputnik, call: Caller, way: str, name: str
) -> None:
    fake.configure(import_order=way, import_polls=0, import_seconds=0.1)
    for first_name in ("First", "Second"):
        body = contact("7", email="a@b.example", firstName=first_name)
        call("POST", "/v1/contacts", batch(body))
    fake.wait_for(lambda: all(one["status"] == "FINISHED" for one in fake.state["sessions"]))

    assert (fake.contact("7") or {})["firstName"] == name


def test_who_is_erased_while_their_import_is_open_comes_back_and_is_noticed(
    fake: FakeEsputnik, call: Caller
) -> None:
    session = call("POST", "/v1/contacts", batch(contact("7", email="a@b.example"))).json()
    gone = call("DELETE", "/v1/contact", params={"externalCustomerId": "7", "erase": "true"})
    for _ in range(3):
        call("GET", f"/v1/importstatus/{session['asyncSessionId']}")

    assert gone.status_code == 404
    assert set(fake.contacts) == {"7"}
    assert fake.recreated_after_erase[0]["by"] == "/api/v1/contacts"


def test_an_import_that_is_given_up_does_not_end_by_being_asked(
    fake: FakeEsputnik, call: Caller
) -> None:
    fake.script(Fault("status", path="/api/v1/importstatus", status=503, times=None))
    session = call("POST", "/v1/contacts", batch(contact("7", email="a@b.example"))).json()
    path = f"/v1/importstatus/{session['asyncSessionId']}"

    assert [call("GET", path).status_code for _ in range(4)] == [503] * 4
    fake.clear_faults()
    assert call("GET", path).json()["status"] == "STARTED"


def test_it_tells_in_which_order_states_were_stored(fake: FakeEsputnik, call: Caller) -> None:
    upload = batch(contact("7", email="a@b.example", firstName="Old"))
    session = call("POST", "/v1/contacts", upload).json()["asyncSessionId"]
    call("POST", "/v1/contact", contact("7", email="a@b.example", firstName="New"))
    for _ in range(3):
        call("GET", f"/v1/importstatus/{session}")

    told = [(one["firstName"], one["session"]) for one in fake.contact_writes]
    assert told == [("New", ""), ("Old", session)]
