"""What a reconciliation asks of an Oscar shop: versions of orders and contacts, fresh carts, who is
still there.

The version of an order is a hash over the rows that the order itself is made of: order, lines,
discounts, surcharges, payment sources, both addresses and the customer's row. Names, pictures and
categories of *products* are left out on purpose: they are read when an order is sent, but a renamed
category must not send ten thousand old orders again, each of which may start a workflow.

The version of a contact leaves nothing out: a contact starts no workflow, so whatever its record is
made of is in it, down to the names of the categories of what was bought.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q
from oscar.core.loading import get_model

from esputnik_connector.conf import conf
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Page
from esputnik_connector.shops.bulk import fetched, field_names, present, translations_of, values_of
from esputnik_connector.shops.oscar.customers import attributes, people
from esputnik_connector.shops.oscar.customers.addresses import ADDRESS_FIELDS, address_lookups
from esputnik_connector.shops.oscar.keys import GUEST
from esputnik_connector.shops.oscar.optional import model_or_none
from esputnik_connector.shops.oscar.orders import LINE_FIELDS, ORDER_FIELDS
from esputnik_connector.shops.oscar.sync.row_hashes import (
    HashedRow,
    Part,
    combined_hash,
    hashed_rows,
    parts_of,
)

NEVER_SENT = frozenset({"password", "last_login"})  # columns of a user that no payload holds
ADDRESS_ORDER = ("is_default_for_shipping", "is_default_for_billing", "date_created")
KNOWN_FULL_NAMES = ("django.contrib.auth.models", "oscar.apps.customer.abstract_models")


def order_versions(keys: Sequence[str]) -> dict[str, str]:
    """Order number → version. Five queries, whatever the number of orders."""
    found = {head[0]: head for head in _order_heads(keys, _order_columns())}
    parts = parts_of(found, _order_parts())
    return {head[1]: combined_hash((head, parts[pk])) for pk, head in found.items()}


def contact_versions(keys: Sequence[str]) -> dict[str, str]:
    """Key of a customer or a guest → version. Six queries, whatever their number; one more where
    categories have their names in a table of their own, and those of ``CONTACT_ATTRIBUTES``: what
    these callables answer is part of the version."""
    guests = [key.removeprefix(GUEST) for key in keys if key.startswith(GUEST)]
    names = ["user_id", "guest_email", *address_lookups(get_model("order", "Order"))]
    of_guests = {f"{GUEST}{head[1]}": combined_hash(head) for head in _order_heads(guests, names)}
    return _customer_versions(keys) | of_guests


def reads_only_its_row(user_model: Any) -> bool:
    """Does all that a contact takes from a user stand in the user's own row? A property, or a full
    name of the shop's own making, may read anything."""
    columns = field_names(user_model)
    taken = (user_model.get_email_field_name(), "first_name", "last_name", "date_joined")
    full_name = getattr(user_model, "get_full_name", None)
    return all(name in columns or not hasattr(user_model, name) for name in taken) and (
        full_name is None or full_name.__module__ in KNOWN_FULL_NAMES
    )


def _order_heads(keys: Sequence[str], names: Sequence[str]) -> Iterator[HashedRow]:
    model = get_model("order", "Order")
    orders = model._base_manager.order_by()
    numbers = values_of(model._meta.get_field("number"), keys)
    return fetched(
        lambda chunk: hashed_rows(orders.filter(number__in=chunk), ["pk", "number"], names), numbers
    )


def _order_columns() -> list[str]:
    users = [f"user__{name}" for name in _user_columns()]
    own = [name for name in ORDER_FIELDS if name not in ("pk", "number")]
    return [*own, *address_lookups(get_model("order", "Order")), *users]


def _user_columns() -> list[str]:
    return sorted(field_names(get_user_model()) - NEVER_SENT)


