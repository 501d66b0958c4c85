"""The keys of records that Oscar has no primary key for, and of orders from what hangs on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from oscar.core.loading import get_model

GUEST = "guest:"  # of a guest's key, before the number of their first order


def order_number(part: Any, using: str | None) -> Iterable[str]:
    """The number of the order that ``part`` belongs to: from memory, else by one query."""
    field = type(part)._meta.get_field("order")
    if field.is_cached(part):
        return [part.order.number]
    return order_numbers(using, pk=part.order_id)


def order_numbers(using: str | None, **lookup: Any) -> list[str]:
    """Numbers of the orders that match, read inside a savepoint of its own."""
    orders = get_model("order", "Order")._base_manager.using(using)
    with transaction.atomic(using=using):
        return list(orders.filter(**lookup).values_list("number", flat=True))
