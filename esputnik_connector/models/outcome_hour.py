"""How many records had which outcome in which hour: what the Overview draws and reckons with.

:class:`~.outcome_count.OutcomeCount` never goes backwards and knows no time. These rows do, and are
removed after a season.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from .base import ConnectorModel, ConnectorQuerySet
from .connection import Connection
from .labels import KINDS, OUTCOMES, choices
from .outcome_count import Outcomes

KEPT = timedelta(days=92)  # the longest that a page shows is thirty days


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


class OutcomeHourQuerySet(ConnectorQuerySet["OutcomeHour"]):
    def add(self, connection: Connection, outcomes: Iterable[Outcomes], *, now: datetime) -> None:
        """Count a settled batch, as :meth:`OutcomeCount.objects.add
        <esputnik_connector.models.outcome_count.OutcomeCountQuerySet.add>`."""
        for some in sorted(outcomes, key=lambda each: (each.outcome, each.reason)):
            place = {
                "hour": hour_of(now),
                "kind": some.kind,
                "outcome": some.outcome,
                "reason": some.reason,
            }
            mine = self.filter(connection=connection, **place)
            if not mine._grow(some):
                self.bulk_create(
                    [OutcomeHour(connection=connection, **place)], ignore_conflicts=True
                )
                mine._grow(some)

    def _grow(self, some: Outcomes) -> int:
        return self.update(
            records=F("records") + some.records,
            timed=F("timed") + len(some.waits),
            seconds=F("seconds") + sum(some.waits),
        )


class OutcomeHour(ConnectorModel):
    """A counter per hour, connection, kind, outcome and reason.

    ``timed`` of the records took ``seconds`` from the commit on, all together.
    """

    connection = models.ForeignKey(
        Connection,
        models.CASCADE,
        verbose_name=_("connection"),
        related_name="outcome_hours",
        db_index=False,  # its column leads the unique constraint below
    )
    hour = models.DateTimeField(_("hour"))
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    outcome = models.CharField(_("outcome"), max_length=10, choices=choices(OUTCOMES))
    reason = models.CharField(_("reason"), max_length=30, blank=True, default="")
    records = models.PositiveBigIntegerField(default=0)
    timed = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    objects: ClassVar = OutcomeHourQuerySet.as_manager()

    class Meta:
        verbose_name = _("outcomes of an hour")
        verbose_name_plural = _("outcomes by the hour")
        ordering = ["connection", "hour"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "hour", "kind", "outcome", "reason"],
                name="esputnik_hour_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome} {self.hour:%Y-%m-%d %H}"
