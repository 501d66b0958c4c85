"""The shop's orders beside those of the destination: where is each one that was placed lately?

Every order has exactly one fate for a connection, so that the sums are exact. What says it is the
outbox for what waits and what was set aside, and the delivered records for what arrived: they stay
when the history of deliveries is pruned, and need not be in the shop's database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils.functional import cached_property

from esputnik_connector.conf import conf
from esputnik_connector.models import (
    Attempt,
    Connection,
    OutboxMessage,
    Reconciliation,
    SyncState,
)
from esputnik_connector.models.timezones import stored_time
from esputnik_connector.records import Kind, Outcome, Reason
from esputnik_connector.shops.base import ShopAdapter, SupportsOrderTimes
from esputnik_connector.shops.bulk import among

CHUNK = 10_000  # keys per query: below what every database takes as parameters of one statement
HAS_ARRIVED = ExpressionWrapper(Q(delivered_at__isnull=False), output_field=BooleanField())


class Fate(str, Enum):
    """Where an order is."""

    ARRIVED = "arrived"
    ON_THE_WAY = "on_the_way"
    NEEDS_YOU = "needs_you"
    NOT_SENT = "not_sent"  # by the merchant's own rules, off, or older than the connection


@dataclass(frozen=True, kw_only=True)
class OrderFates:
    """Orders placed since a moment, and where each is."""

    placed: Mapping[str, datetime]
    fates: Mapping[str, Fate] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)  # why not sent, if known

    def since(self, moment: datetime) -> list[str]:
        """Keys of the orders from this moment on, the latest first."""
        chosen = [key for key, placed_at in self.placed.items() if placed_at >= moment]
        return sorted(chosen, key=lambda key: self.placed[key], reverse=True)

    def counts(self, moment: datetime) -> dict[Fate, int]:
        """How many of the orders from this moment on have each fate."""
        found = Counter(self.fates[key] for key in self.since(moment))
        return {fate: found[fate] for fate in Fate}

    def of_fate(self, fate: Fate | None, moment: datetime) -> list[str]:
        """Keys of the orders of one fate, of all for ``None``, the latest first."""
        return [key for key in self.since(moment) if fate is None or self.fates[key] is fate]


def placed_since(shop: ShopAdapter, since: datetime) -> Mapping[str, datetime]:
    """The shop's orders, with moments as its database keeps them.

    :raises NotSupportedError: the shop does not tell when orders were placed.
    """
    placed = SupportsOrderTimes.of(shop).placed(stored_time(since))
    return dict(placed)


def order_fates(
    connection: Connection, placed: Mapping[str, datetime], *, now: datetime
) -> OrderFates:
    """Where each of these orders is. Three queries for every 10,000 of them, and one more."""
    known = _Known(connection=connection, keys=list(placed))
    fates = {key: known.fate(key) for key in placed}
    unknown = [key for key, fate in fates.items() if fate is None]
    skipped = _skipped(connection, unknown)
    if not connection.is_enabled:  # nothing is even noted, so nothing is on its way
        skipped = {key: skipped.get(key, Reason.SYNC_OFF.value) for key in unknown}
    passed = _passed_over(connection, now)
    settled: dict[str, Fate] = {
        key: fate or (Fate.NOT_SENT if key in skipped or placed[key] < passed else Fate.ON_THE_WAY)
        for key, fate in fates.items()
    }
    return OrderFates(placed=placed, fates=settled, reasons=skipped)


@dataclass(frozen=True, kw_only=True)
class _Known:
    connection: Connection
    keys: Sequence[str]

    def fate(self, key: str) -> Fate | None:
        """The worst first: an order that arrived, and whose last change was refused, needs you."""
        if key in self.dead:
            return Fate.NEEDS_YOU
        if key in self.arrived:
            return Fate.ARRIVED
        return Fate.ON_THE_WAY if key in self.waiting or key in self.uploading else None

    @cached_property
    def _rows(self) -> list[tuple[str, bool]]:
        rows = OutboxMessage.objects.of(self.connection, Kind.ORDER).order_by()
        return [
            row
            for chunk in _chunks(self.keys)
            for row in rows.filter(among("key", chunk)).values_list("key", "is_dead").distinct()
        ]

    @cached_property
    def _states(self) -> list[tuple[str, bool, str]]:
        states = SyncState.objects.filter(connection=self.connection, kind=Kind.ORDER.value)
        return [
            state
            for chunk in _chunks(self.keys)
            for state in states.order_by()
            .filter(among("key", chunk))
            .values_list("key", HAS_ARRIVED, "session")
        ]

    @cached_property
    def dead(self) -> set[str]:
        return {key for key, is_dead in self._rows if is_dead}

    @cached_property
    def waiting(self) -> set[str]:
        return {key for key, is_dead in self._rows if not is_dead}

    @cached_property
    def arrived(self) -> set[str]:
        return {key for key, has_arrived, _session in self._states if has_arrived}

    @cached_property
    def uploading(self) -> set[str]:
        return {key for key, _has_arrived, session in self._states if session}


def _skipped(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Order → why it was not sent the last time, of those that were skipped."""
    attempts = Attempt.objects.filter(connection=connection, kind=Kind.ORDER.value).order_by("pk")
    last = {
        key: (outcome, reason)
        for chunk in _chunks(keys)
        for key, outcome, reason in attempts.filter(among("key", chunk)).values_list(
            "key", "outcome", "reason"
        )
    }
    return {key: reason for key, (outcome, reason) in last.items() if outcome == Outcome.SKIPPED}


def _passed_over(connection: Connection, now: datetime) -> datetime:
    """Of an order before this moment of which nothing is known, nothing will be sent by itself: it
    is older than the connection, a reconciliation has looked at it since, or what became of it was
    pruned with the history. A reconciliation that held something back did not pass: what it found
    missing waits for a person to let it through."""
    reconciled = (
        Reconciliation.objects.of_the_shop()
        .filter(connection=connection, kind=Kind.ORDER.value, held=0)
        .exclude(finished_at=None)
        .order_by("-pk")
        .values_list("started_at", flat=True)
        .first()
    )
    pruned = now - timedelta(days=conf.ATTEMPT_RETENTION_DAYS)
    return max(filter(None, (connection.created_at, pruned, reconciled)))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
