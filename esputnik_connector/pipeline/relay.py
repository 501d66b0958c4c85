"""Drain the outbox: lease a lane, read what is due, dispatch it, settle exactly what was read."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from logging import getLogger

from django.db.models import Min, QuerySet
from django.utils import timezone

from esputnik_connector import registry, signals
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import CredentialsError, DecryptionError, TemporaryError
from esputnik_connector.models import Connection, Lane, OutboxMessage, SyncState
from esputnik_connector.records import Kind, Outcome, Reason

from . import backoff
from .dispatch import LostLease, Result, deliver, prepare
from .erasure import bury_pending
from .settle import Rows, mark_unknown, resolve_states, send, settle

logger = getLogger(__name__)

ORDER_OF_LANES = (Kind.ERASURE, Kind.CONTACT, Kind.ORDER, Kind.CART)
CREDENTIAL_STATUSES = (401, 403)
ANSWERED = (Outcome.DELIVERED, Outcome.ACCEPTED, Outcome.REJECTED)
LANE_IS_WELL = (Reason.IMPORT_FAILED, Reason.ALREADY_ACCEPTED)  # one record waits, no other
SWEEP_INTERVAL = timedelta(seconds=60)
LONGEST_IMPORT = timedelta(minutes=30)  # after that the import is lost and its records go again


@dataclass
class Tally:
    """What one run did: how many records had which outcome, and when to come back."""

    outcomes: Counter[str] = field(default_factory=Counter)
    next_due: datetime | None = None


class Relay:
    """One run over the lanes of one connection. Many may run at once; a lane has one holder."""

    def __init__(
        self, connection: Connection, *, clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.holder = str(uuid.uuid4())
        self.tally = Tally()
        self.deadline = clock()
        self.account = _account(connection)

    def run(self, *, seconds: float = 50) -> Tally:
        """Send what is due, for about that long.

        Returns at once when the connection is off, paused or bound to another installation.
        """
        self.deadline = self.clock() + timedelta(seconds=seconds)
        if not self._may_send():
            return self.tally
        if not self.connection.environment:
            self.connection.bind()
        try:
            destination = registry.destination(self.connection)
        except DecryptionError as error:
            self._pause_connection(str(error))
            return self.tally
        with closing(destination):
            for kind in ORDER_OF_LANES:
                if self._is_open():
                    self._serve(destination, kind)
        self.tally.next_due = self._come_back()
        return self.tally

    def _may_send(self) -> bool:
        if not self.connection.is_enabled or self.connection.paused_at is not None:
            return False
        if not self.connection.is_bound_here:
            logger.warning(
                "connection %s is bound to another installation and sends nothing here; if this "
                "one should send, run: manage.py esputnik_doctor --confirm-environment",
                self.connection.name,
            )
            return False
        return OutboxMessage.objects.filter(connection=self.connection, is_dead=False).exists() or (
            SyncState.objects.filter(connection=self.connection).exclude(session="").exists()
        )

    def _serve(self, destination: Destination, kind: Kind) -> None:
        """Drain one lane; look again after letting go, for a row that came in between."""
        lane, _ = Lane.objects.get_or_create(connection=self.connection, kind=kind.value)
        while not lane.is_paused(self.clock()) and self._has_work(lane):
            held = self._lease(lane)
            if not held:
                return
            try:
                self._drain(destination, lane)
            except LostLease:
                logger.warning("lane %s went to another worker", lane)
                return
            finally:
                for each in held:
                    each.release(self.holder)
            if not self._is_open() or self.clock() >= self.deadline:
                return

    def _lease(self, lane: Lane) -> list[Lane]:
        """Take the lane. A deletion takes all of them: a contact, an order or a cart that is on its
        way at the same moment would bring the person back."""
        wanted = [lane]
        if lane.kind == Kind.ERASURE:
            for kind in ORDER_OF_LANES[1:]:
                other, _ = Lane.objects.get_or_create(connection=self.connection, kind=kind.value)
                wanted.append(other)
        held: list[Lane] = []
        for each in wanted:
            if not each.lease(self.holder, seconds=conf.LEASE_SECONDS, now=self.clock()):
                for taken in held:
                    taken.release(self.holder)
                return []
            held.append(each)
        lane.refresh_from_db()
        return held

    def _has_work(self, lane: Lane) -> bool:
        now = self.clock()
        kind = Kind(lane.kind)
        return (
            self._due(kind, now).exists()
            or self._waiting_imports(kind).filter(poll_at__lte=now).exists()
        )

    def _due(self, kind: Kind, now: datetime) -> QuerySet[OutboxMessage]:
        """Rows to send now; what is in an import waits until that is over, so that an older state
        cannot arrive after a newer one."""
        importing = self._waiting_imports(kind).values("key")
        return OutboxMessage.objects.of(self.connection, kind).due(now).exclude(key__in=importing)

    def _waiting_imports(self, kind: Kind) -> QuerySet[SyncState]:
        return SyncState.objects.filter(connection=self.connection, kind=kind.value).exclude(
            session=""
        )

    def _drain(self, destination: Destination, lane: Lane) -> None:
        self._resolve_imports(destination, lane)
        while not lane.is_paused(self.clock()) and self._is_open():
            rows = self._read(destination, Kind(lane.kind))
            if not rows:
                return
            self._send(destination, lane, rows)
            if self.clock() >= self.deadline:
                return

    def _is_open(self) -> bool:
        """Has nobody switched the connection off, paused it or given it another key meanwhile?"""
        self.connection.refresh_from_db()
        is_on = self.connection.is_enabled and self.connection.paused_at is None
        return is_on and self.account == _account(self.connection)

    def _read(self, destination: Destination, kind: Kind) -> dict[str, list[OutboxMessage]]:
        """One batch: every unsettled row of the keys that are due first, oldest row first.

        Records that failed before go in ever smaller company, after those that did not.
        """
        full = destination.batch_sizes.get(kind, 1000)
        due = list(self._due(kind, self.clock()).order_by("pk")[:full])
        fresh = [row for row in due if row.attempts < 2]
        if not fresh and due:
            most = max(row.attempts for row in due)
            fresh = due[: backoff.chunk_size(full, most)]
        keys = list(dict.fromkeys(row.key for row in fresh))
        rows: dict[str, list[OutboxMessage]] = {key: [] for key in keys}
        mine = OutboxMessage.objects.of(self.connection, kind).filter(key__in=keys, session="")
        for row in mine.order_by("pk"):
            rows[row.key].append(row)
        return rows

    def _send(self, destination: Destination, lane: Lane, rows: Rows) -> None:
        kind = Kind(lane.kind)
        if kind is Kind.ERASURE:
            bury_pending(self.connection)
        prepared = prepare(self.connection, destination, registry.shop(), kind, list(rows))
        self._settle(lane, prepared.settled, rows)
        self._keep(lane)
        mark_unknown(self.connection, kind, prepared)
        destination.before_call = lambda: self._keep(lane)
        for results in deliver(destination, prepared):
            self._settle(lane, results, rows)

    def _keep(self, lane: Lane) -> None:
        if not lane.renew(self.holder, seconds=conf.LEASE_SECONDS, now=self.clock()):
            raise LostLease

    def _settle(self, lane: Lane, results: Sequence[Result], rows: Rows) -> None:
        if not results:
            return
        self._keep(lane)
        settle(self.connection, Kind(lane.kind), results, rows, now=self.clock())
        receipts = [result.receipt for result in results]
        self.tally.outcomes.update(receipt.outcome.value for receipt in receipts)
        self._log(lane, receipts)
        self._pace(lane, receipts)

    def _pace(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        """Pause the right thing: the connection for a bad key, the lane for anything temporary."""
        if any(receipt.outcome in ANSWERED for receipt in receipts):
            lane.resume()
        failed = [
            receipt
            for receipt in receipts
            if receipt.outcome is Outcome.DEFERRED and receipt.reason not in LANE_IS_WELL
        ]
        if not failed:
            return
        worst = max(failed, key=lambda receipt: receipt.retry_after)
        if any(receipt.status in CREDENTIAL_STATUSES for receipt in failed):
            self._pause_connection(worst.detail)
            return
        if worst.reason is Reason.BUSY and not worst.status:  # our own pace, not a failure
            until = self.clock() + timedelta(seconds=worst.retry_after)
            lane.pause(until=until, detail=worst.detail, failures=lane.failures)
            return
        self._pause_lane(lane, worst.detail, worst.retry_after)

    def _pause_lane(self, lane: Lane, detail: str, retry_after: float) -> None:
        failures = lane.failures + 1
        until = backoff.lane_due(
            failures,
            now=self.clock(),
            jitter=random.random(),
            retry_after=retry_after,
        )
        lane.pause(until=until, detail=detail, failures=failures)
        logger.warning("lane %s rests until %s: %s", lane, until.isoformat("T", "seconds"), detail)

    def _pause_connection(self, detail: str) -> None:
        self.connection.pause(detail)
        logger.error("connection %s is paused: %s", self.connection.name, detail)
        send(signals.connection_paused, connection=self.connection, detail=detail)

    def _resolve_imports(self, destination: Destination, lane: Lane) -> None:
        now = self.clock()
        due = self._waiting_imports(Kind(lane.kind)).filter(poll_at__lte=now)
        for session, group in groupby(due.order_by("session", "pk"), key=lambda s: s.session):
            states = list(group)
            self._keep(lane)
            try:
                receipts = destination.resolve(session, [state.key for state in states])
            except CredentialsError as error:
                self._pause_connection(str(error))
                return
            except TemporaryError as error:
                self._pause_lane(lane, str(error), error.retry_after)
                return
            if all(receipt.reason is Reason.IMPORTING for receipt in receipts) and (
                now - (states[0].session_since or now) > LONGEST_IMPORT
            ):
                receipts = [_lost(receipt) for receipt in receipts]
            self._keep(lane)
            resolve_states(self.connection, states, receipts, now=self.clock())
            self._log(lane, receipts)
            self.tally.outcomes.update(receipt.outcome.value for receipt in receipts)

    def _log(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        counts = Counter(receipt.outcome.value for receipt in receipts)
        summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        logger.info("lane %s: %s", lane, summary)

    def _come_back(self) -> datetime | None:
        """When this worker should look again, if no other one has taken that upon itself.

        Further off than a sweep is left to the sweep.
        """
        now = self.clock()
        rows = OutboxMessage.objects.filter(connection=self.connection).unsent()
        imports = SyncState.objects.filter(connection=self.connection).exclude(session="")
        first: dict[str, datetime] = {}
        for found in (
            rows.order_by().values_list("kind").annotate(Min("due_at")),
            imports.order_by().values_list("kind").annotate(Min("poll_at")),
        ):
            for kind, moment in found:
                first[kind] = min(moment, first.get(kind, moment))
        moments = []
        for lane in Lane.objects.filter(connection=self.connection, kind__in=first):
            moment = max(first[lane.kind], lane.paused_until or now, now + timedelta(seconds=1))
            if moment - now <= SWEEP_INTERVAL and lane.claim_wake(moment, now=now):
                moments.append(moment)
        return min(moments, default=None)


def _account(connection: Connection) -> tuple[str, str, str]:
    return connection.destination, connection.api_url, str(connection.api_key)


def _lost(receipt: Receipt) -> Receipt:
    return Receipt(
        kind=receipt.kind, key=receipt.key, outcome=Outcome.DEFERRED, reason=Reason.IMPORT_FAILED,
        detail="the import did not end in time", is_counted=True,
    )  # fmt: skip
