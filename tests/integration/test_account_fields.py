"""What an account says of its additional fields, and of its workflows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountField, Destination
from esputnik_connector.destinations.esputnik.contacts.field_values import FieldValues
from esputnik_connector.models import Connection
from esputnik_connector.operations.connection.verify import verify
from esputnik_connector.operations.health.account import workflows
from esputnik_connector.records import Contact, Note
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.connection_page import rows, staff, table_url

pytestmark = pytest.mark.django_db

FIELDS = [
    {"id": 11, "name": "Note", "type": "TEXTFIELD"},
    {
        "id": 12,
        "name": "Size",
        "type": "COMBOBOX",
        "allowedValues": {"possibleValues": ["S", "M"]},
    },
    {"id": 13, "name": "Score", "type": "NUMBER", "readonly": True},
]


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        server.configure(additional_fields=FIELDS)
        yield server


@pytest.fixture
def account(fake) -> Connection:
    return Connection.objects.create(
        name="main", api_url=fake.api_url, api_key=fake.key, consent_policy="confirmed"
    )


@pytest.mark.parametrize("lists", ["documented", "objects", "lists"])
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("count", [1, 3])
def test_the_fields_are_kept_when_the_key_is_checked(account, fake, lists, as_text, count):
    fake.configure(
        additional_fields=FIELDS[-count:], lists_of_one=lists, addressbook_as_text=as_text
    )
    verify(account)
    account.refresh_from_db()
    known = registry.account(account).known_fields
    assert sorted(known) == ["11", "12", "13"][-count:]
    assert known["13"] == AccountField(id="13", name="Score", type="number", is_read_only=True)
    if count == 3:
        assert known["12"].allowed == ("S", "M")


def test_an_account_that_cannot_tell_leaves_what_was_known(account, fake):
    verify(account)
    for kind in ("text_ok", "reset", "truncate"):
        fake.script(Fault(kind, path="/api/v1/addressbooks"))
        verify(account)
        account.refresh_from_db()
        assert len(account.known_fields) == 3
    fake.script(Fault("status", status=403, path="/api/v1/addressbooks"))
    verify(account)
    account.refresh_from_db()
    assert account.paused_at is None


def test_another_account_has_other_fields(account, fake):
    verify(account)
    fake.configure(organisation="Other", additional_fields=[])
    Connection.objects.update(organisation_id="of a former account")
    account.refresh_from_db()
    verify(account)
    account.refresh_from_db()
    assert account.known_fields == []


@pytest.mark.parametrize(
    ("number", "why"), [("99", "The account has no field 99"), ("13", "13 (Score) is read-only")]
)
def test_the_form_refuses_a_field_that_cannot_be_written(account, client, number, why):
    verify(account)
    client.force_login(staff(is_superuser=True))
    table = rows("field_mappings", [{"attribute": "email", "other_id": number}])
    answer = client.post(table_url("fields"), table)
    assert why in answer.content.decode()
    assert not account.field_mappings.exists()


def test_any_field_may_be_mapped_while_nothing_is_known(account):
    Destination.check_mapped_field("99", {})
    with pytest.raises(ValidationError):
        Destination.check_mapped_field("99", {"1": AccountField(id="1")})


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("textfield", "a" * 1200, "a" * 1000),
        ("textfield", "50% off {now}", "50 off now"),
        ("textarea", "a" * 6000, "a" * 5000),
        ("number", Decimal("12.5"), "13"),
        ("number", "many", ""),
        ("number", 2**31, ""),
        ("number", Decimal("NaN"), ""),
        ("decimal", Decimal("1E+3"), "1000"),
        ("decimal", "x", ""),
        ("date", datetime(2026, 1, 31, 23, 0, tzinfo=timezone.utc), "2026-02-01"),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", "yesterday", ""),
        ("datetime", datetime(2026, 1, 31, 23, 5, 9, tzinfo=timezone.utc), "2026-02-01T01:05"),
        ("datetime", "2026-01-31", "2026-01-31T00:00"),
        ("combobox", "M", "M"),
        ("combobox", "XXL", ""),
        ("checkboxlist", ("S", "XXL", "M"), "S,M"),
        ("tags", "anything", "anything"),
    ],
)
def test_a_value_has_the_form_of_its_field(kind, value, text):
    allowed = ("S", "M") if kind in ("combobox", "checkboxlist") else ()
    known = {"5": AccountField(id="5", type=kind, allowed=allowed)}
    found = FieldValues.of({"x": value}, [("x", "5")], known)
    assert found.values.get("5", "") == text
    assert (Note.FIELD_DROPPED in found.notes) == (not text)
    is_less = bool(text) and kind in ("textfield", "textarea", "checkboxlist")
    assert (Note.FIELD_CUT in found.notes) == is_less


def test_a_number_keeps_to_the_limits_of_its_field_and_read_only_is_left_out():
    narrow = {"5": AccountField(id="5", type="number", smallest="0", largest="10")}
    assert FieldValues.of({"x": 11}, [("x", "5")], narrow).values == {}
    assert FieldValues.of({"x": 10}, [("x", "5")], narrow).values == {"5": "10"}
    closed = {"5": AccountField(id="5", type="number", is_read_only=True)}
    assert FieldValues.of({"x": 1}, [("x", "5")], closed).notes == {Note.FIELD_DROPPED}


def test_what_is_sent_is_what_the_account_stores(account, fake):
    verify(account)
    account.field_mappings.create(attribute="note", field_id="11")
    account.field_mappings.create(attribute="size", field_id="12")
    account.field_mappings.create(attribute="score", field_id="13")
    person = Contact(
        key="1",
        email="a@example.com",
        attributes={"note": "n" * 2000, "size": "XXL", "score": 5},
    )
    live = registry.destination(account)
    envelope = live.prepare(person, last=None)
    live.deliver([envelope])
    live.close()
    assert fake.contact("1")["fields"] == [{"id": 11, "value": "n" * 1000}]
    assert fake.not_stored == []
    assert set(envelope.notes) == {Note.FIELD_CUT, Note.FIELD_DROPPED}


def hints(account: Connection) -> list[str]:
    return [one.text for one in workflows(account)]


def test_the_doctor_hints_at_events_that_no_workflow_is_called_after(account, fake):
    fake.configure(
        workflows=[
            {"id": 1, "name": "Abandoned cart", "status": "active", "tags": ["cartUpdated"]},
            {"id": 2, "name": "orderDELIVERED thanks", "status": "inactive", "tags": []},
        ]
    )
    account.status_mappings.create(shop_status="Done", status="DELIVERED")
    found = hints(account)
    assert found[0] == "Active workflows in the account: 1."
    (hint,) = found[1:]
    assert "orderDELIVERED" in hint
    assert {one.level.value for one in workflows(account)} == {"ok"}
    fake.configure(workflows=[{"id": 2, "name": "orderDELIVERED", "status": "active", "tags": []}])
    Connection.objects.update(sync_carts=False)
    account.refresh_from_db()
    assert hints(account) == ["Active workflows in the account: 1."]


def test_the_doctor_says_nothing_of_workflows_that_cannot_be_read(account, fake):
    fake.script(Fault("status", status=403, path="/api/v1/workflows"))
    assert hints(account) == []
