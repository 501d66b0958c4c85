"""Users and their address books, in bulk. Works with any user model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

from esputnik_connector import identity
from esputnik_connector.shops.bulk import (
    Row,
    among,
    are_columns,
    fetched,
    field_names,
    present,
    rows,
)
from esputnik_connector.shops.oscar.customers.addresses import AddressBook

PHONE_FIELDS = ("phone_number", "phone")
LANGUAGE_FIELDS = ("language", "preferred_language", "language_code")


class Customer(NamedTuple):
    """Of a user, all that a contact is made of, as the user's row has it."""

    pk: Any
    email: str
    first_name: str
    last_name: str
    language: str
    phones: Sequence[object]
    joined_at: datetime | None
    is_staff: bool


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
    if _has_own_name(model) or not field_names(model).issuperset(columns):
        return []
    return [f"{relation}__{name}" for name in columns]


def _has_own_name(model: Any) -> bool:
    return getattr(model, "get_full_name", None) is not AbstractUser.get_full_name


def buyers(found: Iterable[Row], relation: str) -> dict[Any, Buyer]:
    """User pk → buyer, of rows read with :func:`buyer_lookups`."""
    pointer, lookups = f"{relation}_id", buyer_lookups(relation)
    owned = [row for row in found if row[pointer] is not None]
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


def customers_by_pk(
    pks: Iterable[Any], users: Mapping[Any, Any] | None = None
) -> dict[Any, Customer]:
    """User pk → customer. Where the user model has plain columns alone, no user is made.

    :param users: all of them, if they were read already.
    """
    model = get_user_model()
    columns = _columns(model)
    if users or not columns:
        return {pk: customer_of(user) for pk, user in (users or users_by_pk(pks)).items()}
    email = model.get_email_field_name()
    phones, languages = present(model, PHONE_FIELDS), present(model, LANGUAGE_FIELDS)
    return {
        row["pk"]: Customer(
            pk=row["pk"],
            email=row[email] or "",
            first_name=row["first_name"] or "",
            last_name=row["last_name"] or "",
            language=_language(row[name] for name in languages),
            phones=[row[name] for name in phones],
            joined_at=row.get("date_joined"),
            is_staff=row.get("is_staff", False),
        )
        for row in rows(model._base_manager.all(), "pk", pks, ["pk", *columns])
    }


def _columns(model: Any) -> list[str]:
    """What of a user's row makes a :class:`Customer`; nothing where something of it may be told by
    a property or by a full name of the shop's own making."""
    needed = ["first_name", "last_name", model.get_email_field_name()]
    told = ("date_joined", "is_staff")  # of the others, properties do not count in any case
    names = [*needed, *present(model, (*PHONE_FIELDS, *LANGUAGE_FIELDS, *told))]
    is_told_elsewhere = any(hasattr(model, name) and name not in names for name in told)
    if _has_own_name(model) or is_told_elsewhere or not are_columns(model, *names):
        return []
    return names


def customer_of(user: Any) -> Customer:
    return Customer(
        pk=user.pk,
        email=email_of(user),
        first_name=names_of(user)[0],
        last_name=names_of(user)[1],
        language=language_of(user),
        phones=phones_of(user),
        joined_at=getattr(user, "date_joined", None),
        is_staff=bool(getattr(user, "is_staff", False)),
    )


def email_of(user: Any) -> str:
    """The address as the user's row has it, not yet checked."""
    return getattr(user, user.get_email_field_name(), "") or ""


def phones_of(user: Any) -> list[Any]:
    """What the user's own row holds. Only columns: a property might query."""
    columns = field_names(type(user))
    return [getattr(user, name) for name in PHONE_FIELDS if name in columns]


def phone_candidates(customer: Customer, book: AddressBook) -> Iterator[tuple[object, str]]:
    """(number, country) pairs, the most personal first."""
    for number in customer.phones:
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
    return _language(getattr(user, name) for name in LANGUAGE_FIELDS if name in columns)


def _language(told: Iterable[object]) -> str:
    """The first that is one."""
    return next(filter(None, map(identity.language, told)), "")
