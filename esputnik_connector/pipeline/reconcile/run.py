"""Find what capture missed, and put exactly that in line.

Signals are the fast path; bulk updates, raw SQL and a crash between a commit and its signal pass
them by. A run walks over the keys of the shop, then over what was delivered and may be gone. Each
chunk is one transaction: what was found, new etags, cursor and counts together, so that a run may
stop anywhere, be started twice or lose its worker. Only when all is seen are the rows put in line.
Nothing is sent from here.

Two things are never put in line: what is older than the connection and was never delivered (only
the historical import asks the merchant whether it may start workflows), and anything at all when
it is more than a limit: something else is wrong then, and a person should look first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from logging import getLogger

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import (
    Backfill,
    Connection,
    Heartbeat,
    OutboxMessage,
    Reconciliation,
    SyncState,
)
from esputnik_connector.models.backfill import State
from esputnik_connector.models.reconcile import Stage, Verdict
from esputnik_connector.pipeline.delivery.prepare.load import read
from esputnik_connector.pipeline.erasure import tombstones
from esputnik_connector.pipeline.erasure.payload import erasure_payload
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import (
    Page,
    ShopAdapter,
    SupportsHistory,
    SupportsReconciliation,
)

from . import etags
from .compare import Comparer, Comparison, chunks, lines_of
from .limits import ERASURES, REPAIRS, Limits

logger = getLogger(__name__)

HEARTBEAT = "reconcile"
CHUNK = 2000  # keys per step; a step is seconds when all of them have to be built
KINDS = (Kind.CONTACT, Kind.ORDER, Kind.CART)
OWNER = "@"  # begins a cursor that is a customer's key; else it is a number
FOUND_COLUMNS = ("counts", "examples", "pending", "queued", "held")
CART_WINDOW = timedelta(days=2)  # an older cart must not look abandoned anew because a price rose


class Overtaken(Exception):
    """Another worker has moved this run on."""


class Reconciler:
    """Moves one run on, chunk by chunk. With ``is_dry`` nothing is written."""

    def __init__(
        self,
        run: Reconciliation,
        comparer: Comparer,
        *,
        limits: Limits | None = None,
        is_dry: bool = False,
        on_chunk: Callable[[Comparison], None] | None = None,
    ) -> None:
        self.run = run
        self.kind = Kind(run.kind)
        self.connection: Connection = run.connection
        self.shop: ShopAdapter = comparer.shop
        self.comparer = comparer
        self.limits = limits or Limits.usual()
        self.is_dry = is_dry
        self._on_chunk = on_chunk

    def work(self, *, until: datetime | None = None) -> bool:
        """Go on until the run or the time is over, by one chunk at least; True when it is over."""
        queued = self.run.queued
        try:
            while self.run.finished_at is None:
                with fresh_reads():
                    self._step()
                if until is not None and timezone.now() >= until:
                    break
        except Overtaken:
            logger.info("reconciliation %s is moved on by another worker", self.run)
            self.run.refresh_from_db()
        if self.run.queued > queued and not self.is_dry:
            wake(self.connection.pk)
        is_over = self.run.finished_at is not None
        if is_over and not self.is_dry:
            Heartbeat.beat(HEARTBEAT)
        return is_over

    def _step(self) -> None:
        if self.run.stage == Stage.SHOP.value:
            self._compare_chunk()
        else:
            self._look_behind()

    def _compare_chunk(self) -> None:
        page = self._page() if self.connection.syncs(self.kind) else Page()
        with reading.long_walk(self.shop):
            found = self.comparer.compare(self.kind, page.keys) if page.keys else Comparison()
        if self._on_chunk is not None:
            self._on_chunk(found)
        stage = Stage.SHOP if page.cursor else Stage.DELIVERED
        self._save(found, stage=stage, cursor=page.cursor)

    def _page(self) -> Page:
        run = self.run
        if self.kind is not Kind.CART:
            shop = SupportsHistory.of(self.shop)
            return shop.keys(self.kind, after=run.cursor, since=run.since, limit=CHUNK)
        if isinstance(self.shop, SupportsReconciliation):
            return self.shop.fresh_carts(after=run.cursor, since=fresh_since(run), limit=CHUNK)
        return Page()

    def _look_behind(self) -> None:
        """What was delivered and the walk over the shop did not meet."""
        rows = self._delivered_page()
        keys = [key for _cursor, key in rows]
        if not rows:
            found = Comparison()
        elif self.kind is Kind.CART:
            met = set(self.run.pending.get(REPAIRS, ()))  # by the walk over the shop
            found = self.comparer.compare(self.kind, [key for key in keys if key not in met])
            found = found.only_repairs()
        elif self.kind is Kind.ORDER and self._deletes_orders():
            found = self.comparer.compare(self.kind, self._gone(keys)).only_repairs()
        else:
            gone = Verdict.DELETED if self.kind is Kind.CONTACT else Verdict.ORDER_DELETED
            found = Comparison(verdicts=dict.fromkeys(self._gone(keys), gone.value))
        cursor = rows[-1][0] if rows else self.run.cursor
        self._save(found, stage=Stage.DELIVERED, cursor=cursor, is_over=not rows)

    def _delivered_page(self) -> list[tuple[str, str]]:
        """Cursor and key of the next of all customers and orders, unless the run is partial; of the
        fresh carts."""
        if self.kind is not Kind.CART and self.run.since is not None:
            return []
        if self.run.cursor.startswith(OWNER):
            return self._owners_page()
        states = SyncState.objects.filter(
            connection=self.connection, kind=self.kind.value, pk__gt=int(self.run.cursor or 0)
        )
        if self.kind is Kind.CART:
            states = states.filter(delivered_at__gte=fresh_since(self.run))
        rows = states.order_by("pk").values_list("pk", "key")[:CHUNK]
        page = [(str(pk), key) for pk, key in rows]
        return page or (self._owners_page() if self.kind is Kind.CONTACT else [])

    def _owners_page(self) -> list[tuple[str, str]]:
        """Customers of whom nothing but orders was delivered, by a former version: the others left
        a state of their own."""
        states = SyncState.objects.filter(connection=self.connection)
        mine = states.filter(kind=Kind.CONTACT.value, key=OuterRef("owner_key"))
        last = self.run.cursor[len(OWNER) :] if self.run.cursor.startswith(OWNER) else ""
        orders = states.filter(~Exists(mine), kind=Kind.ORDER.value, owner_key__gt=last)
        owners = orders.order_by("owner_key").values_list("owner_key", flat=True).distinct()
        return [(f"{OWNER}{key}", key) for key in owners[:CHUNK]]

    def _deletes_orders(self) -> bool:
        can = self.comparer.destination.supports_order_deletion
        return self.connection.delete_orders and can

    def _gone(self, keys: Sequence[str]) -> list[str]:
        existing = reading.existing(self.shop, self.kind, keys)
        gone = [key for key in keys if key not in existing]
        if not gone or self.kind is not Kind.CONTACT:
            return gone
        noted = lines_of(self.connection, Kind.ERASURE, gone)
        buried = tombstones.buried(gone)
        gone = [key for key in gone if key not in noted and key not in buried]
        records, broken = read(self.connection, self.shop, self.kind, gone) if gone else ({}, {})
        return [key for key in gone if key not in records and key not in broken]  # asked twice

    def _save(self, found: Comparison, *, stage: Stage, cursor: str, is_over: bool = False) -> None:
        """One chunk in one transaction; the worker that comes second takes back what it did."""
        run, before = self.run, (self.run.stage, self.run.cursor)
        run.count(found.verdicts.items())
        run.stage, run.cursor = stage.value, cursor
        run.finished_at = timezone.now() if is_over else None
        is_erasing = Verdict.DELETED.value in found.verdicts.values()
        self.limits.hold(run, found.repairs, is_erasing=is_erasing)
        if self.is_dry:
            return
        with transaction.atomic():
            released = self.limits.release(run, is_over=is_over)
            rows = [row for name, keys in released.items() for row in self._rows(name, keys)]
            run.queued += len(rows)
            self._advance(before)
            OutboxMessage.objects.bulk_create(rows)
            etags.write(self.connection, self.kind, found.etags)

    def _advance(self, before: tuple[str, str]) -> None:
        run, (stage, cursor) = self.run, before
        names = [*FOUND_COLUMNS, "stage", "cursor", "finished_at"]
        mine = Reconciliation.objects.unfinished().filter(pk=run.pk, stage=stage, cursor=cursor)
        if not mine.update(**{name: getattr(run, name) for name in names}):
            raise Overtaken

    def _rows(self, name: str, keys: Sequence[str]) -> Iterator[OutboxMessage]:
        """Rows for what does not wait already: a live change may have come meanwhile."""
        kind = Kind.ERASURE if name == ERASURES else self.kind
        whose = {"connection": self.connection, "kind": kind.value, "is_catch_up": True}
        waiting: set[str] = set()
        for chunk in chunks(keys, CHUNK):
            waiting |= set(lines_of(self.connection, kind, chunk))
        for key in keys:
            if key in waiting:
                continue
            is_erasing = kind is Kind.ERASURE
            payload = erasure_payload(self.connection, key, []) if is_erasing else None
            yield OutboxMessage(**whose, key=key, payload=payload)


def new_run(connection: Connection, kind: Kind, *, since: datetime | None = None) -> Reconciliation:
    """A run that is not stored yet."""
    return Reconciliation(connection=connection, kind=kind.value, since=since)


def fresh_since(run: Reconciliation) -> datetime:
    """From when on a cart must have been touched to be looked at."""
    return max(run.started_at - CART_WINDOW, run.since or run.connection.created_at)


def history_before(run: Reconciliation) -> datetime | None:
    """Before when a record that was never delivered is history. Nothing is, once all of it was
    imported, or when a person wrote a ``since`` down."""
    imports = Backfill.objects.filter(
        connection=run.connection,
        kind=run.kind,
        state=State.FINISHED.value,
        since=None,
        until=None,
        is_former=False,
    )
    if run.since is not None or imports.filter(keys__isnull=True).exists():
        return None
    return run.connection.created_at


def reconcile_all(*, seconds: float, is_continued: bool = False) -> bool:
    """The nightly work over all connections, for about that long; True when some is left."""
    until = timezone.now() + timedelta(seconds=seconds)
    connections = [one for one in Connection.objects.capturing() if one.is_bound_here]
    if not is_continued:
        for connection in connections:
            _start(connection)
    unfinished = Reconciliation.objects.unfinished().of_the_shop()
    open_runs = unfinished.filter(connection__in=connections)
    for run in open_runs.select_related("connection").order_by("pk"):
        try:
            _move_on(run, until)
        except ConnectorError as error:  # this connection waits for a person, the others go on
            logger.error("reconciliation %s cannot go on: %s", run, error)
            open_runs = open_runs.exclude(connection=run.connection)
        if timezone.now() >= until:
            break
    return open_runs.exists()


def _move_on(run: Reconciliation, until: datetime) -> None:
    with closing(registry.destination(run.connection)) as destination:
        comparer = Comparer(
            run.connection, destination, registry.shop(), history_before=history_before(run)
        )
        Reconciler(run, comparer).work(until=until)


def _start(connection: Connection) -> None:
    """A run for each kind that has none under way, and over which the shop can walk."""
    shop = registry.shop()
    can_walk = {
        Kind.CONTACT: isinstance(shop, SupportsHistory),
        Kind.ORDER: isinstance(shop, SupportsHistory),
        Kind.CART: isinstance(shop, SupportsReconciliation),
    }
    unfinished = Reconciliation.objects.unfinished().of_the_shop().filter(connection=connection)
    under_way = set(unfinished.values_list("kind", flat=True))
    for kind in KINDS:
        if kind.value not in under_way and connection.syncs(kind) and can_walk[kind]:
            new_run(connection, kind).save()
