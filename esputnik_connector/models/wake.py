"""When a worker looks again at what is due of a connection, so that it is told once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from .base import ConnectorQuerySet
from .connection import Connection
from .lease import Leased, is_free

MESSAGE_INTERVAL = 1.0  # seconds between two wake-ups of one connection, whatever the load
LONGEST_PROMISE = timedelta(seconds=10)  # what lies further ahead says nothing of what is due now


class WakeQuerySet(ConnectorQuerySet["Wake"]):
    def watched(self, now: datetime) -> WakeQuerySet:
        """Those of connections at which a run is at work, and will look again."""
        return self.exclude(is_free(now))


class Wake(Leased):
    """One row for each connection. ``looks_at`` is a promise: what was committed before that moment
    is seen by a worker that looks after it. Its lease says which run keeps that promise.

    The time is the database's own, which all processes share. The row is written by statements of
    their own alone: a shopper's request reads it after its commit, and must not wait for a worker.
    """

    connection = models.OneToOneField(
        Connection, models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    looks_at = models.DateTimeField(null=True)

    objects: ClassVar = WakeQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.connection_id)

    @classmethod
    def claim(cls, connection_id: int, delay: float) -> tuple[bool, float]:
        """Whether the caller is the one to wake a worker in ``delay`` seconds, and for how many
        seconds from now on no worker needs to ask again."""
        known = cls._read(connection_id)
        if known is None:
            row = Wake(connection_id=connection_id)
            Wake.objects.bulk_create([row], ignore_conflicts=True)
            known = cls._read(connection_id)
        if known is None:  # the connection is gone
            return False, 0.0
        looks_at, now = known
        soon = now + timedelta(seconds=delay + MESSAGE_INTERVAL)
        if looks_at is not None and now < looks_at <= now + LONGEST_PROMISE:
            return False, min((looks_at - now).total_seconds(), MESSAGE_INTERVAL)
        return cls._change(connection_id, looks_at, soon), MESSAGE_INTERVAL

    @classmethod
    def promise(cls, connection_id: int, seconds: float) -> None:
        """A run is at work, and will look after so many seconds at the latest. It may say less than
        it said before, but never less than ``MESSAGE_INTERVAL``: for so long others trust what they
        have read."""
        known = cls._read(connection_id)
        if known is not None:
            cls._change(connection_id, known[0], known[1] + timedelta(seconds=seconds))

    @classmethod
    def seconds_to_keep(cls, connection_id: int) -> float:
        """Until the moment after which a worker must look; 0 when it has come."""
        known = cls._read(connection_id)
        if known is None or known[0] is None:
            return 0.0
        return max(0.0, (known[0] - known[1]).total_seconds())

    @classmethod
    def _read(cls, connection_id: int) -> tuple[datetime | None, datetime] | None:
        rows = cls.objects.filter(connection_id=connection_id).values_list("looks_at", Now())
        return next(iter(rows), None)

    @classmethod
    def _change(cls, connection_id: int, known: datetime | None, looks_at: datetime) -> bool:
        unchanged = cls.objects.filter(connection_id=connection_id, looks_at=known)
        return bool(unchanged.update(looks_at=looks_at))
