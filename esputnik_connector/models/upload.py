"""Uploads that nothing waits for any more, and that may still write what they were given."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel
from .connection import Connection
from .labels import KINDS, choices


class LostUpload(ConnectorModel):
    """An upload that was given up, or accepted by a worker that had lost its lane meanwhile; or one
    that may be under way without a ``session`` that is known, since its answer was lost.

    When it ends after all, it writes an older state over a newer one: its records go again then.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="lost_uploads"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    session = models.CharField(_("upload session"), max_length=100)
    keys = models.JSONField(default=list)
    lost_at = models.DateTimeField(_("lost"))
    poll_at = models.DateTimeField(_("asked about next"))

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ()
        verbose_name = _("lost upload")
        verbose_name_plural = _("lost uploads")
        indexes = [models.Index(fields=["connection", "poll_at"], name="esputnik_lost_upload")]

    def __str__(self) -> str:
        return f"{self.connection} {self.session}"
