"""Walking over the guests of an Oscar shop: who ordered, and has no account.

A guest is an e-mail of guest orders that no user has, known by the first of these orders. Oscar
has no index on ``guest_email``, so to find them is one pass over all guest orders. A pass per page
would cost the square of their number; so a long walk makes one pass for very many of them, and
keeps the keys of their first orders: 8 bytes each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, IntegerField, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from oscar.core.loading import get_model

from esputnik_connector.shops.bulk import field_names
from esputnik_connector.shops.oscar.sync.ranges import Rows, between, pk_of

# First orders found by one pass: some megabytes while they are read.
KEPT = 100_000

Span = tuple[datetime | None, datetime | None]
Kept = dict[Span, "array[int]"]  # pks of first orders, in their order

_kept: ContextVar[Kept | None] = ContextVar("kept_guests", default=None)


@contextmanager
def guests_kept() -> Iterator[None]:
    """Find the guests once within: for a walk over history of a minute or so. Who registers
    meanwhile is a guest until the next one."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def count(since: datetime | None, until: datetime | None) -> int:
    """How many guests ordered for the first time between these moments."""
    return _guests(since, until).count()


def first_orders(
    *,
    since: datetime | None,
    until: datetime | None,
    after: str,
    limit: int,
    newest_first: bool,
) -> Rows:
    """(pk, number) of the next guests' first orders; without number if the order just went."""
    model = get_model("order", "Order")
    place = pk_of(model, after) if after else None
    kept, span = _kept.get(), (since, until)
    if kept is not None and span in kept:
        rows = _numbered(_next(kept[span], place, limit, newest_first))
        # Else it is the end, behind which somebody may have ordered since, or an order went, and
        # another one is that guest's first now.
        if len(rows) == limit and all(number is not None for _pk, number in rows):
            return rows
    return _numbered(_found(since, until, place, limit, newest_first))


def _numbered(pks: list[Any]) -> Rows:
    orders = get_model("order", "Order")._base_manager.filter(pk__in=pks)
    numbers = dict(orders.values_list("pk", "number"))
    return [(pk, numbers.get(pk)) for pk in pks]


def _found(
    since: datetime | None, until: datetime | None, place: Any, limit: int, newest_first: bool
) -> list[Any]:
    """One pass over the guest orders. A long walk keeps what comes after this page, too."""
    firsts = _guests(since, until)
    if place is not None:
        direction = "lt" if newest_first else "gt"
        firsts = firsts.filter(**{f"first__{direction}": place})
    ordered = firsts.order_by("-first" if newest_first else "first").values_list("first", flat=True)
    kept = _kept.get()
    if kept is None or not isinstance(firsts.model._meta.pk, IntegerField):
        return list(ordered[:limit])  # texts are sorted by the database in its own way
    found = array("q", ordered[: max(limit, KEPT)])
    if newest_first:
        found.reverse()
    kept[since, until] = found
    return _next(found, place, limit, newest_first)


def _next(pks: array[int], place: Any, limit: int, newest_first: bool) -> list[Any]:
    """The next ones after ``place``, which is a key or ``None``."""
    if not newest_first:
        start = 0 if place is None else bisect_right(pks, place)
        return list(pks[start : start + limit])
    end = len(pks) if place is None else bisect_left(pks, place)
    return list(pks[max(0, end - limit) : end])[::-1]


def _guests(since: datetime | None, until: datetime | None) -> QuerySet[Any]:
    """A row per person, with their first order."""
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
    return between(guests, "since", since, until)
