"""How many records had which outcome since the connector was installed, and how long they took.

The history of deliveries is pruned; these few rows are not, so that what a monitor counts never
goes backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .base import ConnectorModel, ConnectorQuerySet
from .connection import Connection
from .labels import KINDS, OUTCOMES, choices

# Seconds from the shop's commit to the destination's answer. A check-out rests for three, a sweep
# comes every minute, and after 72 hours a record is set aside.
BOUNDS = (5, 15, 60, 300, 900, 3600, 21_600, 86_400, 259_200)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Records of one batch that fared alike."""

    kind: str
    outcome: str
    reason: str
    records: int
    waits: Sequence[float] = ()  # seconds from the commit, of those that the destination took
    is_live: bool = False  # one of them at least was a change, and no catching up


class OutcomeCountQuerySet(ConnectorQuerySet["OutcomeCount"]):
    def add(self, connection: Connection, outcomes: Iterable[Outcomes], *, now: datetime) -> None:
        """Count a settled batch: one ``UPDATE`` per outcome and reason, usually one in all.

        Part of a transaction of the caller, who has the lane: no other worker writes these rows.
        """
        for some in sorted(outcomes, key=lambda each: (each.outcome, each.reason)):
            place = {"kind": some.kind, "outcome": some.outcome, "reason": some.reason}
            mine = self.filter(connection=connection, **place)
            if not mine._grow(some, now):
                # Another worker's row is as good, and no error in the middle of a transaction.
                self.bulk_create(
                    [OutcomeCount(connection=connection, **place)], ignore_conflicts=True
                )
                mine._grow(some, now)

    def _grow(self, some: Outcomes, now: datetime) -> int:
        grown = {name: F(name) + much for name, much in _growth(some).items() if much}
        moments = {"last_at": now, "live_at": now} if some.is_live else {"last_at": now}
        return self.update(**moments, **grown)


def _growth(some: Outcomes) -> dict[str, float]:
    """Column → what this batch adds to it."""
    within = {
        f"within_{bound}": sum(seconds <= bound for seconds in some.waits) for bound in BOUNDS
    }
    return {
        "records": some.records,
        "timed": len(some.waits),
        "seconds": sum(some.waits),
        **within,
    }


class OutcomeCount(ConnectorModel):
    """A counter per connection, kind, outcome and reason. It only grows.

    ``timed`` of the records took ``seconds`` from the commit on, all together; ``within_60`` of
    them took a minute at the most. ``last_at`` is moved by each record, ``live_at`` by a change of
    the shop alone: no import, reconciliation or person who sends something again proves that
    changes are noted and sent.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="outcome_counts"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    outcome = models.CharField(_("outcome"), max_length=10, choices=choices(OUTCOMES))
    reason = models.CharField(_("reason"), max_length=30, blank=True, default="")
    records = models.PositiveBigIntegerField(default=0)
    timed = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    within_5 = models.PositiveBigIntegerField(default=0)
    within_15 = models.PositiveBigIntegerField(default=0)
    within_60 = models.PositiveBigIntegerField(default=0)
    within_300 = models.PositiveBigIntegerField(default=0)
    within_900 = models.PositiveBigIntegerField(default=0)
    within_3600 = models.PositiveBigIntegerField(default=0)
    within_21600 = models.PositiveBigIntegerField(default=0)
    within_86400 = models.PositiveBigIntegerField(default=0)
    within_259200 = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)
    live_at = models.DateTimeField(null=True)

    objects: ClassVar = OutcomeCountQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("count of outcomes")
        verbose_name_plural = _("counts of outcomes")
        ordering = ["connection", "kind", "outcome", "reason"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "outcome", "reason"], name="esputnik_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome} {self.reason}".strip()
