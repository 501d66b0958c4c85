"""Of a customer's attributes, what nobody makes use of is not even read."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.oscar_rows import OSCAR_WARNINGS, SHOP, lines_of, place, root

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

ProductCategory = get_model("catalogue", "ProductCategory")
NAMES_AND_ADDRESSES = 2  # queries
asked: list[str] = []


def loyal(users):
    asked.append("loyalty_card")
    return {str(user.pk): f"card-{user.pk}" for user in users}


@pytest.fixture
def buyer():
    user = factories.UserFactory(email="olena@example.com", first_name="Олена")
    book = factories.ProductFactory(categories=None)
    ProductCategory.objects.create(product=book, category=root("Books"))
    lines_of(place(user, total_incl_tax=Decimal(150)), book)
    return user


@pytest.fixture
def account(settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "CONTACT_ATTRIBUTES": {"loyalty_card": f"{__name__}.loyal"},
    }
    asked.clear()
    return Connection.objects.create(name="main", api_key="a key")


def tables_read(deed) -> set[str]:
    with CaptureQueriesContext(database) as queries:
        deed()
    names = ("order_order", "order_line", "catalogue_category")
    return {name for name in names for one in queries if f'"{name}"' in one["sql"]}


def prepared(account: Connection, user, **values):
    live = registry.destination(Connection.objects.get(pk=account.pk))
    (envelope,) = prepare(
        account, live, registry.shop(), Kind.CONTACT, [str(user.pk)], **values
    ).outgoing
    live.close()
    return envelope


@pytest.mark.parametrize(
    ("wanted", "tables"),
    [
        ([], set()),
        (["first_name"], set()),
        (["total_spent"], {"order_order"}),
        (["purchased_categories"], {"order_order", "order_line", "catalogue_category"}),
    ],
)
def test_only_the_tables_of_what_is_mapped_are_read(buyer, account, wanted, tables):
    for number, name in enumerate(wanted, start=1):
        account.field_mappings.create(attribute=name, field_id=str(number))
    assert tables_read(lambda: prepared(account, buyer)) == tables
    assert asked == []


def test_whatever_is_mapped_goes_out_as_if_all_had_been_read(buyer, account, monkeypatch):
    for number, name in enumerate(SHOP.attributes(), start=1):
        account.field_mappings.create(attribute=name, field_id=str(number))
        some = prepared(account, buyer)
        with monkeypatch.context() as patch:
            patch.setattr(EsputnikDestination, "wanted_attributes", lambda _self: None)
            every = prepared(account, buyer)
        assert (some.digest, some.payload, some.fields) == (
            every.digest,
            every.payload,
            every.fields,
        )
    told = {field["value"] for field in some.payload["contact"]["fields"]}
    assert {"150.00", "Books", f"card-{buyer.pk}"} <= told


def test_what_was_sent_is_cleared_while_it_is_mapped_and_left_alone_after(buyer, account):
    mapping = account.field_mappings.create(attribute="purchased_categories", field_id="7")
    SyncState.objects.create(
        connection=account, kind="contact", key=str(buyer.pk), digest="old", fields=["field:7"]
    )
    assert prepared(account, buyer).clears == frozenset()
    get_model("order", "Line").objects.all().delete()
    assert prepared(account, buyer).clears == {"field:7"}
    mapping.delete()
    assert prepared(account, buyer).clears == frozenset()


seen: list[Collection[str]] = []


def look(record, connection):
    seen.append(set(record.attributes))
    return record


def test_the_shops_hook_sees_every_attribute(buyer, account, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "RECORD_HOOK": f"{__name__}.look",
    }
    seen.clear()
    prepared(account, buyer)
    assert seen == [set(SHOP.attributes())]


class OwnDestination(EsputnikDestination):
    """A project's own, which may look at anything."""

    def prepare(self, record, *, last):
        seen.append(set(getattr(record, "attributes", {})))
        return super().prepare(record, last=last)


def test_a_projects_own_destination_sees_every_attribute(buyer, account, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": f"{__name__}.OwnDestination"}},
    }
    seen.clear()
    prepared(account, buyer)
    assert seen == [set(SHOP.attributes())]


class OwnShop(OscarShop):
    """A project's own way to read contacts: by what all of their attributes tell."""

    def contacts(self, keys):
        return {
            key: one
            for key, one in super().contacts(keys).items()
            if one.attributes["purchased_categories"]
        }


def test_a_projects_own_adapter_sees_every_attribute(buyer, account, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP": f"{__name__}.OwnShop"}
    assert prepared(account, buyer).key == str(buyer.pk)


def test_a_contact_of_whom_nothing_is_mapped_takes_two_queries(buyer):
    with CaptureQueriesContext(database) as queries:
        SHOP.contacts_with([str(buyer.pk)], ())
    assert len(queries) == NAMES_AND_ADDRESSES
