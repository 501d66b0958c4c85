"""What the destination is known to hold, and whom it must never hold again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .backfill import Backfill
from .connection import Connection
from .words import KINDS, choices


class SyncState(models.Model):
    """The last delivery of one record.

    ``digest`` is of the payload the destination accepted, empty before the first time. While an
    import runs, ``session`` names it and ``session_digest`` is what it will have delivered.
    Locators are kept as salted hashes only. ``seal`` is written by a reconciliation that found the
    record unchanged: while it still fits, nobody needs to build the record again.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="sync_states", db_index=False
    )  # its column leads the unique constraint below; one index less to keep up for each record
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    key = models.CharField(_("key"), max_length=255)
    owner_key = models.CharField(_("customer"), max_length=255, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    fields = models.JSONField(default=list)
    locators = models.JSONField(default=dict)
    remote_id = models.CharField(_("id in eSputnik"), max_length=100, blank=True, default="")
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    session = models.CharField(_("import session"), max_length=100, blank=True, default="")
    session_digest = models.CharField(max_length=64, blank=True, default="")
    session_since = models.DateTimeField(null=True)
    poll_at = models.DateTimeField(null=True)
    # The historical import that waits for this session.
    backfill = models.ForeignKey(
        Backfill, models.SET_NULL, null=True, editable=False, db_index=False, db_constraint=False,
        related_name="imports",
    )  # fmt: skip
    seal = models.CharField(max_length=32, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("delivered record")
        verbose_name_plural = _("delivered records")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "key"], name="esputnik_sync_state_once"
            )
        ]
        indexes = [
            models.Index(fields=["connection", "kind", "session"], name="esputnik_sync_session"),
            models.Index(fields=["connection", "kind", "owner_key"], name="esputnik_sync_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Tombstone(models.Model):
    """A salted hash of a deleted person's key, e-mail or phone: do not create them again."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="tombstones")
    fingerprint = models.CharField(max_length=64)
    is_erasure = models.BooleanField(_("erased"), default=True)
    created_at = models.DateTimeField(_("deleted"), default=timezone.now)

    class Meta:
        verbose_name = _("tombstone")
        verbose_name_plural = _("tombstones")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "fingerprint"], name="esputnik_tombstone_once"
            )
        ]

    def __str__(self) -> str:
        return self.fingerprint[:12]
