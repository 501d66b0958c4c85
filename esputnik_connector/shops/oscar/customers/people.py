"""Users and their address books, in bulk. Works with any user model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

from esputnik_connector import identity
from esputnik_connector.shops.bulk import Row, among, fetched, field_names
from esputnik_connector.shops.oscar.customers.addresses import AddressBook

PHONE_FIELDS = ("phone_number", "phone")
LANGUAGE_FIELDS = ("language", "preferred_language", "language_code")


class Buyer(NamedTuple):
    """Of a customer, what an order shows."""

    email: str  # as the user's row has it, not yet checked
    first_name: str
    last_name: str


def buyer_lookups(relation: str) -> list[str]:
    """Columns by which a row that points at a user tells all of a :class:`Buyer`.

    None in a shop whose user model has other columns, or a full name of its own making: there
    :func:`buyers` needs the users themselves.
    """
    model = get_user_model()
    columns = ("first_name", "last_name", model.get_email_field_name())
    has_own_name = getattr(model, "get_full_name", None) is not AbstractUser.get_full_name
    if has_own_name or not field_names(model).issuperset(columns):
        return []
    return [f"{relation}__{name}" for name in columns]


def buyers(rows: Iterable[Row], relation: str) -> dict[Any, Buyer]:
    """User pk → buyer, of rows read with :func:`buyer_lookups`."""
    pointer, lookups = f"{relation}_id", buyer_lookups(relation)
    owned = [row for row in rows if row[pointer] is not None]
    if lookups:
        first, last, email = lookups
        return {
            row[pointer]: Buyer(row[email] or "", row[first] or "", row[last] or "")
            for row in owned
        }
    users = users_by_pk({row[pointer] for row in owned})
    return {pk: Buyer(email_of(user), *names_of(user)) for pk, user in users.items()}


def users_by_pk(pks: Iterable[Any]) -> dict[Any, Any]:
    """User pk → user, inactive ones too: a shop's default manager may hide them."""
    users = get_user_model()._base_manager
    return {user.pk: user for user in fetched(lambda chunk: users.filter(among("pk", chunk)), pks)}


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
