"""Walking over all users, guests and orders of an Oscar shop, by keyset.

A cursor is the primary key of the last row, never its number or date: those may repeat, change or
go. Customers come first, then guests.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Page
from esputnik_connector.shops.bulk import field_names, values_of
from esputnik_connector.shops.oscar.keys import GUEST

CUSTOMERS, GUESTS = "customer", "guest"  # the two parts of the walk over contacts


def page(
    kind: Kind,
    *,
    after: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    newest_first: bool,
) -> Page:
    """See :meth:`~esputnik_connector.shops.base.ShopAdapter.keys`."""
    if kind is Kind.ORDER:
        rows = _rows(_orders(since, until), after, "number", limit, newest_first)
        return _page([number for _pk, number in rows], rows, limit, "")
    if kind is not Kind.CONTACT:
        return Page()
    part, _, place = after.partition(":")
    if part != GUESTS:
        rows = _rows(_customers(since, until), place, "pk", limit, newest_first)
        found = _page([str(pk) for pk, _same in rows], rows, limit, f"{CUSTOMERS}:")
        return found if found.cursor else Page(keys=found.keys, cursor=f"{GUESTS}:")
    rows = _first_orders(_guests(since, until), place, limit, newest_first)
    keys = [f"{GUEST}{number}" for _pk, number in rows if number is not None]
    return _page(keys, rows, limit, f"{GUESTS}:")


def count(kind: Kind, *, since: datetime | None, until: datetime | None) -> int:
    """See :meth:`~esputnik_connector.shops.base.ShopAdapter.count`."""
    if kind is Kind.ORDER:
        return _orders(since, until).count()
    if kind is not Kind.CONTACT:
        return 0
    return _customers(since, until).count() + _guests(since, until).count()


Rows = list[tuple[Any, Any]]


def _page(keys: list[str], rows: Rows, limit: int, prefix: str) -> Page:
    cursor = f"{prefix}{rows[-1][0]}" if len(rows) == limit else ""
    return Page(keys=tuple(keys), cursor=cursor)


def _rows(records: QuerySet[Any], after: str, name: str, limit: int, newest_first: bool) -> Rows:
    """(pk, ``name``) of the next records."""
    if after:
        direction = "lt" if newest_first else "gt"
        records = records.filter(**{f"pk__{direction}": _pk(records.model, after)})
    ordered = records.order_by("-pk" if newest_first else "pk")
    return list(ordered.values_list("pk", name)[:limit])


def _first_orders(guests: QuerySet[Any], after: str, limit: int, newest_first: bool) -> Rows:
    """(pk, number) of the next guests' first orders; without number if the order just went."""
    if after:
        direction = "lt" if newest_first else "gt"
        guests = guests.filter(**{f"first__{direction}": _pk(guests.model, after)})
    ordered = guests.order_by("-first" if newest_first else "first")
    pks = list(ordered.values_list("first", flat=True)[:limit])
    orders = guests.model._base_manager.filter(pk__in=pks)
    numbers = dict(orders.values_list("pk", "number"))
    return [(pk, numbers.get(pk)) for pk in pks]


def _customers(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    """All users; of a model without ``date_joined`` also when a range is asked for."""
    users = get_user_model()._base_manager.all()
    if "date_joined" not in field_names(get_user_model()):
        return users
    return _between(users, "date_joined", since, until)


def _orders(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    return _between(get_model("order", "Order")._base_manager.all(), "date_placed", since, until)


def _guests(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    """An e-mail of guest orders that no user has, with its first order: a row per person.

    There is no index on ``guest_email``, so each page costs one pass over the guest orders.
    """
    orders = (
        get_model("order", "Order")
        ._base_manager.filter(user_id=None)
        .exclude(Q(guest_email="") | Q(guest_email=None))
    )
    orders = orders.annotate(address=Lower("guest_email"))
    name = get_user_model().get_email_field_name()
    if name in field_names(get_user_model()):  # else no customer can be told by an address
        users = get_user_model()._base_manager.annotate(lower_email=Lower(name))
        orders = orders.filter(~Exists(users.filter(lower_email=OuterRef("address"))))
    guests = orders.values("address").annotate(first=Min("pk"), since=Min("date_placed"))
    return _between(guests, "since", since, until)


def _between(
    records: QuerySet[Any], name: str, since: datetime | None, until: datetime | None
) -> QuerySet[Any]:
    if since is not None:
        records = records.filter(**{f"{name}__gte": since})
    return records.filter(**{f"{name}__lt": until}) if until is not None else records


def _pk(model: Any, text: str) -> Any:
    """A cursor's text as a primary key."""
    values = values_of(model._meta.pk, [text])
    if not values:
        raise ValueError(f"{text!r} is no cursor of {model._meta.label}")
    return values[0]