def _order_parts() -> list[Part]:
    """The tables that hang on an order, with the columns an order is made of."""
    lines = [name for name in LINE_FIELDS if name != "order_id"]
    found = [
        (get_model("order", "Line"), lines),
        (get_model("order", "OrderDiscount"), ["category", "amount"]),
        (model_or_none("order", "Surcharge"), ["incl_tax"]),
        (model_or_none("payment", "Source"), ["source_type_id"]),
    ]
    return [
        Part(model._base_manager.all(), "order_id", columns)
        for model, columns in found
        if model is not None
    ]


def _customer_versions(keys: Sequence[str]) -> dict[str, str]:
    model = get_user_model()
    users, columns = model._base_manager.order_by(), _user_columns()
    pks = values_of(model._meta.pk, keys)
    rows = fetched(lambda chunk: hashed_rows(users.filter(pk__in=chunk), ["pk"], columns), pks)
    found = {head[0]: head for head in rows}
    if not found:
        return {}
    parts, tree, extra = parts_of(found, _contact_parts()), _tree(), _extra(found)
    return {
        str(pk): combined_hash((head, parts[pk], tree, extra.get(str(pk))))
        for pk, head in found.items()
    }


def _contact_parts() -> list[Part]:
    """Addresses, orders that count as purchases, and the categories of what was bought."""
    categories = ["product__categories", "product__parent__categories"]
    found = [
        Part(attributes.placed_orders(), "user_id", ["pk", *attributes.ORDER_COLUMNS]),
        Part(attributes.bought_lines(), "order__user_id", ["product__parent_id", *categories]),
    ]
    book = model_or_none("address", "UserAddress")
    if book is not None:
        names = present(book, [*ADDRESS_FIELDS, *ADDRESS_ORDER])
        found.append(Part(book._base_manager.all(), "user_id", ["pk", *names]))
    return found


def _tree() -> str:
    """The whole tree of categories: a renamed one tells on everybody who bought below it."""
    model = get_model("catalogue", "Category")
    names = [name for name in field_names(model) if name.startswith("name")]  # in each language
    rows = model._default_manager.order_by("path")
    tree = list(hashed_rows(rows, ["path"], ["is_public", *sorted(names)]))
    texts = translations_of(model)
    if texts is not None:  # whatever its columns are called
        rows = texts._base_manager.order_by("pk")
        tree += hashed_rows(rows, ["pk"], sorted(field_names(texts)))
    return combined_hash(tree)


def _extra(pks: Collection[Any]) -> dict[str, attributes.Attributes]:
    if not conf.CONTACT_ATTRIBUTES:
        return {}
    return attributes.extra_attributes(list(people.users_by_pk(pks).values()))


def existing(kind: Kind, keys: Sequence[str]) -> Collection[str]:
    """A guest is never gone: to delete their first order is no wish to be forgotten."""
    model, name = {
        Kind.CONTACT: (get_user_model(), "pk"),
        Kind.ORDER: (get_model("order", "Order"), "number"),
        Kind.CART: (get_model("basket", "Basket"), "pk"),
    }[kind]
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    rows = model._base_manager.order_by()
    found = fetched(
        lambda chunk: rows.filter(**{f"{name}__in": chunk}).values_list(name, flat=True),
        values_of(field, keys),
    )
    return {str(value) for value in found} | {key for key in keys if key.startswith(GUEST)}


def fresh_carts(*, after: str, since: datetime, limit: int) -> Page:
    """Baskets made since then, or with a line that was saved since then."""
    model = get_model("basket", "Basket")
    lines = get_model("basket", "Line")._base_manager.filter(basket_id=OuterRef("pk"))
    is_fresh = Q(date_created__gte=since)
    if "date_updated" in field_names(lines.model):
        is_fresh |= Q(Exists(lines.filter(date_updated__gte=since)))
    baskets = model._base_manager.filter(is_fresh)
    if after:
        baskets = baskets.filter(pk__gt=after)
    keys = [str(pk) for pk in baskets.order_by("pk").values_list("pk", flat=True)[:limit]]
    return Page(keys=tuple(keys), cursor=keys[-1] if len(keys) == limit else "")
