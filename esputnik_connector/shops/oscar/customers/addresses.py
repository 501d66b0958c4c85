"""Postal addresses: a customer's own, and those of an order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from esputnik_connector import identity
from esputnik_connector.records import Address
from esputnik_connector.shops.bulk import Row, field_names, present, rows
from esputnik_connector.shops.normalise import Cleaner
from esputnik_connector.shops.oscar.optional import model_or_none

ADDRESS_FIELDS = (
    "first_name",
    "last_name",
    "line1",
    "line2",
    "line3",
    "line4",
    "state",
    "postcode",
    "country_id",
    "phone_number",
)

NAME_FIELDS = ("first_name", "last_name")
ORDER_ADDRESSES = {  # of whom an order is billed to, only the name is ever told
    "shipping_address": ADDRESS_FIELDS,
    "billing_address": NAME_FIELDS,
}

AddressBook = list[Row]


def address_books(user_pks: Iterable[Any]) -> Mapping[Any, AddressBook]:
    """User pk → addresses: default for shipping, default for billing, then newest first."""
    model = model_or_none("address", "UserAddress")
    books: defaultdict[Any, AddressBook] = defaultdict(list)
    if model is None:
        return books
    ordering = ("is_default_for_shipping", "is_default_for_billing", "date_created")
    ordered = model._base_manager.order_by(
        *(f"-{name}" for name in present(model, ordering)), "-pk"
    )
    for row in rows(ordered, "user_id", user_pks, ["user_id", *present(model, ADDRESS_FIELDS)]):
        books[row["user_id"]].append(row)
    return books


def address_lookups(model: Any) -> list[str]:
    """``values()`` names of both addresses' columns: no translated texts, so a join is safe."""
    return [
        f"{relation}__{name}"
        for relation, names in ORDER_ADDRESSES.items()
        if relation in field_names(model)
        for name in present(model._meta.get_field(relation).related_model, names)
    ]


def address_of(row: Row, relation: str) -> Row:
    """The columns of one of an order's addresses, from a row read with :func:`address_lookups`."""
    return {name: row[lookup] for name, lookup in _LOOKUPS[relation].items() if lookup in row}


def postal_address(clean: Cleaner, row: Row) -> Address:
    """The address in a row of :data:`ADDRESS_FIELDS`, of any of Oscar's address tables."""
    lines = (row.get("line1"), row.get("line2"), row.get("line3"))
    return Address(
        region=clean.text(row.get("state")),
        town=clean.text(row.get("line4")),
        line=clean.text(", ".join(filter(None, map(identity.one_line, lines)))),
        postcode=clean.text(row.get("postcode")),
        country=clean.text(row.get("country_id")),
    )


_LOOKUPS = {
    relation: {name: f"{relation}__{name}" for name in names}
    for relation, names in ORDER_ADDRESSES.items()
}
