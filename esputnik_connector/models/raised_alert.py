"""What the merchant was alerted of, and is not well yet."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel


class RaisedAlert(ConnectorModel):
    """A row per cause, so that no person is told of it twice. It goes when the cause is gone."""

    cause = models.CharField(max_length=255, unique=True)
    code = models.CharField(max_length=100)
    area = models.CharField(max_length=20, blank=True, default="")
    connection = models.CharField(max_length=50, blank=True, default="")
    feed = models.CharField(max_length=50, blank=True, default="")
    text = models.TextField(blank=True, default="")  # as it was told
    raised_at = models.DateTimeField(default=timezone.now)

    digested_at = models.DateTimeField(null=True)  # when it was last told that it lasts

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["raised_at"]

    def __str__(self) -> str:
        return self.cause
