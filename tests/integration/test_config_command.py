"""``manage.py esputnik_config``: what is set in the admin as a document, there and back."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command

from esputnik_connector.fields import reveal
from esputnik_connector.models import (
    Connection,
    Feed,
    FeedAttribute,
    FeedCategory,
    FieldMapping,
    StatusMapping,
)

pytestmark = pytest.mark.django_db

KEY = "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(
        name="main", api_key=KEY, order_route="orders", consent_policy="withhold",
        sync_carts=False, default_status="IN_PROGRESS", environment="here",
    )  # fmt: skip
    FieldMapping.objects.create(connection=connection, attribute="shoe_size", field_id="9")
    StatusMapping.objects.create(connection=connection, shop_status="Нове", status="INITIALIZED")
    StatusMapping.objects.create(connection=connection, shop_status="Test", status="DO_NOT_SEND")
    feed = Feed.objects.create(
        name="uk", language="uk", currency="UAH", every_hours=6, auth_user="cdp",
        auth_password="a password", categories=["3"],
    )  # fmt: skip
    FeedAttribute.objects.create(feed=feed, field="brand", attribute="vendor")
    FeedCategory.objects.create(feed=feed, category="3", google_category="1604")
    return connection


def export() -> dict[str, Any]:
    output = io.StringIO()
    call_command("esputnik_config", "export", stdout=output)
    document: dict[str, Any] = json.loads(output.getvalue())
    return document


def put(document: object, folder, *arguments: str) -> str:
    file = folder / "esputnik.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    output = io.StringIO()
    call_command("esputnik_config", "import", str(file), *arguments, stdout=output)
    return output.getvalue()


def faults(document: object, folder) -> str:
    """What is said of a document that is wrong; nothing may have changed for it."""
    before = export()
    with pytest.raises(CommandError) as caught:
        put(document, folder)
    assert export() == before
    return str(caught.value)


def empty() -> None:
    Connection.objects.all().delete()
    Feed.objects.all().delete()


def test_a_document_holds_everything_but_secrets(main):
    document = export()
    text = json.dumps(document)
    feed = Feed.objects.get()
    for secret in (KEY, reveal(main.salt), feed.secret, "a password", "cdp", '"here"'):
        assert secret not in text
    assert document["schema_version"] == 1
    (connection,) = document["connections"]
    assert connection["status_mappings"] == {"Test": "DO_NOT_SEND", "Нове": "INITIALIZED"}
    assert connection["field_mappings"] == {"9": "shoe_size"}
    assert connection["sync_carts"] is False
    (found,) = document["feeds"]
    assert (found["every_hours"], found["attributes"]) == (6, {"brand": "vendor"})


def test_it_makes_another_installation_alike(main, tmp_path):
    document = export()
    empty()
    said = put(document, tmp_path)
    assert "main: new" in said
    assert export() == document
    connection = Connection.objects.get()
    assert connection.api_key == ""
    assert Feed.objects.get().secret


def test_the_same_again_changes_nothing(main, tmp_path):
    secret = Feed.objects.get().secret
    assert put(export(), tmp_path).strip() == "Nothing to change."
    main.refresh_from_db()
    assert reveal(main.api_key) == KEY
    assert (Feed.objects.get().secret, Feed.objects.get().auth_user) == (secret, "cdp")


def test_it_says_what_it_changes_and_a_rehearsal_changes_nothing(main, tmp_path):
    document = export()
    before = copy.deepcopy(document)
    (connection,) = document["connections"]
    connection["sync_carts"] = True
    connection["status_mappings"] = {"Нове": "IN_PROGRESS", "Sent": "DELIVERED"}
    document["feeds"][0]["every_hours"] = 12
    said = put(document, tmp_path, "--dry-run")
    assert "connection main: sync_carts: False → True" in said
    assert "Test → " in said
    assert "removed" in said
    assert "Sent → DELIVERED" in said
    assert "every_hours: 6 → 12" in said
    assert "rehearsal" in said
    assert export() == before
    put(document, tmp_path)
    assert export() == document


def test_what_is_not_in_the_document_stays(main, tmp_path):
    put({"schema_version": 1, "connections": [{"name": "main", "sync_orders": False}]}, tmp_path)
    main.refresh_from_db()
    assert (main.sync_orders, main.sync_carts, main.order_route) == (False, False, "orders")
    assert main.status_mappings.count() == 2
    assert Feed.objects.exists()


def connections(**values: Any) -> dict[str, Any]:
    return {"schema_version": 1, "connections": [{"name": "main", **values}]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the document must be an object"),
        ({}, "schema_version: is None"),
        ({"schema_version": 2}, "schema_version: is 2; this version of the connector reads 1"),
        ({"schema_version": 1, "conections": []}, "Did you mean “connections”"),
        ({"schema_version": 1, "connections": {}}, "connections: must be a list"),
        ({"schema_version": 1, "connections": [{}]}, "must be an object with a name"),
        (
            {"schema_version": 1, "connections": [{"name": "a"}, {"name": "a"}]},
            "connections[1].name: is in",
        ),
        (connections(sync_orders="yes"), "connections[0].sync_orders: must be true or false"),
        (connections(sync_order=True), "Did you mean “sync_orders”?"),
        (connections(api_key="secret"), "connections[0].api_key: is not known"),
        (connections(destination="mars"), "connections[0].destination: must be one of: esputnik"),
        (connections(order_route="pigeon"), "connections[0].order_route: must be one of: "),
        (
            connections(status_mappings={"New": "NEW"}),
            "connections[0].status_mappings['New']: must be one",
        ),
        (connections(status_mappings=["New"]), "connections[0].status_mappings: must be an object"),
        (connections(api_url="http://esputnik.example"), "connections[0].api_url: "),
        (connections(field_mappings={"9": ""}), "connections[0].field_mappings['9']"),
        (
            {"schema_version": 1, "feeds": [{"name": "uk", "every_hours": 0}]},
            "feeds[0].every_hours: ",
        ),
        (
            {"schema_version": 1, "feeds": [{"name": "uk", "every_hours": True}]},
            "must be a whole number",
        ),
        (
            {"schema_version": 1, "feeds": [{"name": "new one", "language": "uk"}]},
            "feeds[0].name: ",
        ),
        (
            {"schema_version": 1, "feeds": [{"name": "uk", "attributes": {"taste": "x"}}]},
            "attributes['taste']",
        ),
        ("{", "is no JSON"),
    ],
)
def test_what_is_wrong_is_told_with_its_path_and_changes_nothing(main, tmp_path, document, said):
    assert said in faults(document, tmp_path)


def test_one_fault_keeps_back_the_whole_document(main, tmp_path):
    document = {
        "schema_version": 1,
        "connections": [
            {"name": "main", "sync_orders": False},
            {"name": "second", "erase_mode": "vaporise"},
        ],
    }
    assert "connections[1].erase_mode" in faults(document, tmp_path)
    assert Connection.objects.get().sync_orders is True


def test_a_document_cannot_send_the_stored_key_elsewhere(main, tmp_path, settings):
    said = faults(connections(api_url="https://collector.example.net/api"), tmp_path)
    assert "the stored key is not sent to another address" in said
    settings.ESPUTNIK_CONNECTOR = {
        **project_settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            **project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"],
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"},
        },
    }
    assert "connections[0].destination" in faults(connections(destination="recording"), tmp_path)
