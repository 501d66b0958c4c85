"""A run that goes on looking for a moment, so that what is changed next needs no message."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from esputnik_connector.models import Connection, Wake
from esputnik_connector.models.lease import Lease, LostLease
from esputnik_connector.models.wake import MESSAGE_INTERVAL

from .lane import new_holder

LOOK_INTERVAL = 0.2  # seconds between two looks while nothing is due
WATCH_LEASE = 30.0  # seconds; then another run may watch instead of one that died
AT_WORK = 5.0  # seconds; a batch seldom takes longer, and a run that died is missed for as long
SAY_AGAIN = 1.0  # seconds after which the promise to look is made anew


class Watch:
    """The promise of one run to look again. Whoever commits before the moment that was promised
    need not wake anybody, so the run ends only after it has looked later than that.

    :param is_wanted: False for a run that ends as soon as nothing is due.
    """

    def __init__(self, connection: Connection, is_wanted: bool) -> None:
        self.connection = connection
        self._is_wanted = is_wanted
        self._lease: Lease | None = None
        self._said_at = float("-inf")
        self._is_ending = False

    def go_on(self) -> None:
        """There is something to do: more may come."""
        was_said = time.monotonic() - self._said_at < SAY_AGAIN and not self._is_ending
        self._is_ending = False
        if not was_said:
            self._say(AT_WORK)

    @property
    def is_on(self) -> bool:
        """Do others rely on this run?"""
        return self._lease is not None

    @property
    def is_elsewhere(self) -> bool:
        """Does another run watch already?"""
        return self._is_wanted and self._lease is None

    def is_over(self) -> bool:
        """Has the promised moment come? One more look, and the run may end."""
        if self._lease is None:
            return True
        return self._is_ending and not Wake.seconds_to_keep(self.connection.pk)

    def pause(self, wait: Callable[[float], None]) -> None:
        """Until the next look, because the last one found nothing."""
        if not self._is_ending:
            self._is_ending = True
            self._say(MESSAGE_INTERVAL)
        wait(LOOK_INTERVAL)

    def _say(self, seconds: float) -> None:
        self._said_at = time.monotonic()
        try:
            if self._lease is not None:
                self._lease.keep()
                Wake.promise(self.connection.pk, seconds)
        except LostLease:
            self._lease = None

    def __enter__(self) -> Watch:
        if self._is_wanted:
            row, _ = Wake.objects.get_or_create(connection=self.connection)
            self._lease = row.lease(new_holder(), seconds=WATCH_LEASE)
            self.go_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lease is not None:
            self._lease.release()
