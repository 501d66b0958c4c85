"""Finding people in an Oscar shop by e-mail, phone or name, in six queries at the most.

Oscar has an index on the e-mail of a user and on nothing else that is asked here: a shop of a
million orders makes its own (see ``docs/howto/search.md``). No query reads more than a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Match, Wanted
from esputnik_connector.shops.bulk import aware, field_names, present, read, values_of
from esputnik_connector.shops.oscar.customers import people
from esputnik_connector.shops.oscar.keys import GUEST
from esputnik_connector.shops.oscar.optional import model_or_none

ORDER_COLUMNS = ("number", "date_placed", "user_id", "guest_email")
ADDRESSES = ("shipping_address", "billing_address")


def search(wanted: Wanted, limit: int) -> list[Match]:
    """Customers first, then the guests and their orders."""
    found = [_customer(user) for user in _users(wanted, limit)]
    rows = list(_guest_orders(wanted, limit)) if len(found) < limit else []
    if rows and wanted.email and not found:  # else the address is an account's
        found.append(_guest(rows[0]))
    return [*found, *map(_order, rows)][:limit]


def _guest(row: dict[str, Any]) -> Match:
    """Somebody without an account is known by the first of their orders."""
    email = str(row.get("guest_email") or "")
    orders = get_model("order", "Order")._base_manager.filter(user_id=None, guest_email=email)
    first = orders.order_by("pk").values_list("number", flat=True).first()
    return Match(
        kind=Kind.CONTACT, key=f"{GUEST}{first or row['number']}", name=_buyer(row), email=email
    )


def _users(wanted: Wanted, limit: int) -> Iterator[Any]:
    users = get_user_model()._base_manager.order_by("-pk")
    if wanted.email:
        yield from _by_email(users, wanted.email, limit)
        return
    if wanted.phone:
        yield from _by_phone(users, wanted.phone, limit)
        return
    if condition := _named(wanted.name, "first_name", "last_name", get_user_model()):
        yield from users.filter(condition)[:limit]


def _by_email(users: Any, email: str, limit: int) -> list[Any]:
    """As it is written, by the index; else whatever the case of its letters is."""
    name = get_user_model().get_email_field_name()
    if name not in field_names(get_user_model()):
        return []
    spelled = {email, email.lower()}
    exact = list(users.filter(**{f"{name}__in": spelled})[:limit])
    return exact or list(users.filter(**{f"{name}__iexact": email})[:limit])


def _by_phone(users: Any, phone: str, limit: int) -> list[Any]:
    """Of the user's own row, then of the address book."""
    columns = present(get_user_model(), people.PHONE_FIELDS)
    condition = Q(pk__in=[])
    for column in columns:
        condition |= Q(**{column: phone})
    found = list(users.filter(condition)[:limit]) if columns else []
    book = model_or_none("address", "UserAddress")
    if book is None or "phone_number" not in field_names(book):
        return found
    owners = book._base_manager.filter(phone_number=phone).order_by("-pk")
    pks = [pk for pk in owners.values_list("user_id", flat=True)[:limit] if pk is not None]
    known = {user.pk for user in found}
    return [*found, *users.filter(pk__in=set(pks) - known)[:limit]]


def _named(name: Sequence[str], first: str, last: str, model: Any) -> Q | None:
    """People of whom each part of the name begins the first name or the last name."""
    if not name or not field_names(model).issuperset({"first_name", "last_name"}):
        return None
    condition = Q()
    for part in name:
        condition &= Q(**{f"{first}__istartswith": part}) | Q(**{f"{last}__istartswith": part})
    return condition


def _guest_orders(wanted: Wanted, limit: int) -> Iterator[dict[str, Any]]:
    """Orders without an account; whoever has one is found there."""
    model = get_model("order", "Order")
    guests = model._base_manager.filter(user_id=None).order_by("-pk")
    names = [*present(model, ORDER_COLUMNS), *_name_lookups(model)]
    if condition := _of_guest(wanted, model):
        yield from read(guests.filter(condition)[:limit], names)


def _of_guest(wanted: Wanted, model: Any) -> Q | None:
    if wanted.email:
        return Q(guest_email__in={wanted.email, wanted.email.lower()}) | Q(
            guest_email__iexact=wanted.email
        )
    address = model._meta.get_field(ADDRESSES[0]).related_model
    if wanted.phone:
        is_there = "phone_number" in field_names(address)
        return Q(shipping_address__phone_number=wanted.phone) if is_there else None
    first, last = f"{ADDRESSES[0]}__first_name", f"{ADDRESSES[0]}__last_name"
    return _named(wanted.name, first, last, address)


def _name_lookups(model: Any) -> list[str]:
    """Columns of the addresses of an order by which its buyer is called."""
    return [
        f"{name}__{column}"
        for name in ADDRESSES
        if name in field_names(model)
        for column in present(
            model._meta.get_field(name).related_model, ("first_name", "last_name")
        )
    ]


def _order(row: dict[str, Any]) -> Match:
    return Match(
        kind=Kind.ORDER,
        key=str(row["number"]),
        name=_buyer(row),
        moment=aware(row.get("date_placed")),
    )


def _buyer(row: dict[str, Any]) -> str:
    for name in ADDRESSES:
        parts = (row.get(f"{name}__first_name") or "", row.get(f"{name}__last_name") or "")
        if any(parts):
            return " ".join(filter(None, parts))
    return ""


def _customer(user: Any) -> Match:
    name = " ".join(filter(None, people.names_of(user)))
    return Match(
        kind=Kind.CONTACT,
        key=str(user.pk),
        name=name,
        email=str(people.email_of(user)),
        moment=aware(getattr(user, "date_joined", None)),
    )


def belongings(key: str, limit: int) -> list[Match]:
    """Orders and carts of a customer; orders of a guest."""
    model = get_model("order", "Order")
    orders = model._base_manager.order_by("-pk")
    names = [*present(model, ORDER_COLUMNS), *_name_lookups(model)]
    if key.startswith(GUEST):
        return [_order(row) for row in _of_the_same_guest(orders, key, names, limit)]
    pks = values_of(get_user_model()._meta.pk, [key])
    if not pks:
        return []
    found = [_order(row) for row in read(orders.filter(user_id__in=pks)[:limit], names)]
    return [*found, *_carts(pks, limit)]


def _of_the_same_guest(
    orders: Any, key: str, names: Sequence[str], limit: int
) -> Iterable[dict[str, Any]]:
    guests = orders.filter(user_id=None)
    number = key.removeprefix(GUEST)
    email = guests.filter(number=number).values_list("guest_email", flat=True).first()
    condition = Q(guest_email__iexact=email) if email else Q(number=number)
    return read(guests.filter(condition)[:limit], names)


def _carts(owner_pks: Sequence[Any], limit: int) -> Iterator[Match]:
    model = model_or_none("basket", "Basket")
    if model is None:
        return
    baskets = model._base_manager.filter(owner_id__in=owner_pks).order_by("-pk")
    for pk, created in baskets.values_list("pk", "date_created")[:limit]:
        yield Match(kind=Kind.CART, key=str(pk), moment=aware(created))
