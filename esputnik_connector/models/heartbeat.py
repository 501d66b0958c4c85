"""When something that must run now and then ran last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel

FURTHEST_AHEAD = timedelta(hours=1)  # clocks may be minutes apart


class Heartbeat(ConnectorModel):
    """A row per task. In the database, since a project's cache may belong to one process alone."""

    name = models.CharField(max_length=50, unique=True)
    beaten_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def beat(cls, name: str) -> None:
        now = timezone.now()
        if not cls.objects.filter(name=name).update(beaten_at=now):  # one statement, but once
            row = Heartbeat(name=name, beaten_at=now)
            Heartbeat.objects.bulk_create([row], ignore_conflicts=True)

    @classmethod
    def last(cls, name: str) -> datetime | None:
        """``None``: never, or by a clock that is hours ahead, which says nothing of when."""
        known = cls.objects.filter(name=name, beaten_at__lte=timezone.now() + FURTHEST_AHEAD)
        return known.values_list("beaten_at", flat=True).first()
