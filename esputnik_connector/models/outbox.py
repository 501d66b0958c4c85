"""The durable note of what has to be sent, who is sending, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.fields import ExplanationField
from esputnik_connector.records import Kind

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .clock import has_come
from .connection import Connection
from .labels import KINDS, OUTCOMES, REASONS, choices
from .lease import Leased


class OutboxQuerySet(ConnectorQuerySet["OutboxMessage"]):
    def of(self, connection: Connection, kind: Kind) -> OutboxQuerySet:
        return self.filter(connection=connection, kind=kind.value)

    def unsent(self) -> OutboxQuerySet:
        """Waiting to be sent or tried again: neither set aside nor in an upload."""
        return self.filter(is_dead=False, session="")

    def due(self, now: datetime) -> OutboxQuerySet:
        return self.unsent().filter(has_come("due_at", now))

    def dead(self) -> OutboxQuerySet:
        return self.filter(is_dead=True)

    def holds_more_than(self, bound: int, connection_id: int, kind: Kind) -> bool:
        """Are more rows of this lane waiting? Looks at the index alone, and no further."""
        rows = self.filter(connection_id=connection_id, kind=kind.value, is_dead=False)
        return bool(rows.order_by("due_at").values_list("due_at")[bound : bound + 1])

    def revive(self) -> int:
        """Put rows that were set aside back in line, with a fresh horizon."""
        now = timezone.now()
        return self.dead().update(
            is_dead=False, attempts=0, due_at=now, failing_since=None, reason="", detail=""
        )


class OutboxMessage(ConnectorModel):
    """A change that is not yet settled. Rows are only added in a request, and removed when settled.

    A state row is kind and key, without personal data; many rows of one key are one delivery.
    """

    # No constraint in the database: it would be checked when the shop's transaction commits, and
    # a connection that was deleted a moment ago in another process must not cost a paid order.
    connection = models.ForeignKey(
        Connection,
        models.CASCADE,
        verbose_name=_("connection"),
        related_name="outbox",
        db_constraint=False,
        db_index=False,  # its column leads two of the indexes below
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    key = models.CharField(_("key"), max_length=255)
    payload = models.JSONField(null=True, editable=False)
    captured_at = models.DateTimeField(_("noted"), default=timezone.now)
    due_at = models.DateTimeField(_("next try"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    session = models.CharField(_("upload session"), max_length=100, blank=True, default="")
    # Of a historical record: it must stay as quiet as the merchant chose. Empty: the connection's.
    route = models.CharField(max_length=12, blank=True, default="", editable=False)
    # Sent with others once, some of which were refused without a name: never with others again.
    # NULL is what a process of the former version writes while a new one is deployed.
    goes_alone = models.BooleanField(null=True, default=False, editable=False)
    # Sent even when eSputnik is said to have exactly this: something older may lie over it.
    is_forced = models.BooleanField(null=True, default=False, editable=False)
    # Put in line by a reconciliation, an import or a person: it says nothing of whether changes are
    # noted. NULL as above.
    is_catch_up = models.BooleanField(null=True, default=False, editable=False)
    is_dead = models.BooleanField(_("set aside"), default=False)
    reason = models.CharField(
        _("reason"), max_length=30, blank=True, default="", choices=choices(REASONS)
    )
    detail = ExplanationField(_("what the destination said"), blank=True, default="")

    objects: ClassVar = OutboxQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change")
        verbose_name = _("unsent change")
        verbose_name_plural = _("unsent changes")
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["connection", "kind", "is_dead", "due_at"], name="esputnik_outbox_due"
            ),
            models.Index(fields=["connection", "kind", "key"], name="esputnik_outbox_key"),
            models.Index(  # few are set aside, and each page of the admin counts them
                fields=["id"], name="esputnik_outbox_dead", condition=Q(is_dead=True)
            ),
            models.Index(  # what was only noted has none: capture does not write to it
                fields=["reason", "id"], name="esputnik_outbox_reason", condition=~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


# What lies further ahead was written by a worker with a wrong clock, and is not believed.
LONGEST_PAUSE = timedelta(hours=2)
SAME_LOOK = timedelta(seconds=1)  # two workers that come back so close together are one too many


class LaneQuerySet(ConnectorQuerySet["Lane"]):
    def resting(self, now: datetime) -> LaneQuerySet:
        """Lanes in which nothing is sent now, as :meth:`Lane.is_paused` says."""
        return self.filter(paused_until__gt=now, paused_until__lte=now + LONGEST_PAUSE)


class Lane(Leased):
    """(connection, kind): the unit of order, pacing and pausing. One holder sends at a time."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="lanes"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    paused_until = models.DateTimeField(_("paused until"), null=True)
    pause_detail = ExplanationField(_("why it is paused"), blank=True, default="")
    failures = models.PositiveIntegerField(default=0)
    wake_at = models.DateTimeField(null=True)
    # Requests a second that were found good; NULL before the first one.
    pace = models.FloatField(_("pace"), null=True, editable=False)
    # At which the destination complained last; NULL: never, or it takes more by now.
    refused_pace = models.FloatField(null=True, editable=False)
    # Did the account show that it names the records it refuses? NULL: nobody knows yet.
    names_refusals = models.BooleanField(null=True, editable=False)

    objects: ClassVar = LaneQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change")
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind"], name="esputnik_lane_once")
        ]

    def __str__(self) -> str:
        return f"{self.connection} {self.kind}"

    def pause(self, *, until: datetime, detail: str, failures: int) -> None:
        """Hold every worker off this lane until then."""
        self.paused_until, self.pause_detail, self.failures = until, detail, failures
        self.save(update_fields=["paused_until", "pause_detail", "failures"])

    def resume(self) -> None:
        """End the rest: the destination answers again, or a person says that it does."""
        if self.failures or self.paused_until:
            self.paused_until, self.pause_detail, self.failures = None, "", 0
            self.save(update_fields=["paused_until", "pause_detail", "failures"])

    def learn(self, names_refusals: bool) -> None:
        """An answer showed whether a refusal says which record it means. Once it did not, the form
        of an answer is no promise any more."""
        if self.names_refusals not in (False, names_refusals):
            self.names_refusals = names_refusals
            self.save(update_fields=["names_refusals"])

    def claim_wake(self, at: datetime, *, now: datetime) -> bool:
        """True for the one worker that should come back to this lane at that time. Who comes later
        (a record is tried again in a minute) keeps nobody from coming sooner."""
        is_later = Q(wake_at__gt=at + SAME_LOOK)
        is_unclaimed = Q(wake_at=None) | Q(wake_at__lte=now) | is_later
        claimed = Lane.objects.filter(is_unclaimed, pk=self.pk).update(wake_at=at)
        return claimed == 1

    def is_paused(self, now: datetime) -> bool:
        until = self.paused_until
        return until is not None and now < until <= now + LONGEST_PAUSE


