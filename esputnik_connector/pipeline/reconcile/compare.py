"""Does the destination hold what the shop has? Reads only; decides nothing.

Two steps, so that a night over a big shop is short. An *etag* binds the version of the shop's rows,
the digest that was delivered and the settings of the connection: while it fits, the record cannot
have changed and is not built. Everything else is built by the same ``prepare`` that sends, and its
digest compared; what is unchanged gets a new etag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from logging import getLogger
from typing import TypeVar

from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Connection, OutboxMessage, ReleasedStatus, SyncState
from esputnik_connector.models.reconcile import REPAIRED, Verdict
from esputnik_connector.pipeline.delivery.prepare import digests
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.pipeline.delivery.prepare.load import read
from esputnik_connector.records import Contact, Kind, Order, OrderDeletion, Outcome, Reason, Record
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import ShopAdapter

from . import etags

logger = getLogger(__name__)

BATCH = 500  # records built at a time

Value = TypeVar("Value")


@dataclass(frozen=True)
class Known:
    """What is known of one delivered record, without loading a model."""

    digest: str
    etag: str
    session: str
    was_delivered: bool


@dataclass
class Comparison:
    """What one chunk of keys looks like. ``verdicts`` has every key once."""

    verdicts: dict[str, str] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)  # key → new etag
    records: dict[str, Record] = field(default_factory=dict)  # only those that were built

    @property
    def repairs(self) -> list[str]:
        """Keys that have to be sent."""
        wanted = {verdict.value for verdict in REPAIRED}
        return [key for key, verdict in self.verdicts.items() if verdict in wanted]

    def only_repairs(self) -> Comparison:
        """Without the verdicts that ask for nothing."""
        verdicts = {key: self.verdicts[key] for key in self.repairs}
        return replace(self, verdicts=verdicts)


class Comparer:
    """Compares chunks of one connection.

    :param history_before: what was never delivered and is older is left to the historical import.
    :param is_thorough: build every record, whatever its etag says.
    """

    def __init__(
        self,
        connection: Connection,
        destination: Destination,
        shop: ShopAdapter,
        *,
        history_before: datetime | None = None,
        is_thorough: bool = False,
    ) -> None:
        self.connection = connection
        self.destination = destination
        self.shop = shop
        self.history_before = history_before
        self.is_thorough = is_thorough
        self._settings = etags.settings_of(destination)
        self._released: dict[str, datetime] | None = None  # read when it is asked for

    def compare(self, kind: Kind, keys: Sequence[str]) -> Comparison:
        """A constant number of queries per :data:`BATCH`."""
        found = Comparison()
        known = self._known(kind, keys)
        waiting = lines_of(self.connection, kind, keys)
        versions = self._versions(kind, keys)
        doubtful = []
        for key in keys:
            state = known.get(key)
            if key in waiting:
                found.verdicts[key] = waiting[key]
            elif state is not None and state.session:
                found.verdicts[key] = Reason.UPLOADING.value
            elif self._fits(state, versions.get(key, "")):
                found.verdicts[key] = Reason.UNCHANGED.value
            else:
                doubtful.append(key)
        for batch in chunks(doubtful, BATCH):
            self._build(kind, batch, known, versions, found)
        if self.is_thorough:
            left = [key for key in keys if key not in found.records]
            found.records.update(read(self.connection, self.shop, kind, left)[0] if left else {})
        return found

    def _known(self, kind: Kind, keys: Sequence[str]) -> dict[str, Known]:
        states = SyncState.objects.filter(
            connection=self.connection, kind=kind.value, key__in=list(keys)
        )
        rows = states.values_list("key", "digest", "etag", "session", "delivered_at")
        return {row[0]: Known(*row[1:4], was_delivered=row[4] is not None) for row in rows}

    def _versions(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, str]:
        """None of contacts, while a hook may look at what no version knows. (Of orders there are:
        what the hook reads elsewhere must not send every old one again.)"""
        if not keys or (kind is Kind.CONTACT and conf.RECORD_HOOK):
            return {}
        try:
            return reading.versions(self.shop, kind, keys)
        except Exception as error:  # whatever the shop's code raises: then each is built
            logger.error("no versions of %d %s: %s", len(keys), kind.value, without_message(error))
            return {}

    def _fits(self, state: Known | None, version: str) -> bool:
        if self.is_thorough or state is None or not (version and state.digest and state.etag):
            return False
        return state.etag == etags.etag(version, state.digest, self._settings)

    def _build(
        self,
        kind: Kind,
        keys: Sequence[str],
        known: Mapping[str, Known],
        versions: Mapping[str, str],
        found: Comparison,
    ) -> None:
        prepared = prepare(self.connection, self.destination, self.shop, kind, keys)
        digests.write(self.connection, kind, prepared.outdated)
        found.records.update(prepared.records)
        unchanged = []
        for result in prepared.settled:
            receipt = result.receipt
            if receipt.outcome is Outcome.SKIPPED and receipt.reason is not None:
                found.verdicts[receipt.key] = receipt.reason.value
            else:
                found.verdicts[receipt.key] = Verdict.UNREADABLE.value
            if receipt.reason is Reason.UNCHANGED and versions.get(receipt.key):
                unchanged.append(receipt.key)
        for envelope in prepared.outgoing:
            record = prepared.records[envelope.key]
            state = known.get(envelope.key)
            before = prepared.states.get(envelope.key)
            is_new = before is not None and before.is_merely_named
            verdict = self._difference(None if is_new else state, record)
            found.verdicts[envelope.key] = verdict.value

        for key in self._quiet(kind, unchanged, versions):
            if key in known:
                found.etags[key] = etags.etag(
                    versions[key], prepared.states[key].digest, self._settings
                )

    def _quiet(self, kind: Kind, keys: Sequence[str], versions: Mapping[str, str]) -> Iterator[str]:
        """Those that did not change while they were built: only then the record that was built is
        surely of the version that was read before it."""
        now = self._versions(kind, keys)
        return (key for key in keys if now.get(key) == versions[key])

    def _is_of_before(self, record: Record) -> bool:
        """Was this order not sent because of its status, which is sent since a later moment?"""
        if not isinstance(record, Order):
            return False
        if self._released is None:
            rows = ReleasedStatus.objects.filter(connection=self.connection).order_by("released_at")
            self._released = dict(rows.values_list("shop_status", "released_at"))
        since = self._released.get(record.status)
        return since is not None and record.placed_at < since

    def _difference(self, state: Known | None, record: Record) -> Verdict:
        if state is not None and state.digest:
            return Verdict.DIFFERS
        if state is not None:  # an order went to a former account: no night may fire its events
            is_order = isinstance(record, (Order, OrderDeletion))
            is_forgotten = is_order and not state.was_delivered
            return Verdict.HISTORY if is_forgotten else Verdict.UNCERTAIN
        if isinstance(record, Contact) and record.is_guest:
            return Verdict.HISTORY  # live, a guest comes with the order
        if self._is_of_before(record):
            return Verdict.HISTORY
        born = born_at(record)
        if self.history_before is not None and born is not None and born < self.history_before:
            return Verdict.HISTORY
        return Verdict.MISSING


def lines_of(connection: Connection, kind: Kind, keys: Iterable[str]) -> dict[str, str]:
    """Key → verdict for records that have a row in the outbox already."""
    found: dict[str, str] = {}
    rows = OutboxMessage.objects.of(connection, kind)
    if not rows.exists():  # as on most nights, and thousands of parameters cost more than the look
        return found
    rows = rows.filter(key__in=list(keys))
    for key, is_dead in rows.order_by("-is_dead").values_list("key", "is_dead"):
        found[key] = (Verdict.SET_ASIDE if is_dead else Verdict.WAITING).value
    return found


def born_at(record: Record) -> datetime | None:
    """When a record came into being, where it says so."""
    moment = getattr(record, "placed_at", None) or getattr(record, "joined_at", None)
    return moment if isinstance(moment, datetime) else None


def chunks(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
