"""Order statuses of the shop that were not sent at all once, and are by now."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel
from .connection import Connection


class ReleasedStatus(ConnectorModel):
    """Somebody mapped a status anew that was “do not send” before. That holds for new changes: no
    night sends the orders of before, each of which would start its event."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="released_statuses"
    )
    shop_status = models.CharField(_("status in the shop"), max_length=100)
    released_at = models.DateTimeField(_("sent since"), default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("released status")
        verbose_name_plural = _("released statuses")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.shop_status
