"""A connection as its destination sees it."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor

from esputnik_connector import registry
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection, FieldMapping, StatusMapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def main() -> Connection:
    return Connection.objects.create(name="main", api_key="a key of some length")


def test_what_a_connection_leaves_open_is_the_destinations_own(main):
    account = registry.account(main)
    assert account.api_url == EsputnikDestination.default_api_url
    assert account.tracker_url == EsputnikDestination.default_tracker_url
    assert (account.order_route, account.erase_mode) == ("orders", "erase")
    assert account.default_status == "INITIALIZED"


def test_what_a_merchant_chose_stays(main):
    main.api_url, main.order_route, main.erase_mode = "https://cdp.test/", "events", "deactivate"
    main.default_status = "DO_NOT_SEND"
    account = registry.account(main)
    assert account.api_url == "https://cdp.test"
    assert (account.order_route, account.erase_mode) == ("events", "deactivate")
    assert account.default_status == ""


def test_a_status_that_is_not_to_be_sent_is_empty_for_the_destination(main):
    StatusMapping.objects.create(connection=main, shop_status="Draft", status="DO_NOT_SEND")
    StatusMapping.objects.create(connection=main, shop_status="Paid", status="IN_PROGRESS")
    assert registry.account(main).statuses == {"Draft": "", "Paid": "IN_PROGRESS"}


def test_ids_of_fields_that_are_numbers_travel_in_the_order_of_numbers(main):
    for number in ("10", "9", "100"):
        FieldMapping.objects.create(connection=main, attribute="tags", field_id=number)
    FieldMapping.objects.create(connection=main, attribute="age", field_id="200")
    assert registry.account(main).fields == (
        ("age", "200"),
        ("tags", "9"),
        ("tags", "10"),
        ("tags", "100"),
    )


def test_a_destination_that_the_settings_lost_is_called_by_its_bare_name():
    assert registry.destination_label("esputnik") == "eSputnik"
    assert registry.destination_label("gone") == "gone"
    with pytest.raises(ConfigurationError, match="there are: esputnik"):
        registry.destination_class("gone")


@pytest.mark.django_db(transaction=True)
def test_the_ids_of_fields_survive_becoming_text():
    """From a number to a text and back, with the rows that a shop has."""
    before = [("esputnik_connector", "0002_drop_unused_owner_index")]
    changed = [("esputnik_connector", "0004_destination_choices")]  # it changes the column
    after = MigrationExecutor(database).loader.graph.leaf_nodes("esputnik_connector")
    try:
        old = MigrationExecutor(database).migrate(before).apps
        connection = old.get_model("esputnik_connector", "Connection").objects.create(name="old")
        mappings = old.get_model("esputnik_connector", "FieldMapping").objects
        mappings.create(connection=connection, attribute="tags", field_id=17)
        new = MigrationExecutor(database).migrate(changed).apps
        assert new.get_model("esputnik_connector", "FieldMapping").objects.get().field_id == "17"
        MigrationExecutor(database).migrate(before)
        assert mappings.get().field_id == 17
        MigrationExecutor(database).migrate(after)
        mapping = FieldMapping.objects.get()
        assert (mapping.attribute, mapping.field_id) == ("tags", "17")
        assert registry.account(mapping.connection).api_url == "https://esputnik.com/api"
    finally:
        MigrationExecutor(database).migrate(after)
