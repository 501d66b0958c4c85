"""End the rest of lanes before its time: eSputnik is back, or asked for an absurdly long one."""

from __future__ import annotations

from collections.abc import Iterable

from esputnik_connector.models import Connection, Lane
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind


def end_pauses(connection: Connection, kinds: Iterable[Kind] | None = None) -> int:
    """Let the lanes of a connection send again now, and wake a worker; how many were resting.

    A connection that is paused as a whole stays so: its key has to be accepted again.

    :param kinds: only the lanes of these; all if left out.
    """
    lanes = Lane.objects.filter(connection=connection).exclude(paused_until=None)
    if kinds is not None:
        lanes = lanes.filter(kind__in=[kind.value for kind in kinds])
    ended = 0
    for lane in lanes:
        lane.resume()
        ended += 1
    if ended:
        wake(connection.pk)
    return ended
