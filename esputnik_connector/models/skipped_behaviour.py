"""How much behaviour was not even put in line: only added in requests, and folded by workers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models, transaction
from django.utils import timezone

from esputnik_connector.records import Kind, Outcome

from .base import ConnectorModel, ConnectorQuerySet
from .connection import Connection
from .outcome_count import OutcomeCount, Outcomes

FOLDED_AT_ONCE = 1000


class SkippedBehaviourQuerySet(ConnectorQuerySet["SkippedBehaviour"]):
    def fold(self) -> int:
        """Add all of it to the counts of outcomes; how many records that were.

        Part of the sweep. Two that come together fold other rows each.
        """
        found = 0
        if not self.exists():  # each minute of a shop that tells nothing
            return found
        with transaction.atomic():
            rows = list(self.select_for_update(skip_locked=True).order_by("pk")[:FOLDED_AT_ONCE])
            alive = Connection.objects.in_bulk({row.connection_id for row in rows})
            for row in rows:
                if row.connection_id in alive:
                    some = Outcomes(
                        kind=Kind.BEHAVIOUR.value,
                        outcome=Outcome.SKIPPED.value,
                        reason=row.reason,
                        records=row.records,
                    )
                    OutcomeCount.objects.add(alive[row.connection_id], [some], now=timezone.now())
                    found += row.records
            self.filter(pk__in=[row.pk for row in rows]).delete()
        return found


class SkippedBehaviour(ConnectorModel):
    """So many things that visitors did were not put in line, for one reason."""

    # Without a constraint, as of the outbox: see there.
    connection = models.ForeignKey(
        Connection, models.CASCADE, related_name="skipped_behaviour", db_constraint=False
    )
    reason = models.CharField(max_length=30)
    records = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = SkippedBehaviourQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.reason}: {self.records}"
