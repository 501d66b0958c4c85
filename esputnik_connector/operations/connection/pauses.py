"""End the rest of lanes before its time: eSputnik is back, or asked for an absurdly long one."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone

from esputnik_connector.models import Connection, Lane, OutboxMessage
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind, Reason

# Why a record waits for the destination as a whole, and not for anything of its own.
OF_THE_LANE = (Reason.BUSY, Reason.UNREACHABLE)


def resting(connection: Connection, kinds: Iterable[Kind] | None = None) -> QuerySet[Lane]:
    """Lanes of the connection that somebody paused.

    :param kinds: only the lanes of these; all if left out.
    """
    lanes = Lane.objects.filter(connection=connection).exclude(paused_until=None)
    if kinds is not None:
        lanes = lanes.filter(kind__in=[kind.value for kind in kinds])
    return lanes.order_by("kind")


def end_pauses(connection: Connection, kinds: Iterable[Kind] | None = None) -> int:
    """Let the lanes of a connection send again now, and wake a worker; how many were resting.

    What waits in them because the destination asked for it, or did not answer, is due at once. A
    connection that is paused as a whole stays so: its key has to be accepted again.

    :param kinds: only the lanes of these; all if left out.
    """
    ended = 0
    for lane in resting(connection, kinds):
        lane.resume()
        rows = OutboxMessage.objects.of(connection, Kind(lane.kind)).unsent()
        rows.filter(reason__in=[reason.value for reason in OF_THE_LANE]).update(
            due_at=timezone.now()
        )
        ended += 1
    if ended:
        wake(connection.pk)
    return ended
