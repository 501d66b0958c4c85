"""May this installation send for a connection: asked at the start, and again before each batch."""

from __future__ import annotations

import time
from logging import getLogger

from esputnik_connector.models import Connection

logger = getLogger(__name__)

REMINDER_INTERVAL = 3600.0  # seconds; a busy copy of a shop would say it with each change
_said_at: dict[int, float] = {}  # connection → when this process said that it is bound elsewhere


class Permit:
    """What one worker knows of a connection's switches, and of the account it began to send to."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._account = _account(connection)
        self._asked_at = float("-inf")

    def is_given(self) -> bool:
        """May sending begin? The log says once an hour when another installation sends."""
        if not self.connection.is_enabled or self.connection.paused_at is not None:
            return False
        if self.connection.is_bound_here:
            return True
        self._remind()
        return False

    def still_holds(self, *, within: float = 0.0) -> bool:
        """Did no person switch the connection off, pause it or give it another key meanwhile?

        :param within: seconds for which the last answer counts.
        """
        now = time.monotonic()
        if now - self._asked_at >= within:
            self._asked_at = now
            self.connection.refresh_from_db()
        is_on = self.connection.is_enabled and self.connection.paused_at is None
        return is_on and self._account == _account(self.connection)

    def _remind(self) -> None:
        now = time.monotonic()
        said_at = _said_at.get(self.connection.pk)
        if said_at is None or now - said_at >= REMINDER_INTERVAL:
            _said_at[self.connection.pk] = now
            logger.warning(
                "connection %s is bound to another installation and sends nothing here; if this "
                "one should send, run: manage.py esputnik_doctor --confirm-environment",
                self.connection.name,
            )


def _account(connection: Connection) -> tuple[str, str, str]:
    return connection.destination, connection.api_url, str(connection.api_key)
