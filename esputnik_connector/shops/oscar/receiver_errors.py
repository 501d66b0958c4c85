"""What a receiver raises is logged, and never breaks the shop.

A receiver that raises in ``order_placed`` re-opens the basket of an order that exists already; SQL
that fails outside a savepoint takes a paid order with it on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from logging import getLogger
from typing import Any

from django.db import transaction
from django.db.models import Model

from esputnik_connector.exceptions import without_message

logger = getLogger(__name__)


def log_errors(receive: Callable[..., None]) -> Callable[..., None]:
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
                receive.__name__,
                label,
                key,
                without_message(error),
            )

    return receive_safely


def _savepoint_if_needed(subject: Any, using: str | None) -> AbstractContextManager[Any]:
    """To read a deferred field is a query: a shop that saves after ``only()`` causes one here."""
    if isinstance(subject, Model) and subject.get_deferred_fields():
        return transaction.atomic(using=using)
    return nullcontext()
