"""Keep the tables small. Nothing that is unsent, set aside or still compared is ever removed."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Model, QuerySet
from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.models import Attempt, CartSession

CHUNK = 5000  # rows per DELETE, so that no statement holds locks for long


def prune() -> int:
    """Remove history older than ``ATTEMPT_RETENTION_DAYS``; returns how many rows went."""
    limit = timezone.now() - timedelta(days=conf.ATTEMPT_RETENTION_DAYS)
    return _remove(Attempt.objects.filter(created_at__lt=limit)) + _remove(
        CartSession.objects.filter(created_at__lt=limit)
    )


def _remove(rows: QuerySet[Model]) -> int:
    removed = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        removed += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return removed
