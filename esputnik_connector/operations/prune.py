"""Keep the tables small. Nothing that is unsent, set aside or still compared is ever removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import event_types
from esputnik_connector.models import (
    Attempt,
    CartSession,
    CartState,
    CartVisitor,
    Connection,
    Heartbeat,
    OutboxMessage,
    OutcomeHour,
    Reconciliation,
    SyncState,
    WatchedPrice,
)
from esputnik_connector.models.outbox import OutboxQuerySet
from esputnik_connector.models.outcome_hour import KEPT
from esputnik_connector.pipeline.delivery.lane import lane_of, leased, new_holder
from esputnik_connector.pipeline.delivery.prepare import digests
from esputnik_connector.pipeline.delivery.prepare.eligibility import retained_since
from esputnik_connector.pipeline.delivery.settle.in_flight import STATES
from esputnik_connector.records import Kind, Outcome
from esputnik_connector.shops import reading

CHUNK = 5000  # rows per DELETE, so that no statement holds locks for long
COUNTED_UP_TO = 100_000  # rows; a larger table is estimated where the database can
APP = "esputnik_connector"
HEARTBEAT = "prune"


@dataclass(frozen=True, kw_only=True)
class TableSize:
    """How many rows a table of the connector has."""

    name: str
    rows: int
    is_estimate: bool = False


def prune(*, days: int | None = None) -> dict[str, int]:
    """Remove what is older than its retention; table → how many rows went.

    :param days: instead of ``ATTEMPT_RETENTION_DAYS``.
    """
    Heartbeat.beat(HEARTBEAT)
    went = {rows.model._meta.db_table: _remove(rows) for rows in _outdated(days)}
    _expired_records().update(payload=None)
    digests.key_all()
    states = SyncState.objects.order_by()
    removed = (states.filter(pk__in=pks).delete()[0] for pks in _forgettable())
    went[OutboxMessage._meta.db_table] += _remove_repeats()
    return {**went, SyncState._meta.db_table: sum(removed)}


def prunable(*, days: int | None = None) -> dict[str, int]:
    """Table → how many rows would go."""
    would_go = {rows.model._meta.db_table: rows.count() for rows in _outdated(days)}
    would_go[OutboxMessage._meta.db_table] += _repeats(OutboxMessage.objects.all()).count()
    return {**would_go, SyncState._meta.db_table: sum(len(pks) for pks in _forgettable())}


def _outdated(days: int | None) -> Iterator[QuerySet[Any]]:
    """By outcome: refusals stay longer. What belongs to a row of the outbox stays with it."""
    now = timezone.now()
    usual = now - timedelta(days=conf.ATTEMPT_RETENTION_DAYS if days is None else days)
    longer = min(usual, now - timedelta(days=conf.REJECTED_RETENTION_DAYS))
    is_outdated = Q(created_at__lt=longer) | (
        Q(created_at__lt=usual) & ~Q(outcome=Outcome.REJECTED.value)
    )
    unsent = OutboxMessage.objects.filter(
        connection=OuterRef("connection"), kind=OuterRef("kind"), key=OuterRef("key")
    )
    yield Attempt.objects.filter(is_outdated).filter(~Exists(unsent))
    waiting = OutboxMessage.objects.unsent().filter(
        kind=Kind.CART.value, key=OuterRef("cart_key"), captured_at__gte=usual
    )
    yield CartSession.objects.filter(created_at__lt=usual).filter(~Exists(waiting))
    yield CartVisitor.objects.filter(created_at__lt=usual).filter(~Exists(waiting))
    yield CartState.objects.filter(created_at__lt=usual).filter(~Exists(waiting))
    yield Reconciliation.objects.filter(finished_at__lt=usual)
    yield OutcomeHour.objects.filter(hour__lt=now - KEPT)
    yield WatchedPrice.objects.filter(seen_at__lt=retained_since(now))
    yield _orphans()


def _forgettable() -> Iterator[list[int]]:
    """Chunks of events that no scan can find anew.

    They were sent so long ago that :func:`eligibility.check_still_true
    <esputnik_connector.pipeline.delivery.prepare.eligibility.check_still_true>` would not let
    them be sent again.
    """
    since = retained_since()
    for connection in Connection.objects.order_by("pk"):
        purchases = {"connection": connection, "kind": Kind.BEHAVIOUR.value}
        told = SyncState.objects.filter(**purchases, delivered_at__lt=since).order_by("pk")
        yield list(told.values_list("pk", flat=True)[:CHUNK])
        last = 0
        unsent = OutboxMessage.objects.of(connection, Kind.EVENT).filter(key=OuterRef("key"))
        told = SyncState.objects.filter(
            ~Exists(unsent), connection=connection, kind=Kind.EVENT.value, delivered_at__lt=since
        ).order_by("pk")
        while rows := list(told.filter(pk__gt=last).values_list("pk", "key")[:CHUNK]):
            last = rows[-1][0]
            open_keys = _may_come_up_again([key for _pk, key in rows])
            yield [pk for pk, key in rows if key not in open_keys]


def _may_come_up_again(keys: Sequence[str]) -> Collection[str]:
    """Events that the shop may still report; one that only its moment knew is over."""
    carried = {each.name for each in event_types() if each.carries_record}
    asked = [key for key in keys if EventName.of(key) not in carried]
    return reading.existing(registry.shop(), Kind.EVENT, asked) if asked else ()


def _expired_records() -> QuerySet[OutboxMessage]:
    """Rows set aside whose record is too old to be sent: the person in it is kept no longer. The
    row itself stays, with its reason."""
    carried = [Kind.EVENT.value, Kind.SUBSCRIPTION.value, Kind.BEHAVIOUR.value]
    old = Q(kind__in=carried, captured_at__lt=retained_since(), payload__isnull=False)
    return OutboxMessage.objects.dead().filter(old)


def _orphans() -> QuerySet[Any]:
    """Rows that a process noted for a connection which another one had just deleted."""
    alive = Connection.objects.filter(pk=OuterRef("connection_id"))
    return OutboxMessage.objects.filter(~Exists(alive))


def _repeats(rows: OutboxQuerySet) -> OutboxQuerySet:
    """Rows that say what an older row of the same record says already: of a connection that was
    paused for weeks there is one for each change."""
    states = [kind.value for kind in STATES]
    older = OutboxMessage.objects.unsent().filter(
        connection=OuterRef("connection"),
        kind=OuterRef("kind"),
        key=OuterRef("key"),
        route=OuterRef("route"),
        due_at__lte=OuterRef("due_at"),
        pk__lt=OuterRef("pk"),
    )
    said = rows.unsent().filter(Exists(older), kind__in=states)
    return said.exclude(is_forced=True).exclude(goes_alone=True)


def _remove_repeats() -> int:
    """With the lane in hand: a worker that has read the older row only, and then removes it, would
    lose the change that a newer one stands for."""
    removed, holder = 0, new_holder()
    for connection in Connection.objects.order_by("pk"):
        for kind in STATES:
            repeats = _repeats(OutboxMessage.objects.of(connection, kind))
            if not repeats.exists():
                continue
            lane = lane_of(connection, kind)
            with leased(lane, holder, clock=timezone.now) as lease:
                while lease and (pks := list(repeats.values_list("pk", flat=True)[:CHUNK])):
                    lease.keep()
                    removed += OutboxMessage.objects.filter(pk__in=pks).delete()[0]
    return removed


def _remove(rows: QuerySet[Any]) -> int:
    removed = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        removed += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return removed


def table_sizes() -> list[TableSize]:
    """Every table of the connector, the largest first."""
    sizes = [_size(model) for model in apps.get_app_config(APP).get_models()]
    return sorted(sizes, key=lambda size: -size.rows)


def _size(model: type[Model]) -> TableSize:
    """Counted, unless PostgreSQL's own statistics say that this would take long."""
    name = model._meta.db_table
    estimate = _estimate(model)
    if estimate > COUNTED_UP_TO:
        return TableSize(name=name, rows=estimate, is_estimate=True)
    return TableSize(name=name, rows=model._default_manager.count())


def _estimate(model: type[Model]) -> int:
    """Rows as of the last ANALYZE or autovacuum; 0 where the database keeps none."""
    database = connections[router.db_for_write(model)]
    if database.vendor != "postgresql":
        return 0
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s)",
            [f'"{model._meta.db_table}"'],
        )
        row = cursor.fetchone()
    return max(0, int(row[0])) if row else 0
