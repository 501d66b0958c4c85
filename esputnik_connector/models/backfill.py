"""One run over a shop's history: how far it got, and what became of every record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.fields import ExplanationField
from esputnik_connector.records import Kind, Outcome

from .base import ConnectorQuerySet
from .connection import Connection
from .labels import KINDS, choices
from .lease import LONGEST_LEASE, Leased, is_free

STOP_LOSS = 0.25  # share of a page; more refusals than that are a mistake in the set-up
FEWEST_REFUSALS = 5  # fewer are single bad records, whatever their share of a small page

DELIVERED, ACCEPTED, SKIPPED = "delivered", "accepted", "skipped"
REFUSED, RETRYING = "refused", "retrying"
COUNTS = (DELIVERED, ACCEPTED, SKIPPED, REFUSED, RETRYING)

COUNT_OF = {
    Outcome.DELIVERED: DELIVERED,
    Outcome.ACCEPTED: ACCEPTED,
    Outcome.SKIPPED: SKIPPED,
    Outcome.REJECTED: REFUSED,
    Outcome.DEFERRED: RETRYING,  # handed to live traffic, which tries it for days
}


class State(models.TextChoices):
    RUNNING = "running", _("running")
    AWAITING_UPLOADS = "settling", _("all sent; the last uploads are still worked on")
    PAUSED = "paused", _("paused")
    FINISHED = "finished", _("finished")
    CANCELLED = "cancelled", _("cancelled")


WORKING = (State.RUNNING, State.AWAITING_UPLOADS)


class BackfillQuerySet(ConnectorQuerySet["Backfill"]):
    def open(self) -> BackfillQuerySet:
        return self.filter(is_open=True)

    def at_work(self, now: datetime) -> BackfillQuerySet:
        """Runs that go on, and at which a worker is."""
        return self.filter(state__in=WORKING).exclude(is_free(now))

    def waiting_for_a_worker(self, now: datetime) -> BackfillQuerySet:
        """Runs that should go on, and at which no worker is or has planned to be."""
        is_due = Q(wake_at=None) | Q(wake_at__lt=now) | Q(wake_at__gt=now + LONGEST_LEASE)
        return self.filter(
            is_free(now), is_due, state__in=WORKING, connection__in=Connection.objects.sending()
        )


class Backfill(Leased):
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
    # Also what the destination is said to have exactly so: its word for a status is another now.
    is_forced = models.BooleanField(null=True, default=False, editable=False)
    stop_loss = models.FloatField(_("pause at this share of refusals"), default=STOP_LOSS)

    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.RUNNING
    )
    # True while it is open, else NULL, which every database takes for different from each other:
    # so "one open run per connection and kind" needs no partial index.
    is_open = models.BooleanField(null=True, default=True, editable=False)
    # A person looked: what the destination answers without proof does arrive.
    is_arrival_confirmed = models.BooleanField(
        _("its arrival was confirmed"), default=False, editable=False
    )
    is_former = models.BooleanField(_("went to a former account"), default=False)
    detail = ExplanationField(_("what there is to say"), blank=True, default="")
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

    wake_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects: ClassVar = BackfillQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
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
        """Records of which it is known what became of them, or that an upload works on."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        return max(self.total - self.done, 0)

    def leasable(self) -> BackfillQuerySet:
        """Not while a person has paused or ended it."""
        return Backfill.objects.filter(pk=self.pk, state__in=WORKING)

    def count(self, receipts: Iterable[Receipt]) -> None:
        """Count records, each in exactly one of :data:`COUNTS`. Saves nothing."""
        counts = Counter(self.counts)
        skips, refusals = Counter(self.skips), Counter(self.refusals)
        alike = Counter((receipt.outcome, receipt.reason) for receipt in receipts)
        for (outcome, told), number in alike.items():  # a page has one or two
            counts[COUNT_OF[outcome]] += number
            reason = told.value if told else ""
            if outcome is Outcome.SKIPPED:
                skips[reason] += number
            elif outcome is Outcome.REJECTED:
                refusals[reason] += number
        self.counts, self.skips, self.refusals = dict(counts), dict(skips), dict(refusals)

    def count_uploaded(self, receipts: Sequence[Receipt]) -> None:
        """Count records whose upload is over; until now they were ACCEPTED. Saves the run.

        Called in the transaction that settles the upload, on a row that is locked by it.
        """
        self.counts[ACCEPTED] = max(self.counts.get(ACCEPTED, 0) - len(receipts), 0)
        self.count(receipts)
        self.save(update_fields=["counts", "skips", "refusals"])
        refused = sum(receipt.outcome is Outcome.REJECTED for receipt in receipts)
        if not self.is_read:
            self.stop_if_refused(refused, of=len(receipts))

    def stop_if_refused(self, refused: int, *, of: int) -> bool:
        """Pause a working run when so much is refused that the rest would be too; True if it was
        paused.

        :param refused: how many of the last ``of`` records were refused.
        """
        if not self.is_working or refused < FEWEST_REFUSALS or refused <= self.stop_loss * of:
            return False
        detail = _(
            "Paused by itself: %(refused)d of %(of)d records were refused. Look at the list of "
            "unsent changes for the reasons, mend the cause, then resume."
        ) % {"refused": refused, "of": of}
        return self.change(*WORKING, to=State.PAUSED, detail=detail)

    def change(self, *states: State, to: State, **values: Any) -> bool:
        """Go to another state, unless a person or another worker has changed it meanwhile."""
        if to in (State.FINISHED, State.CANCELLED):
            values |= {"is_open": None, "finished_at": timezone.now()}
        changed = Backfill.objects.filter(pk=self.pk, state__in=states).update(state=to, **values)
        self.refresh_from_db()
        return changed == 1
