"""Parts of a walk: between two moments, and after a cursor."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from esputnik_connector.shops.bulk import values_of

Rows = list[tuple[Any, Any]]  # pk, and what the key is made of


def between(
    records: QuerySet[Any], name: str, since: datetime | None, until: datetime | None
) -> QuerySet[Any]:
    """Those whose ``name`` is from the one moment on, and before the other."""
    if since is not None:
        records = records.filter(**{f"{name}__gte": since})
    return records.filter(**{f"{name}__lt": until}) if until is not None else records


def pk_of(model: Any, text: str) -> Any:
    """A cursor's text as a primary key.

    :raises ValueError: it is none.
    """
    values = values_of(model._meta.pk, [text])
    if not values:
        raise ValueError(f"{text!r} is no cursor of {model._meta.label}")
    return values[0]