class Attempt(ConnectorModel):
    """What became of one record, once. Redacted: no personal data, no bodies."""

    connection = models.ForeignKey(
        Connection,
        models.CASCADE,
        verbose_name=_("connection"),
        related_name="attempts",
        db_index=False,  # its column leads the first index below
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    key = models.CharField(_("key"), max_length=255)
    outcome = models.CharField(_("outcome"), max_length=10, choices=choices(OUTCOMES))
    reason = models.CharField(
        _("reason"), max_length=30, blank=True, default="", choices=choices(REASONS)
    )
    detail = ExplanationField(_("what the destination said"), blank=True, default="")
    status = models.PositiveSmallIntegerField(_("HTTP status"), default=0)
    notes = models.JSONField(_("warnings"), default=list)
    captured_at = models.DateTimeField(_("noted"), null=True)
    created_at = models.DateTimeField(_("time"), default=timezone.now)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ("view", "change")
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["connection", "kind", "key"], name="esputnik_attempt_key"),
            models.Index(fields=["created_at"], name="esputnik_attempt_time"),
            # The two by which its list is narrowed, newest first, to a few of a million.
            models.Index(fields=["outcome", "id"], name="esputnik_attempt_outcome"),
            models.Index(
                fields=["reason", "id"], name="esputnik_attempt_reason", condition=~Q(reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.outcome}"
