"""Let an import have the lane for a moment, between two turns of live traffic.

While changes come all the time, something of them is always under way, and a lane is let go of only
when nothing is: an import of the same kind would wait until the night.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from esputnik_connector.models import Backfill, Connection
from esputnik_connector.records import Kind

MOMENT = 0.3  # seconds; whoever waits for a lane looks more often than that


class Handover:
    """When one worker leaves one lane to an import."""

    def __init__(self, connection: Connection, kind: Kind, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._kind = kind
        self._clock = clock
        self._until = 0.0

    def is_wanted(self) -> bool:
        """Is a worker at an import of this kind? One query."""
        imports = Backfill.objects.filter(connection=self._connection, kind=self._kind.value)
        return imports.at_work(self._clock()).exists()

    def begin(self, *, settled: bool) -> None:
        """The lane is free for that moment, if nothing hangs in it.

        :param settled: nothing is under way any more.
        """
        self._until = time.monotonic() + MOMENT if settled else 0.0

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self._until
