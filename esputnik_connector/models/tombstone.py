"""Whom a destination must never hold again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel
from .connection import Connection


class Tombstone(ConnectorModel):
    """A salted hash of a deleted person's key, e-mail, phone or order: do not create them again.

    It belongs to the shop and holds for every connection, also for one that comes later.
    """

    # Written by the version before alone, which runs while a new one is deployed.
    connection = models.ForeignKey(
        Connection,
        models.SET_NULL,
        null=True,
        editable=False,
        verbose_name=_("connection"),
        related_name="tombstones",
    )
    fingerprint = models.CharField(max_length=64)
    is_erasure = models.BooleanField(_("erased"), default=True)
    created_at = models.DateTimeField(_("deleted"), default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ("view", "delete")
        verbose_name = _("tombstone")
        verbose_name_plural = _("tombstones")
        constraints = [
            models.UniqueConstraint(fields=["fingerprint"], name="esputnik_tombstone_of_shop")
        ]

    def __str__(self) -> str:
        return self.fingerprint[:12]
