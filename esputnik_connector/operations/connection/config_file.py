"""What is set in the admin, as the document that :mod:`.config` reads. Holds no secrets."""

from __future__ import annotations

from typing import Any

from django.db import models

from esputnik_connector.fields import EncryptedTextField
from esputnik_connector.models import Connection, Feed
from esputnik_connector.operations.storefront.connect import storefront_of
from esputnik_connector.records import JSONObject

from .config_storefront import STOREFRONT, chosen

SCHEMA_VERSION = 1
LEFT_OUT = ("name", "auth_user")  # the name is the id; a user needs a password, which is a secret

# Of each model: name in the document → the two columns of the table, the first of which is unique.
TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "connection": {
        "field_mappings": ("field_id", "attribute"),
        "status_mappings": ("shop_status", "status"),
    },
    "feed": {
        "attributes": ("field", "attribute"),
        "google_categories": ("category", "google_category"),
    },
}


def exported() -> JSONObject:
    """The whole document."""
    return {
        "schema_version": SCHEMA_VERSION,
        "connections": [_of_connection(each) for each in Connection.objects.order_by("name")],
        "feeds": [_of_feed(each) for each in Feed.objects.order_by("name")],
    }


def _of_connection(connection: Connection) -> JSONObject:
    mappings = connection.field_mappings.all()
    statuses = connection.status_mappings.order_by("shop_status")
    storefront = storefront_of(connection)
    return {
        **_plain(connection),
        "field_mappings": {one.field_id: one.attribute for one in mappings},
        "status_mappings": {one.shop_status: one.status for one in statuses},
        **({STOREFRONT: chosen(storefront)} if storefront and storefront.is_connected else {}),
    }


def _of_feed(feed: Feed) -> JSONObject:
    attributes = feed.attributes.order_by("field")
    categories = feed.google_categories.order_by("category")
    return {
        **_plain(feed),
        "attributes": {one.field: one.attribute for one in attributes},
        "google_categories": {one.category: one.google_category for one in categories},
    }


def _plain(row: models.Model) -> JSONObject:
    return {"name": row.name, **{one.name: getattr(row, one.name) for one in fields(type(row))}}  # type: ignore[attr-defined]


def fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """What a person may change of it, secrets left out."""
    return [
        one
        for one in model._meta.concrete_fields
        if one.editable
        and not one.primary_key
        and not isinstance(one, EncryptedTextField)
        and one.name not in LEFT_OUT
    ]
