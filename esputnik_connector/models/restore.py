"""That the database came back from a backup, which nothing in it can tell: a person says it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel


class Restore(ConnectorModel):
    """One time that it was restored. What was delivered since the backup is unknown here until a
    person says that all is settled."""

    noted_at = models.DateTimeField(_("noted"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("restore")
        verbose_name_plural = _("restores")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.noted_at:%Y-%m-%d %H:%M}"

    @classmethod
    def unsettled(cls) -> Restore | None:
        """The one that is still to be dealt with."""
        found: Restore | None = cls.objects.filter(settled_at=None).first()
        return found
