"""Holding a lane: one sender at a time, its pace, its pauses, and the imports it waits for.

What live traffic (:mod:`.relay`) and history (:mod:`.backfill`) have in common.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from logging import getLogger

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import signals
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import CredentialsError, TemporaryError
from esputnik_connector.models import Connection, Lane, SyncState
from esputnik_connector.records import Kind, Outcome, Reason

from . import backoff
from .dispatch import LostLease
from .notify import send
from .settle import resolve_states

logger = getLogger(__name__)

ORDER_OF_LANES = (Kind.ERASURE, Kind.CONTACT, Kind.ORDER, Kind.CART, Kind.EVENT)
ANSWERED = (Outcome.DELIVERED, Outcome.ACCEPTED, Outcome.REJECTED)
LANE_IS_WELL = (Reason.IMPORT_FAILED, Reason.ALREADY_ACCEPTED)  # one record waits, no other
SILENCE = 3600.0  # seconds; a busy copy of a shop would say it with each change
_said_at: dict[int, float] = {}  # connection → when this process said that it is bound elsewhere
LONGEST_IMPORT = timedelta(minutes=30)  # after that the import is lost and its records go again


@dataclass
class Tally:
    """What one run did: how many records had which outcome."""

    outcomes: Counter[str] = field(default_factory=Counter)


class LaneHolder:
    """Somebody who sends for one connection. Many may at once; a lane has one holder."""

    def __init__(
        self, connection: Connection, *, clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.holder = str(uuid.uuid4())
        self.tally = Tally()
        self.account = _account(connection)
        self.held: list[Lane] = []

    def is_bound_here(self) -> bool:
        """May this installation send? If not, the log says once an hour what to do about it."""
        if self.connection.is_bound_here:
            return True
        now = time.monotonic()
        said_at = _said_at.get(self.connection.pk)
        if said_at is None or now - said_at >= SILENCE:
            _said_at[self.connection.pk] = now
            logger.warning(
                "connection %s is bound to another installation and sends nothing here; if this "
                "one should send, run: manage.py esputnik_doctor --confirm-environment",
                self.connection.name,
            )
        return False

    def _lease(self, lane: Lane) -> bool:
        """Take the lane. A deletion takes all of them: a contact, an order or a cart that is on its
        way at the same moment would bring the person back."""
        wanted = [lane]
        if lane.kind == Kind.ERASURE:
            for kind in ORDER_OF_LANES[1:]:
                other, _ = Lane.objects.get_or_create(connection=self.connection, kind=kind.value)
                wanted.append(other)
        for each in wanted:
            if not each.lease(self.holder, seconds=conf.LEASE_SECONDS, now=self.clock()):
                self._release()
                return False
            self.held.append(each)
        lane.refresh_from_db()
        lane.connection = self.connection
        return True

    def _waiting_imports(self, kind: Kind) -> QuerySet[SyncState]:
        return SyncState.objects.importing().filter(connection=self.connection, kind=kind.value)

    def _is_open(self) -> bool:
        """Has nobody switched the connection off, paused it or given it another key meanwhile?"""
        self.connection.refresh_from_db()
        is_on = self.connection.is_enabled and self.connection.paused_at is None
        return is_on and self.account == _account(self.connection)

    def _keep(self) -> None:
        """Hold on to what is held; :class:`LostLease` when somebody else took it."""
        for lane in self.held:
            if not lane.renew(self.holder, seconds=conf.LEASE_SECONDS, now=self.clock()):
                raise LostLease

    def _release(self) -> None:
        while self.held:
            self.held.pop().release(self.holder)

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
        refused = next((each for each in failed if each.reason is Reason.KEY_REFUSED), None)
        if refused is not None:
            self._pause_connection(refused.detail)
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
            self._keep()
            try:
                receipts = destination.resolve(
                    session,
                    [state.key for state in states],
                    locators={state.key: state.locators for state in states},
                )
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
            self._keep()
            resolve_states(self.connection, states, receipts, now=self.clock())
            self._log(lane, receipts)
            self.tally.outcomes.update(receipt.outcome.value for receipt in receipts)

    def _log(self, lane: Lane, receipts: Sequence[Receipt]) -> None:
        counts = Counter(receipt.outcome.value for receipt in receipts)
        summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        logger.info("lane %s: %s", lane, summary)


def _account(connection: Connection) -> tuple[str, str, str]:
    return connection.destination, connection.api_url, str(connection.api_key)


def _lost(receipt: Receipt) -> Receipt:
    return Receipt(
        kind=receipt.kind, key=receipt.key, outcome=Outcome.DEFERRED, reason=Reason.IMPORT_FAILED,
        detail=_("the import did not end in time"), is_counted=True,
    )  # fmt: skip
