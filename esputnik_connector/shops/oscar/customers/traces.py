"""All by which a customer of Oscar could be recognised after their account is gone, or a guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import transaction
from oscar.core.loading import get_model

from esputnik_connector import identity
from esputnik_connector.shops.base import GuestTraces
from esputnik_connector.shops.bulk import field_names, present
from esputnik_connector.shops.normalise import read_phone
from esputnik_connector.shops.oscar.keys import GUEST
from esputnik_connector.shops.oscar.optional import model_or_none

from . import people

ADDRESSES = ("shipping_address", "billing_address")
ADDRESS_COLUMNS = ("phone_number", "country_id")


class Traces(NamedTuple):
    """What names a person: e-mails and phones, and the orders that outlive the account."""

    locators: list[str]
    orders: list[str]


def traces_of(user: Any, using: str | None) -> Traces:
    """Of the user's row, the address book and all orders; three queries at most.

    They run in a savepoint of their own, since the shop's transaction goes on.
    """
    emails = [people.email_of(user)]
    phones = [(number, "") for number in people.phones_of(user)]
    orders = []
    with transaction.atomic(using=using):
        phones += _book(user, using)
        for row in _orders(user, using):
            orders.append(row["number"])
            emails.append(row.get("guest_email") or "")
            phones += _phones(row)
    found = [*map(identity.email, emails), *(read_phone(*pair) for pair in phones)]
    return Traces([*filter(None, dict.fromkeys(found))], orders)


def traces_of_guest(email: str) -> GuestTraces:
    """Of the orders without an account, however their e-mail is written; one query, and one pass
    over the orders: Oscar has no index on the e-mail."""
    model = get_model("order", "Order")
    rows = model._base_manager.filter(user_id=None, guest_email__iexact=email).order_by("pk")
    found = list(rows.values(*_lookups(model)))
    phones = (read_phone(*pair) for row in found for pair in _phones(row))
    numbers = tuple(str(row["number"]) for row in found)
    return GuestTraces(
        contacts=tuple(f"{GUEST}{number}" for number in numbers),
        orders=numbers,
        locators=(email, *filter(None, dict.fromkeys(phones))),
    )


def _book(user: Any, using: str | None) -> Iterator[tuple[Any, str]]:
    model = model_or_none("address", "UserAddress")
    if model is None:
        return
    mine = model._base_manager.using(using).filter(user_id=user.pk)
    for row in mine.values(*present(model, ADDRESS_COLUMNS)):
        yield row.get("phone_number"), row.get("country_id") or ""


def _orders(user: Any, using: str | None) -> Iterator[dict[str, Any]]:
    model = model_or_none("order", "Order")
    if model is None:
        return
    mine = model._base_manager.using(using).filter(user_id=user.pk)
    yield from mine.values(*_lookups(model))


def _lookups(model: Any) -> list[str]:
    lookups = [*present(model, ("number", "guest_email"))]
    for name in ADDRESSES:
        if name in field_names(model):
            address = model._meta.get_field(name).related_model
            lookups += [f"{name}__{column}" for column in present(address, ADDRESS_COLUMNS)]
    return lookups


def _phones(order: dict[str, Any]) -> list[tuple[Any, str]]:
    """Phones of an order, each with the country that it is read by."""
    return [
        (order.get(f"{name}__phone_number"), order.get(f"{name}__country_id") or "")
        for name in ADDRESSES
    ]
