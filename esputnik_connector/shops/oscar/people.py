"""Users and their address books, in bulk. Works with any user model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from esputnik_connector import identity
from esputnik_connector.shops.oscar.tables import (
    Row,
    fetched,
    field_names,
    model_or_none,
    present,
    rows,
)

PHONE_FIELDS = ("phone_number", "phone")
LANGUAGE_FIELDS = ("language", "preferred_language", "language_code")
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

AddressBook = list[Row]


def users_by_pk(pks: Iterable[Any]) -> dict[Any, Any]:
    """User pk → user, inactive ones too: a shop's default manager may hide them."""
    users = get_user_model()._base_manager
    return {user.pk: user for user in fetched(lambda chunk: users.filter(pk__in=chunk), pks)}


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


def email_of(user: Any) -> str:
    """The address as the user's row has it, not yet checked."""
    return getattr(user, user.get_email_field_name(), "") or ""


def phones_of(user: Any) -> list[Any]:
    """What the user's own row holds. Only columns: a property might query."""
    columns = field_names(type(user))
    return [getattr(user, name) for name in PHONE_FIELDS if name in columns]


def phone_candidates(user: Any, book: AddressBook) -> Iterator[tuple[object, str]]:
    """(number, country) pairs, the most personal first."""
    for number in phones_of(user):
        yield number, ""
    for address in book:
        yield address.get("phone_number"), address.get("country_id") or ""


def names_of(user: Any) -> tuple[str, str]:
    """First and last name; a model without these fields gives its full name as the first."""
    first, last = getattr(user, "first_name", "") or "", getattr(user, "last_name", "") or ""
    if not (first or last) and hasattr(user, "get_full_name"):
        first = user.get_full_name() or ""
    return first, last


def language_of(user: Any) -> str:
    columns = field_names(type(user))
    known = (getattr(user, name) for name in LANGUAGE_FIELDS if name in columns)
    return next(filter(None, map(identity.language, known)), "")
