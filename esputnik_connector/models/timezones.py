"""Moments in shops with time zones and in those with ``USE_TZ = False``, where they are naive."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import timezone


def local_time(moment: datetime) -> datetime:
    """As the merchant's clock shows it."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def stored_time(moment: datetime) -> datetime:
    """As the shop's database keeps it, to be stored there and to be compared with Django's now."""
    if settings.USE_TZ:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    if timezone.is_naive(moment):
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())


def kept_span(since: datetime | None, until: datetime | None) -> dict[str, datetime | None]:
    """A range of moments as the shop's database keeps them, by the names of its two ends."""
    return {"since": since and stored_time(since), "until": until and stored_time(until)}
