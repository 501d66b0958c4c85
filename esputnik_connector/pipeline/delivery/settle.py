"""Write down what became of a batch: delivered states, outbox rows, attempts.

Exactly the rows that were read are settled; a row that came meanwhile stays.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import Attempt, Backfill, Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import ledger
from esputnik_connector.records import Kind, Outcome, Reason

from . import backoff
from .dispatch import Prepared, Result
from .notify import tell

Rows = Mapping[str, Sequence[OutboxMessage]]

IDENTITY = ("connection_id", "kind", "key")
IMPORT = (  # what a state holds of an import
    "digest", "delivered_at", "remote_id", "session", "session_digest", "session_since", "poll_at",
    "backfill_id",
)  # fmt: skip

UNKNOWN = "?"  # in place of a locator's hash: something else was sent, and no answer came


def _nothing() -> None:
    """Only the results are written."""


def mark_unknown(connection: Connection, kind: Kind, prepared: Prepared) -> None:
    """Before a batch goes out: from now on nobody knows what the destination holds of it.

    Without this, a worker that dies between the request and its answer would leave the old digest
    standing, and a record that returns to its old state would be taken for unchanged. Of an order
    that never went out there is nothing to forget, and none of its fields is ever cleared; nor is
    there of an event, which happens once.
    """
    if kind in (Kind.ERASURE, Kind.EVENT):
        return
    rows = []
    for envelope in prepared.outgoing:
        state = prepared.states.get(envelope.key)
        if state is None and kind is Kind.ORDER:
            continue
        hashes = prepared.locators.get(envelope.key, {})
        owner = prepared.owners.get(envelope.key, "")
        rows.append({
            "connection_id": connection.pk, "kind": kind.value, "key": envelope.key,
            "owner_key": owner or (state.owner_key if state else ""),
            "fields": sorted(envelope.fields | set(state.fields if state else ())),
            "locators": {
                name: known_hash if hashes.get(name) == known_hash else UNKNOWN
                for name, known_hash in (state.locators if state else {}).items()
            },
        })  # fmt: skip
    SyncState.objects.upsert(rows, ["owner_key", "fields", "locators", "digest"])


def settle(
    connection: Connection,
    kind: Kind,
    results: Sequence[Result],
    rows: Rows,
    *,
    now: datetime,
    backfill: Backfill | None = None,
    before: Callable[[], None] = _nothing,
    also: Callable[[], None] = _nothing,
) -> None:
    """Write the results of one call. ``rows`` are the outbox rows that were read, by key.

    :param backfill: the records are history of this run: they have no rows, unless one is needed.
    :param before, also: run in the same transaction, first and last.
    """
    with transaction.atomic():
        before()
        _remember(connection, kind, results, now, backfill)
        if backfill is not None:
            receipts = [result.receipt for result in results]
            rows = _with_rows_where_needed(connection, receipts, rows, route=backfill.route)
        for result in results:
            _settle_rows(result.receipt, rows.get(result.receipt.key, ()), now)
        _forget_settled(results, rows)
        _record(connection, _remarkable(results) if backfill else results, rows, now)
        also()
    tell(connection, results)


def _with_rows_where_needed(
    connection: Connection, receipts: Iterable[Receipt], rows: Rows, *, route: str = ""
) -> Rows:
    """Give a row to each historical record that is not settled, so that it is seen and tried again
    like any other."""
    missing = [
        OutboxMessage(connection=connection, kind=receipt.kind.value, key=receipt.key, route=route)
        for receipt in receipts
        if receipt.outcome in (Outcome.REJECTED, Outcome.DEFERRED) and not rows.get(receipt.key)
    ]
    if not missing:
        return rows
    OutboxMessage.objects.bulk_create(missing)
    return {**rows, **{row.key: [row] for row in missing}}


def _remarkable(results: Iterable[Result]) -> list[Result]:
    """Of history, only what somebody may ask about leaves an attempt: what plainly arrived is in
    :class:`SyncState`, and what arrived before is counted."""
    return [
        result
        for result in results
        if result.receipt.reason not in (None, Reason.UNCHANGED)
        or (result.envelope is not None and result.envelope.notes)
    ]


def _remember(
    connection: Connection,
    kind: Kind,
    results: Iterable[Result],
    now: datetime,
    backfill: Backfill | None,
) -> None:
    delivered, accepted, erased = [], [], []
    for result in results:
        if result.envelope is None:
            continue
        receipt, envelope = result.receipt, result.envelope
        if kind is Kind.ERASURE:
            if receipt.outcome is Outcome.DELIVERED:
                erased.append(receipt.key)
            continue
        state = {
            "connection_id": connection.pk, "kind": kind.value, "key": receipt.key,
            "owner_key": result.owner_key, "fields": sorted(envelope.fields),
            "locators": dict(result.locators), "remote_id": receipt.remote_id,
        }  # fmt: skip
        if receipt.outcome is Outcome.DELIVERED:
            delivered.append({**state, "digest": envelope.digest, "delivered_at": now})
        elif receipt.outcome is Outcome.ACCEPTED:
            accepted.append({
                **state, "session": receipt.session, "session_digest": envelope.digest,
                "session_since": now, "poll_at": backoff.poll_due(now, now=now),
                "backfill_id": backfill.pk if backfill else None,
            })  # fmt: skip
    SyncState.objects.upsert(
        delivered, ["fields", "locators", "digest", "remote_id", "delivered_at"]
    )
    SyncState.objects.upsert(
        accepted,
        ["fields", "locators", "session", "session_digest", "session_since", "poll_at",
         "backfill_id"],
    )  # fmt: skip
    SyncState.objects.filter(
        connection=connection, kind=Kind.CONTACT.value, key__in=erased
    ).delete()


def _settle_rows(receipt: Receipt, rows: Sequence[OutboxMessage], now: datetime) -> None:
    """Decide about the one row that stays for a record that is not settled."""
    if not rows or receipt.outcome in (Outcome.DELIVERED, Outcome.SKIPPED):
        return
    row = rows[0]
    row.reason = receipt.reason.value if receipt.reason else ""
    row.detail = receipt.detail
    if receipt.outcome is Outcome.ACCEPTED:
        row.session = receipt.session
        return
    row.session = ""
    if receipt.outcome is Outcome.REJECTED:
        row.is_dead = True
        return
    was_dead = any(each.is_dead for each in rows)
    row.is_dead = False
    if not receipt.is_counted:
        row.due_at = now + timedelta(seconds=receipt.retry_after)
        return
    if was_dead:  # set aside once, and changed since: a fresh horizon
        row.attempts, row.failing_since = 0, None
    else:
        row.attempts = max(each.attempts for each in rows)
    row.attempts += 1
    row.failing_since = row.failing_since or now
    row.due_at = backoff.record_due(
        row.attempts,
        now=now,
        jitter=random.random(),
        retry_after=receipt.retry_after,
    )
    horizon = timedelta(hours=conf.RETRY_HORIZON_HOURS)
    row.is_dead = now - row.failing_since >= horizon


def _forget_settled(results: Iterable[Result], rows: Rows) -> None:
    """Remove what is settled; a record that is not keeps one row, the oldest."""
    kept, gone = [], []
    for result in results:
        mine = list(rows.get(result.receipt.key, ()))
        if result.receipt.outcome not in (Outcome.DELIVERED, Outcome.SKIPPED):
            kept += mine[:1]
            mine = mine[1:]
        gone += [row.pk for row in mine]
    OutboxMessage.objects.bulk_update(
        kept,
        ["attempts", "failing_since", "due_at", "session", "is_dead", "reason", "detail"],
        batch_size=200,
    )
    OutboxMessage.objects.filter(pk__in=gone).delete()


def _record(connection: Connection, results: Iterable[Result], rows: Rows, now: datetime) -> None:
    """One attempt per record that had its turn; a pause of the whole lane is not one."""
    attempts = []
    for result in results:
        if result.receipt.outcome is Outcome.DEFERRED and not result.receipt.is_counted:
            continue
        receipt, mine = result.receipt, rows.get(result.receipt.key, ())
        notes = result.envelope.notes if result.envelope else ()
        attempts.append(
            Attempt(
                connection=connection,
                kind=receipt.kind.value,
                key=receipt.key,
                outcome=receipt.outcome.value,
                reason=receipt.reason.value if receipt.reason else "",
                detail=receipt.detail,
                status=receipt.status,
                notes=[note.value for note in notes],
                captured_at=min((row.captured_at for row in mine), default=None),
                created_at=now,
            )
        )
    Attempt.objects.bulk_create(attempts)


def resolve_states(
    connection: Connection,
    states: Sequence[SyncState],
    receipts: Sequence[Receipt],
    *,
    now: datetime,
) -> None:
    """Write what became of an import that was accepted before; ``states`` are all of one session.

    What is still importing is asked about again later. A record whose import failed goes back in
    line; one that was refused is set aside. An import that was given up meanwhile, as when the
    account was replaced, is over already.
    """
    session = {"connection": connection, "kind": states[0].kind, "session": states[0].session}
    with transaction.atomic():
        mine = SyncState.objects.filter(**session).select_for_update()
        waiting = set(mine.values_list("key", flat=True))
        states = [state for state in states if state.key in waiting]
        live, history = _resolved(states, {receipt.key: receipt for receipt in receipts}, now)
        SyncState.objects.upsert(
            [{name: getattr(state, name) for name in (*IDENTITY, *IMPORT)} for state in states],
            IMPORT,
        )
        for backfill_id, results in history.items():
            ledger.imported(backfill_id, [result.receipt for result in results])
        old = [result for results in history.values() for result in results]
        rows: Rows = by_key(OutboxMessage.objects.filter(**session).order_by("pk"))
        rows = _with_rows_where_needed(connection, (one.receipt for one in [*live, *old]), rows)
        for result in (*live, *old):
            _settle_rows(result.receipt, rows.get(result.receipt.key, ()), now)
        _forget_settled([*live, *old], rows)
        _record(connection, [*live, *_remarkable(old)], rows, now)
    tell(connection, [*live, *old])


def _resolved(
    states: Sequence[SyncState], answers: Mapping[str, Receipt], now: datetime
) -> tuple[list[Result], Mapping[int, list[Result]]]:
    """Write the answers into the states, unsaved: what is over, live and by historical import."""
    live: list[Result] = []
    history: defaultdict[int, list[Result]] = defaultdict(list)
    for state in states:
        receipt = answers.get(state.key)
        if receipt is None or receipt.reason is Reason.IMPORTING:
            state.poll_at = backoff.poll_due(state.session_since or now, now=now)
            continue
        results = live if state.backfill_id is None else history[state.backfill_id]
        results.append(Result(receipt))
        if receipt.outcome is Outcome.DELIVERED:
            state.digest, state.delivered_at = state.session_digest, now
            state.remote_id = receipt.remote_id or state.remote_id
        state.session, state.session_digest = "", ""
        state.session_since, state.poll_at, state.backfill_id = None, None, None
    return live, history


def by_key(found: Iterable[OutboxMessage]) -> dict[str, list[OutboxMessage]]:
    rows: dict[str, list[OutboxMessage]] = {}
    for row in found:
        rows.setdefault(row.key, []).append(row)
    return rows
