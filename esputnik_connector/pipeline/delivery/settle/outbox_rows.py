"""What becomes of the outbox rows of a batch, and the attempts that are kept of it.

Exactly the rows that were read are changed or removed; a row that came meanwhile stays.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    OutboxMessage,
    OutcomeCount,
    OutcomeHour,
)
from esputnik_connector.pipeline.delivery.pace import backoff
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.records import Kind, Outcome, Reason

from .outcome_counts import counted

Rows = Mapping[str, Sequence[OutboxMessage]]

KEPT_ROW_COLUMNS = (
    "attempts",
    "failing_since",
    "due_at",
    "session",
    "goes_alone",
    "is_forced",
    "is_catch_up",
    "is_dead",
    "reason",
    "detail",
)


ACCEPTED_ROW_COLUMNS = ("session", "is_forced", "is_catch_up", "reason", "detail")


def settle_rows(
    connection: Connection,
    results: Sequence[Result],
    rows: Rows,
    now: datetime,
    *,
    attempts: Iterable[Result],
) -> None:
    """Write the outbox rows of these results, count them, and write an attempt for each of
    ``attempts``.

    Part of a transaction of the caller.
    """
    counts = counted([result.receipt for result in results], rows, now)
    if rows:  # history has none
        for result in results:
            _decide(result.receipt, rows.get(result.receipt.key, ()), now)
        _remove_settled(results, rows)
    _record(connection, attempts, rows, now)
    OutcomeCount.objects.add(connection, counts, now=now)
    OutcomeHour.objects.add(connection, counts, now=now)


def with_rows_where_needed(
    connection: Connection, receipts: Iterable[Receipt], rows: Rows, *, run: Backfill | None = None
) -> Rows:
    """Give a row to each historical record that was refused or has to wait, so that the merchant
    sees it and workers try it again like any other."""
    missing = [
        OutboxMessage(
            connection=connection,
            kind=receipt.kind.value,
            key=receipt.key,
            route=run.route if run else "",
            is_forced=bool(run and run.is_forced),
            is_catch_up=True,
        )
        for receipt in receipts
        if receipt.outcome in (Outcome.REJECTED, Outcome.DEFERRED) and not rows.get(receipt.key)
    ]
    if not missing:
        return rows
    OutboxMessage.objects.bulk_create(missing)
    return {**rows, **{row.key: [row] for row in missing}}


def outcome_of_history(results: Iterable[Result]) -> list[Result]:
    """Of history, only what the merchant may ask about leaves an attempt: what plainly arrived is
    in :class:`SyncState`, and what arrived before is counted."""
    return [
        result
        for result in results
        if result.receipt.reason not in (None, Reason.UNCHANGED)
        or (result.envelope is not None and result.envelope.notes)
    ]


def worth_an_attempt(kind: Kind, results: Sequence[Result]) -> Sequence[Result]:
    """Of behaviour there are hundreds a second, and each that went well is counted: only what went
    wrong, and a purchase, leaves a line of its own."""
    if kind is not Kind.BEHAVIOUR:
        return results
    well = (Outcome.DELIVERED, Outcome.SKIPPED)
    return [
        result
        for result in results
        if result.receipt.outcome not in well
        or (result.envelope is not None and result.envelope.is_remembered)
    ]


def _decide(receipt: Receipt, rows: Sequence[OutboxMessage], now: datetime) -> None:
    """Change, unsaved, the one row that stays for a record that was not delivered or skipped."""
    if not rows or receipt.outcome in (Outcome.DELIVERED, Outcome.SKIPPED):
        return
    row = rows[0]
    row.is_forced = any(each.is_forced for each in rows)
    row.is_catch_up = all(each.is_catch_up for each in rows)
    row.reason = receipt.reason.value if receipt.reason else ""
    row.detail = receipt.detail
    if receipt.outcome is Outcome.ACCEPTED:
        row.session = receipt.session
        return
    row.session = ""
    if receipt.outcome is Outcome.REJECTED:
        row.is_dead = True
        return
    row.goes_alone = receipt.goes_alone or any(each.goes_alone for each in rows)
    was_dead = any(each.is_dead for each in rows)
    row.is_dead = False
    if not receipt.is_counted:
        row.due_at = now + backoff.believed(receipt.retry_after)
        return
    if was_dead:  # set aside once, and changed since: a fresh horizon
        row.attempts, row.failing_since = 0, None
    else:
        row.attempts = max(each.attempts for each in rows)
    row.attempts += 1
    row.failing_since = min(row.failing_since or now, now)  # no clock years ahead is believed
    row.due_at = backoff.record_due(
        row.attempts,
        now=now,
        jitter=random.random(),
        retry_after=receipt.retry_after,
    )
    horizon = timedelta(hours=conf.RETRY_HORIZON_HOURS)
    row.is_dead = now - row.failing_since >= horizon


def _remove_settled(results: Iterable[Result], rows: Rows) -> None:
    """Remove the rows of what was delivered or skipped; any other record keeps its oldest row."""
    accepted: list[OutboxMessage] = []
    kept: list[OutboxMessage] = []
    gone: list[int] = []
    for result in results:
        mine = list(rows.get(result.receipt.key, ()))
        if result.receipt.outcome not in (Outcome.DELIVERED, Outcome.SKIPPED):
            is_accepted = result.receipt.outcome is Outcome.ACCEPTED
            (accepted if is_accepted else kept).extend(mine[:1])
            mine = mine[1:]
        gone += [row.pk for row in mine]
    _write_accepted(accepted)
    OutboxMessage.objects.bulk_update(
        kept,
        KEPT_ROW_COLUMNS,
        batch_size=200,
    )
    OutboxMessage.objects.filter(pk__in=gone).delete()


def _write_accepted(rows: Iterable[OutboxMessage]) -> None:
    """What an upload took is the same in all of its rows, and they are thousands: one statement per
    upload, instead of the values of each row."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        values = tuple(getattr(row, name) for name in ACCEPTED_ROW_COLUMNS)
        alike.setdefault(values, []).append(row.pk)
    for values, pks in alike.items():
        changes = dict(zip(ACCEPTED_ROW_COLUMNS, values, strict=True))
        OutboxMessage.objects.filter(pk__in=pks).update(**changes)


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


def by_key(found: Iterable[OutboxMessage]) -> dict[str, list[OutboxMessage]]:
    """Key → its rows, in the order in which they were found."""
    rows: dict[str, list[OutboxMessage]] = {}
    for row in found:
        rows.setdefault(row.key, []).append(row)
    return rows


def tried(rows: Rows) -> frozenset[str]:
    """Keys that were sent, and of which no answer told what became of them."""
    return frozenset(key for key, mine in rows.items() if any(row.attempts for row in mine))


def forced(rows: Rows) -> frozenset[str]:
    """Keys that are to be sent even when they are unchanged."""
    return frozenset(key for key, mine in rows.items() if any(row.is_forced for row in mine))
