"""What is read of connections for their list and for the page of one: once for all of them, and no
further than anybody counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from esputnik_connector.models import Connection, OutcomeCount
from esputnik_connector.operations.health.backlog import OutboxCount, Places, counted_at_most
from esputnik_connector.operations.health.judgement import Judgement, judge
from esputnik_connector.operations.health.snapshot import TAKEN, Snapshot, take


@dataclass(frozen=True, kw_only=True)
class ConnectionsSnapshot:
    """Of connections that are on, and of those that are off."""

    snapshot: Snapshot  # only of those that are on
    off: Places  # what waits at the others
    taken_at: Mapping[int, datetime]  # connection → when the destination last took a record

    def judgement_of(self, connection: Connection) -> Judgement:
        return judge(connection, self.snapshot)

    def waiting_of(self, connection: Connection) -> OutboxCount:
        total = self.snapshot.waiting_of(connection)
        for (pk, _kind), some in self.off.items():
            total = total.with_(some) if pk == connection.pk else total
        return total


def take_all(connections: Sequence[Connection]) -> ConnectionsSnapshot:
    """As many queries for many connections as for one."""
    on = [each for each in connections if each.is_enabled]
    taken = OutcomeCount.objects.filter(connection__in=connections, outcome__in=TAKEN).order_by()
    return ConnectionsSnapshot(
        snapshot=take(connections=on, is_exact=False),
        off=counted_at_most([each.pk for each in connections if not each.is_enabled]),
        taken_at=dict(taken.values_list("connection_id").annotate(Max("last_at"))),
    )
