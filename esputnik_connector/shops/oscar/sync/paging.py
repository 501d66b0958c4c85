"""Walking over all users, guests and orders of an Oscar shop, by keyset.

A cursor is the primary key of the last row, never its number or date: those may repeat, change or
go. Customers come first, then guests.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Page
from esputnik_connector.shops.bulk import field_names
from esputnik_connector.shops.canonical import key_of
from esputnik_connector.shops.oscar.keys import GUEST
from esputnik_connector.shops.oscar.sync import guests
from esputnik_connector.shops.oscar.sync.ranges import Rows, between, pk_of

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
    rows = guests.first_orders(
        since=since, until=until, after=place, limit=limit, newest_first=newest_first
    )
    keys = [f"{GUEST}{number}" for _pk, number in rows if number is not None]
    return _page(keys, rows, limit, f"{GUESTS}:")


def count(kind: Kind, *, since: datetime | None, until: datetime | None) -> int:
    """See :meth:`~esputnik_connector.shops.base.ShopAdapter.count`."""
    if kind is Kind.ORDER:
        return _orders(since, until).count()
    if kind is not Kind.CONTACT:
        return 0
    return _customers(since, until).count() + guests.count(since, until)


def placed(since: datetime) -> dict[str, datetime]:
    """See :meth:`~esputnik_connector.shops.base.SupportsOrderTimes.placed`."""
    rows = _orders(since, None).order_by().values_list("number", "date_placed")
    return {key_of(number): moment for number, moment in rows.iterator(chunk_size=10_000)}


def count_by_status() -> dict[str, int]:
    """See :meth:`~esputnik_connector.shops.base.SupportsStatusOrders.count_by_status`."""
    rows = _orders(None, None).order_by().values_list("status").annotate(number=Count("pk"))
    return {status: number for status, number in rows if status}


def page_of_status(status: str, *, since: datetime | None, after: str, limit: int) -> Page:
    """See :meth:`~esputnik_connector.shops.base.SupportsStatusOrders.keys_by_status`."""
    rows = _rows(_orders(since, None).filter(status=status), after, "number", limit, True)
    return _page([number for _pk, number in rows], rows, limit, "")


def _page(keys: list[str], rows: Rows, limit: int, prefix: str) -> Page:
    cursor = f"{prefix}{rows[-1][0]}" if len(rows) == limit else ""
    return Page(keys=tuple(keys), cursor=cursor)


def _rows(records: QuerySet[Any], after: str, name: str, limit: int, newest_first: bool) -> Rows:
    """(pk, ``name``) of the next records."""
    if after:
        direction = "lt" if newest_first else "gt"
        records = records.filter(**{f"pk__{direction}": pk_of(records.model, after)})
    ordered = records.order_by("-pk" if newest_first else "pk")
    return list(ordered.values_list("pk", name)[:limit])


def _customers(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    """All users; of a model without ``date_joined`` also when a range is asked for."""
    users = get_user_model()._base_manager.all()
    if "date_joined" not in field_names(get_user_model()):
        return users
    return between(users, "date_joined", since, until)


def _orders(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    return between(get_model("order", "Order")._base_manager.all(), "date_placed", since, until)
