"""One run over a shop's history: how far it got, and what became of every record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Kind

from .connection import Connection
from .labels import KINDS, choices

STOP_LOSS = 0.25  # share of a page; more refusals than that are a mistake in the set-up


class State(models.TextChoices):
    RUNNING = "running", _("running")
    SETTLING = "settling", _("all sent; the last ones are still being imported")
    PAUSED = "paused", _("paused")
    FINISHED = "finished", _("finished")
    CANCELLED = "cancelled", _("cancelled")


WORKING = (State.RUNNING, State.SETTLING)


class BackfillQuerySet(models.QuerySet["Backfill"]):
    def open(self) -> BackfillQuerySet:
        return self.filter(is_open=True)

    def waiting_for_a_worker(self, now: datetime) -> BackfillQuerySet:
        """Runs that should go on and that nobody works at or has planned to."""
        is_idle = Q(leased_until=None) | Q(leased_until__lt=now)
        is_due = Q(wake_at=None) | Q(wake_at__lt=now)
        return self.filter(
            is_idle, is_due, state__in=WORKING, connection__in=Connection.objects.sending()
        )


class Backfill(models.Model):
    """A historical import of one kind.

    ``page`` holds the keys of the present page that are not settled yet, ``cursor`` where the next
    page begins; both are written in one transaction with what became of the records, so that a
    worker may die at any line.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="backfills"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    route = models.CharField(_("route of orders"), max_length=12, blank=True, default="")
    since = models.DateTimeField(_("from"), null=True, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    newest_first = models.BooleanField(_("newest first"), default=False)
    keys = models.JSONField(null=True, editable=False)  # only these; null: all of the range
    stop_loss = models.FloatField(_("pause at this share of refusals"), default=STOP_LOSS)

    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RUNNING
    )
    # True while it is open, else NULL, which every database takes for different from each other:
    # so "one open run per connection and kind" needs no partial index.
    is_open = models.BooleanField(null=True, default=True, editable=False)
    is_former = models.BooleanField(_("went to a former account"), default=False)
    detail = models.TextField(_("why it is paused"), blank=True, default="")
    cursor = models.CharField(max_length=300, blank=True, default="", editable=False)
    is_read = models.BooleanField(default=False, editable=False)  # no page is left
    page = models.JSONField(default=list, editable=False)
    page_size = models.PositiveIntegerField(default=0, editable=False)
    page_refused = models.PositiveIntegerField(default=0, editable=False)
    tries = models.PositiveIntegerField(default=0, editable=False)
    total = models.PositiveIntegerField(_("records"), default=0)
    counts = models.JSONField(_("counts"), default=dict)
    skips = models.JSONField(_("skipped, by reason"), default=dict)
    refusals = models.JSONField(_("refused, by reason"), default=dict)

    holder = models.CharField(max_length=36, blank=True, default="", editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    wake_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = BackfillQuerySet.as_manager()

    class Meta:
        verbose_name = _("historical import")
        verbose_name_plural = _("historical imports")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "is_open"],
                name="esputnik_backfill_once",
                violation_error_message=_("Such an import is under way already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection} {self.kind}"

    def of_kind(self) -> Kind:
        return Kind(self.kind)

    @property
    def is_working(self) -> bool:
        return self.state in WORKING

    @property
    def done(self) -> int:
        """Records of which it is known what became of them, or that eSputnik is importing."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        return max(self.total - self.done, 0)

    def lease(self, holder: str, *, seconds: int, now: datetime) -> bool:
        """Become the one worker of this run, or stay it. One compare-and-set UPDATE."""
        is_free = Q(holder__in=["", holder]) | Q(leased_until__lt=now)
        taken = Backfill.objects.filter(is_free, pk=self.pk, state__in=WORKING).update(
            holder=holder, leased_until=now + timedelta(seconds=seconds), wake_at=None
        )
        return taken == 1

    def release(self, holder: str, *, wake_at: datetime | None) -> bool:
        """Let go; True for the one worker that may announce the next turn."""
        mine = Backfill.objects.filter(pk=self.pk, holder=holder)
        return mine.update(holder="", leased_until=None, wake_at=wake_at) == 1

    def change(self, *states: State, to: State, **values: Any) -> bool:
        """Go to another state, unless somebody else has changed it meanwhile."""
        if to in (State.FINISHED, State.CANCELLED):
            values |= {"is_open": None, "finished_at": timezone.now()}
        changed = Backfill.objects.filter(pk=self.pk, state__in=states).update(state=to, **values)
        self.refresh_from_db()
        return changed == 1
