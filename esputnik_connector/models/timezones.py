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
