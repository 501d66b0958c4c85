"""What keeps a receiver from breaking the shop.

A receiver that raises in ``order_placed`` re-opens the basket of an order that exists already; SQL
that fails outside a savepoint takes a paid order with it on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from logging import getLogger
from typing import Any

from django.db import transaction
from django.db.models import Model
from oscar.core.loading import get_model

from esputnik_connector.exceptions import without_message

logger = getLogger(__name__)


def guarded(receive: Callable[..., None]) -> Callable[..., None]:
    """``receive`` that logs, by key, what it would have raised."""

    @wraps(receive)
    def receive_safely(sender: Any, **kwargs: Any) -> None:
        kwargs.pop("signal", None)
        subject = kwargs.get("instance", kwargs.get("order"))
        try:
            with _savepoint_if_needed(subject, kwargs.get("using")):
                receive(**kwargs)
        except Exception as error:
            label = getattr(getattr(subject, "_meta", None), "label", type(sender).__name__)
            key = getattr(subject, "pk", None)
            logger.error(
                "%s: change of %s %s not captured: %s",
                receive.__name__, label, key, without_message(error),
            )  # fmt: skip

    return receive_safely


def _savepoint_if_needed(subject: Any, using: str | None) -> AbstractContextManager[Any]:
    """To read a deferred field is a query; whoever saves after ``only()`` causes one here."""
    if isinstance(subject, Model) and subject.get_deferred_fields():
        return transaction.atomic(using=using)
    return nullcontext()


def order_number(part: Any, using: str | None) -> Iterable[str]:
    """The number of the order that ``part`` belongs to: from memory, else by one guarded query."""
    field = type(part)._meta.get_field("order")
    if field.is_cached(part):
        return [part.order.number]
    return order_numbers(using, pk=part.order_id)


def order_numbers(using: str | None, **lookup: Any) -> list[str]:
    """Numbers of the orders that match, read inside a savepoint of its own."""
    orders = get_model("order", "Order")._base_manager.using(using)
    with transaction.atomic(using=using):
        return list(orders.filter(**lookup).values_list("number", flat=True))
