"""Read all that is known of one record: a fixed number of queries, and nothing of the shop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    Lane,
    OutboxMessage,
    Reconciliation,
    SyncState,
    Tombstone,
)
from esputnik_connector.pipeline.erasure.tombstones import known_salts
from esputnik_connector.records import Kind

from .timeline import Step, Traces, import_of, timeline

MOST_ATTEMPTS = 50  # of one record: a record that was tried for 72 hours has some thirty
MOST_RUNS = 40  # imports and reconciliations that are looked through
MOST_CONNECTIONS = 10


@dataclass(frozen=True, kw_only=True)
class AccountHistory:
    """One record at one account."""

    connection: Connection
    kind: Kind
    key: str
    steps: tuple[Step, ...]
    traces: Traces
    imported_by: Backfill | None = None
    rests_until: datetime | None = None  # its lane
    rests_because: str = ""

    @property
    def state(self) -> SyncState | None:
        return self.traces.state

    @property
    def waiting(self) -> OutboxMessage | None:
        """The row that goes next; ``None`` when nothing is in line."""
        rows = (row for row in self.traces.rows if not row.is_dead and not row.session)
        return min(rows, key=lambda row: row.due_at, default=None)

    @property
    def set_aside(self) -> OutboxMessage | None:
        return next((row for row in self.traces.rows if row.is_dead), None)

    @property
    def is_known(self) -> bool:
        """Was anything ever noted of it here?"""
        return bool(self.steps) or self.state is not None

    @property
    def erased_at(self) -> datetime | None:
        return self.traces.erased_at


@dataclass(frozen=True, kw_only=True)
class RecordHistory:
    """One record at every account of the shop."""

    kind: Kind
    key: str
    accounts: tuple[AccountHistory, ...]

    @property
    def is_known(self) -> bool:
        return any(account.is_known for account in self.accounts)


def history_of(kind: Kind, key: str) -> RecordHistory:
    """Eleven queries at the most, however many accounts, attempts and runs there are."""
    connections = list(Connection.objects.order_by("pk")[:MOST_CONNECTIONS])
    place = {"connection__in": connections, "kind": kind.value, "key": key}
    states = {one.connection_id: one for one in SyncState.objects.filter(**place)}
    rows = _by_connection(OutboxMessage.objects.filter(**place).order_by("-pk")[:MOST_ATTEMPTS])
    owners = _owners(kind, key, states.values())
    attempts = _by_connection(_attempts(connections, kind, key, owners))
    imports = _by_connection(_runs(Backfill, connections, kind))
    reconciliations = _by_connection(_runs(Reconciliation, connections, kind))
    lanes = {
        lane.connection_id: lane
        for lane in Lane.objects.filter(connection__in=connections, kind=kind.value)
    }
    erased = _erased(kind, key, states.values())
    found = []
    for connection in connections:
        state = states.get(connection.pk)
        traces = Traces(
            state=None if state is not None and state.is_merely_named else state,
            rows=rows[connection.pk],
            attempts=attempts[connection.pk],
            imports=imports[connection.pk],
            reconciliations=reconciliations[connection.pk],
            erased_at=_still_erased(erased, state),
        )
        found.append(_of_account(connection, kind, key, traces, lanes.get(connection.pk)))
    return RecordHistory(kind=kind, key=key, accounts=tuple(found))


def _of_account(
    connection: Connection, kind: Kind, key: str, traces: Traces, lane: Lane | None
) -> AccountHistory:
    rests = lane is not None and lane.is_paused(timezone.now())
    return AccountHistory(
        connection=connection,
        kind=kind,
        key=key,
        steps=timeline(key, traces),
        traces=traces,
        imported_by=import_of(traces),
        rests_until=lane.paused_until if lane is not None and rests else None,
        rests_because=lane.pause_detail if lane is not None and rests else "",
    )


def _by_connection(found: Iterable[Any]) -> defaultdict[int, list[Any]]:
    grouped: defaultdict[int, list[Any]] = defaultdict(list)
    for one in found:
        grouped[one.connection_id].append(one)
    return grouped


def _attempts(
    connections: Sequence[Connection], kind: Kind, key: str, owners: Sequence[str]
) -> Sequence[Attempt]:
    """Of the record, and of the deletion of the person to whom it belongs."""
    mine = Q(kind=kind.value, key=key) | Q(kind=Kind.ERASURE.value, key__in=owners)
    found = Attempt.objects.filter(mine, connection__in=connections)
    return list(found.order_by("-pk")[:MOST_ATTEMPTS])


def _runs(model: Any, connections: Sequence[Connection], kind: Kind) -> Sequence[Any]:
    found = model.objects.filter(connection__in=connections, kind=kind.value)
    return list(found.order_by("-pk")[:MOST_RUNS])


def _owners(kind: Kind, key: str, states: Iterable[SyncState]) -> list[str]:
    if kind is Kind.CONTACT:
        return [key]
    return sorted({state.owner_key for state in states if state.owner_key})


def _erased(kind: Kind, key: str, states: Iterable[SyncState]) -> datetime | None:
    """When the person of this record was banned; ``None`` when nobody was, or it cannot be told."""
    names = [key] if kind is Kind.CONTACT else []
    prints: set[str] = set()
    for state in states:
        if state.owner_key:
            names.append(state.owner_key)
        elif kind is not Kind.CONTACT:  # of a guest: by what was sent of them
            prints |= {print_ for print_ in state.locators.values() if len(print_) > 1}
    if kind is Kind.ORDER:
        names.append(order_mark(key))
    if not Tombstone.objects.exists():
        return None
    try:
        prints |= {fingerprint(name, salt=salt) for salt in known_salts() for name in names}
    except ConnectorError:  # an encryption key is missing, which the doctor tells
        return None
    tombstones = Tombstone.objects.filter(fingerprint__in=prints).order_by("-created_at")
    moment: datetime | None = tombstones.values_list("created_at", flat=True).first()
    return moment


def _still_erased(erased: datetime | None, state: SyncState | None) -> datetime | None:
    """Whoever was sent after the deletion came back as somebody new."""
    arrived = state.delivered_at if state is not None else None
    return erased if erased is None or arrived is None or erased >= arrived else None


def found_in_memory(key: str, kinds: Mapping[Kind, Any]) -> list[Kind]:
    """Kinds of which a record with this key was ever noted or delivered. Four queries."""
    connections = list(Connection.objects.values_list("pk", flat=True)[:MOST_CONNECTIONS])
    place = {"connection__in": connections, "kind__in": [kind.value for kind in kinds], "key": key}
    known: set[str] = set()
    for model in (SyncState, OutboxMessage, Attempt):
        known |= set(model.objects.filter(**place).order_by().values_list("kind", flat=True))
    return [kind for kind in kinds if kind.value in known]
