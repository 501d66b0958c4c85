"""The right to be the one worker of a row, for a while.

A worker that dies gives nothing back; its lease runs out, and the next worker takes over.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import ConnectorError

from .base import ConnectorModel

# What lies further ahead was written by a worker with a wrong clock, and is not believed. Clocks
# may be minutes apart, and a feed on its way to a far storage is kept for an hour.
LONGEST_LEASE = timedelta(hours=2)
KEPT_JUST_NOW = 1.0  # seconds; a lease lasts longer than a request may


def is_free(now: datetime) -> Q:
    """Rows at which no worker is, or only one whose lease has run out or cannot be."""
    is_over = Q(leased_until__lt=now) | Q(leased_until__gt=now + LONGEST_LEASE)
    return Q(holder="") | Q(leased_until=None) | is_over


class LostLease(ConnectorError):
    """Another worker has taken over; what is not written down yet is theirs to do."""


class Leased(ConnectorModel):
    """A row that one worker works at. Both columns are written by compare-and-set UPDATEs alone."""

    holder = models.CharField(max_length=36, blank=True, default="", editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def lease(
        self,
        holder: str,
        *,
        seconds: float,
        clock: Callable[[], datetime] = timezone.now,
        **values: Any,
    ) -> Lease | None:
        """Become the one worker of this row, or stay it; ``None`` when another worker is.

        :param holder: names the worker; the same one may ask again.
        :param seconds: how long the row stays with a worker that died.
        :param values: further columns to write when the row is taken.
        """
        now, asked_at = clock(), monotonic()
        taken = self.leasable().filter(is_free(now) | Q(holder=holder))
        if not taken.update(holder=holder, leased_until=now + timedelta(seconds=seconds), **values):
            return None
        return Lease(self, holder, seconds=seconds, clock=clock, kept_at=asked_at)

    def leasable(self) -> QuerySet[Any]:
        """This row, as long as there is something to do about it."""
        return type(self)._default_manager.filter(pk=self.pk)

    def is_leased(self, now: datetime) -> bool:
        """Is a worker at it, as far as this copy of the row knows?"""
        until = self.leased_until
        return bool(self.holder and until and now < until <= now + LONGEST_LEASE)


class Lease:
    """What :meth:`Leased.lease` returns. Left as a context manager, it lets go of the row."""

    def __init__(
        self,
        row: Leased,
        holder: str,
        *,
        seconds: float,
        clock: Callable[[], datetime],
        kept_at: float,
    ) -> None:
        self.row = row
        self.holder = holder
        self.seconds = seconds
        self._clock = clock
        self.kept_at = kept_at  # of the monotonic clock, which goes on in a stopped process

    @property
    def held(self) -> QuerySet[Any]:
        """The row while it is ours: an UPDATE of it that finds nothing says that it is not."""
        return type(self.row)._default_manager.filter(pk=self.row.pk, holder=self.holder)

    def keep(self, seconds: float = 0, **values: Any) -> None:
        """Hold on to the row for as long again, or for so many seconds.

        :param values: further columns to write with the same statement.
        :raises LostLease: the lease ran out, and another worker has the row.
        """
        asked_at = monotonic()
        until = self._clock() + timedelta(seconds=seconds or self.seconds)
        self.write(leased_until=until, **values)
        self.kept_at = asked_at

    def keep_if_due(self) -> None:
        """As :meth:`keep`, unless that was a moment ago: what was kept then has minutes to run, and
        no other worker can have taken it."""
        if monotonic() - self.kept_at >= KEPT_JUST_NOW:
            self.keep()

    def write(self, **values: Any) -> None:
        """Write columns of the row.

        :raises LostLease: another worker has the row.
        """
        if not self.held.update(**values):
            raise LostLease(_("Another worker has taken over."))

    def lock(self) -> None:
        """Hold the row until the caller's transaction is over, so that it stays ours as long, and
        read its columns anew.

        :raises LostLease: another worker has the row.
        """
        found = self.held.select_for_update().first()
        if found is None:
            raise LostLease(_("Another worker has taken over."))
        for field in found._meta.concrete_fields:
            setattr(self.row, field.attname, getattr(found, field.attname))

    def release(self, **values: Any) -> bool:
        """Let go, writing further columns; False when the row was another worker's already."""
        return self.held.update(holder="", leased_until=None, **values) == 1

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
