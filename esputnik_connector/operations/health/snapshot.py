"""Everything that a judgement of the moving parts is made from, read in a fixed number of queries.

The doctor, the health address and the metrics judge by the same values, however many connections
and feeds there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Max, Q, Sum
from django.utils import timezone

from esputnik_connector.models import (
    Backfill,
    Connection,
    Feed,
    FeedBuild,
    Heartbeat,
    Lane,
    OutcomeCount,
    OutcomeHour,
    Reconciliation,
    Restore,
    StorefrontStep,
)
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.operations.storefront.report import StepReport, reported
from esputnik_connector.records import Kind, Outcome, Reason

from .backlog import OutboxCount, counted, counted_at_most
from .silent_orders import silent_orders

TAKEN = (Outcome.DELIVERED.value, Outcome.ACCEPTED.value)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is there now. Read with :func:`take`."""

    now: datetime
    connections: Sequence[Connection]
    waiting: Mapping[tuple[int, str], OutboxCount] = field(default_factory=dict)
    counts: Sequence[OutcomeCount] = ()
    lanes: Sequence[Lane] = ()
    held: Sequence[Reconciliation] = ()
    heartbeats: Mapping[str, datetime] = field(default_factory=dict)
    feeds: Sequence[Feed] = ()
    builds: Mapping[int, Sequence[FeedBuild]] = field(default_factory=dict)
    imports: Sequence[Backfill] = ()
    restore: Restore | None = None
    lately: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # settled, and refused
    silent: Mapping[int, int] = field(default_factory=dict)  # orders of which none arrived
    steps: Mapping[int, Sequence[StepReport]] = field(default_factory=dict)  # of storefronts

    def waiting_of(self, connection: Connection) -> OutboxCount:
        """What waits in all lanes of a connection together."""
        total = OutboxCount()
        for (pk, _kind), some in self.waiting.items():
            if pk == connection.pk:
                total = total.with_(some)
        return total

    def failed_steps(self, connection: Connection) -> list[StepReport]:
        """The steps of its storefront that failed when they were last tried."""
        return [step for step in self.steps.get(connection.pk, ()) if step.is_failed]

    def last_success(self) -> dict[tuple[int, str], datetime]:
        """(connection, kind) → when the destination last took a record."""
        found: dict[tuple[int, str], datetime] = {}
        for count in self.counts:
            if count.outcome in TAKEN:
                place = (count.connection_id, count.kind)
                found[place] = max(count.last_at, found.get(place, count.last_at))
        return found


def take(
    *,
    now: datetime | None = None,
    connections: Collection[Connection] | None = None,
    is_exact: bool = True,
) -> Snapshot:
    """Read it all: thirteen queries, whatever there is; some more where orders may be missing.

    :param connections: only these; all that are on if left out.
    :param is_exact: count all that waits, however much it is; a page need not.
    """
    now = now or timezone.now()
    chosen = list(Connection.objects.capturing()) if connections is None else list(connections)
    pks = [connection.pk for connection in chosen]
    mine = {"connection__in": pks}
    feeds = list(Feed.objects.filter(is_enabled=True).order_by("name"))
    counts = list(OutcomeCount.objects.filter(**mine))
    return Snapshot(
        now=now,
        connections=chosen,
        waiting=counted(pks) if is_exact else counted_at_most(pks),
        counts=counts,
        silent=silent_orders(chosen, _last_orders(counts), now=now),
        lanes=list(Lane.objects.filter(**mine).order_by("kind")),
        held=_held(mine),
        heartbeats=dict(Heartbeat.objects.values_list("name", "beaten_at")),
        feeds=feeds,
        builds=_builds(feeds),
        restore=Restore.unsettled(),
        lately=_lately(mine, now),
        steps=_steps(pks),
        imports=list(Backfill.objects.open().filter(**mine).order_by("pk")),
    )


def _last_orders(counts: Iterable[OutcomeCount]) -> dict[int, datetime]:
    """Connection → when an order that changed in the shop was last taken, or was there already."""
    kept: dict[int, datetime] = {}
    for each in counts:
        was_there = each.outcome in TAKEN or each.reason == Reason.UNCHANGED.value
        if each.kind == Kind.ORDER.value and was_there and each.live_at is not None:
            kept[each.connection_id] = max(each.live_at, kept.get(each.connection_id, each.live_at))
    return kept


def _lately(mine: Mapping[str, object], now: datetime) -> dict[int, tuple[int, int]]:
    """Connection → how many records were settled in this hour and the one before, and how many of
    them were refused. What was unchanged was not asked for."""
    rows = (
        OutcomeHour.objects.filter(**mine, hour__gte=hour_of(now) - timedelta(hours=1))
        .exclude(outcome=Outcome.SKIPPED.value)
        .order_by()
        .values_list("connection_id")
        .annotate(
            settled=Sum("records"),
            refused=Sum("records", filter=Q(outcome=Outcome.REJECTED.value), default=0),
        )
    )
    return {pk: (settled, refused) for pk, settled, refused in rows}


def _steps(connections: Sequence[int]) -> dict[int, list[StepReport]]:
    """Connection → the steps of its storefront; without the scripts, which are long."""
    rows = StorefrontStep.objects.filter(storefront__connection__in=connections)
    found: dict[int, list[StepReport]] = {}
    for row in rows.annotate(whose=F("storefront__connection")).order_by("pk"):
        found.setdefault(row.whose, []).append(reported(row))
    return found


def _held(mine: Mapping[str, object]) -> list[Reconciliation]:
    """Of each connection and kind the last finished run, if it held something back."""
    finished = (
        Reconciliation.objects.of_the_shop().filter(**mine).exclude(finished_at=None).order_by()
    )
    last = finished.values("connection", "kind").annotate(last=Max("pk")).values("last")
    return list(Reconciliation.objects.filter(pk__in=last, held__gt=0).order_by("kind"))


def _builds(feeds: Sequence[Feed]) -> dict[int, list[FeedBuild]]:
    """Feed → its builds by which it is judged, the newest first."""
    found: dict[int, list[FeedBuild]] = {}
    for build in FeedBuild.objects.decisive(feeds):
        found.setdefault(build.feed_id, []).append(build)
    return found
