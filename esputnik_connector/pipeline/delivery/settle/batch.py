"""Write down what became of a batch: delivered states, outbox rows, attempts.

Exactly the rows that were read are settled; a row that came meanwhile stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from logging import getLogger
from typing import Any

from django.db import transaction

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Backfill, Connection, KnownAddress, OutboxMessage, SyncState
from esputnik_connector.models.lease import LostLease
from esputnik_connector.pipeline.delivery.pace import backoff
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.pipeline.delivery.prepare.load import is_database_gone
from esputnik_connector.pipeline.erasure.erase_again import repeat_after_uploads
from esputnik_connector.records import Kind, Outcome, Reason

from .in_flight import follow_unnamed
from .notify import notify
from .outbox_rows import (
    Rows,
    outcome_of_history,
    settle_rows,
    with_rows_where_needed,
    worth_an_attempt,
)
from .outcome_counts import TAKEN

logger = getLogger(__name__)

ACCEPTED_COLUMNS = (
    "fields",
    "locators",
    "status",
    "session",
    "session_digest",
    "session_since",
    "poll_at",
    "backfill_id",
)

STATUS_LENGTH = 30  # of the column; no destination documents a longer one

Also = Callable[[Sequence[Result]], None]


def _nothing() -> None:
    """There is no lease to keep."""


def _nothing_else(_results: Sequence[Result]) -> None:
    """Only the results are written."""


def settle(
    connection: Connection,
    kind: Kind,
    results: Sequence[Result],
    rows: Rows,
    *,
    now: datetime,
    backfill: Backfill | None = None,
    before: Callable[[], None] = _nothing,
    also: Also = _nothing_else,
) -> Sequence[Result]:
    """Write down the results of one call, and return them as they were written.

    When they cannot be written together, each is written alone, and one that still cannot be is
    written without its answer: whatever happens after a request, the try counts.

    :param rows: the outbox rows that were read, by key.
    :param backfill: the records are history of this run: they have no rows, unless one is needed.
    :param before: runs first in the same transaction; what it raises passes through.
    :param also: runs last in the same transaction, with the results that it writes.
    :raises LostLease: another worker has taken over; nothing was written.
    """

    def write(some: Sequence[Result]) -> None:
        with transaction.atomic():
            before()
            erased = _remember(connection, kind, some, now, backfill)
            made = [row for key in erased for row in rows.get(key, ())]
            repeat_after_uploads(connection, made, now=now)
            known = rows
            if backfill is not None:
                receipts = [result.receipt for result in some]
                known = with_rows_where_needed(connection, receipts, rows, run=backfill)
            attempts = outcome_of_history(some) if backfill else worth_an_attempt(kind, some)
            settle_rows(connection, some, known, now, attempts=attempts)
            if kind is Kind.CONTACT:
                follow_unnamed(connection, [result.receipt for result in some], now=now)
            also(some)

    written = results if _is_written(write, results) else [_alone(write, one) for one in results]
    notify(connection, written)
    return written


def _is_written(write: Also, results: Sequence[Result]) -> bool:
    """False when these results cannot be written, for a reason that lies in one of them.

    :raises LostLease: another worker has taken over.
    """
    try:
        write(results)
    except LostLease:
        raise
    except Exception as error:
        if not results or is_database_gone(error):
            raise
        keys = ", ".join(result.receipt.key for result in results[:5])
        logger.error(
            "%d results (%s …) could not be written: %s",
            len(results),
            keys,
            without_message(error),
        )
        return False
    return True


def _alone(write: Also, result: Result) -> Result:
    if _is_written(write, [result]):
        return result
    receipt = Receipt(
        kind=result.receipt.kind,
        key=result.receipt.key,
        outcome=Outcome.DEFERRED,
        reason=Reason.NOT_RECORDED,
        is_counted=True,
    )
    bare = Result(receipt)
    write([bare])
    return bare


def _remember(
    connection: Connection,
    kind: Kind,
    results: Iterable[Result],
    now: datetime,
    backfill: Backfill | None,
) -> list[str]:
    """The states of what was delivered or accepted; keys of those whose deletion was made."""
    delivered: list[Mapping[str, Any]] = []
    accepted: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    erased: list[str] = []
    introduced: set[str] = set()
    for result in results:
        if result.envelope is None:
            continue
        receipt, envelope = result.receipt, result.envelope
        if kind is Kind.ERASURE:
            if receipt.outcome is Outcome.DELIVERED:
                erased.append(receipt.key)
            continue
        if kind is Kind.SUBSCRIPTION or not envelope.is_remembered:  # nothing will be compared
            continue
        if receipt.outcome not in TAKEN:
            continue
        state: dict[str, Any] = {
            "key": receipt.key,
            "owner_key": result.owner_key,
            "fields": sorted(envelope.fields),
            "locators": result.locators,
            "status": envelope.status[:STATUS_LENGTH],
        }
        if envelope.introduces:
            introduced |= {result.locators.get("email") or result.locators.get("phone", "")} - {""}
        if receipt.outcome is Outcome.DELIVERED:
            state |= {"digest": result.digest, "remote_id": receipt.remote_id}
            delivered.append(state)
        else:
            state["session_digest"] = result.digest
            accepted[receipt.session].append(state)
    whose = {"connection_id": connection.pk, "kind": kind.value}
    SyncState.objects.upsert(
        delivered,
        ["fields", "locators", "digest", "remote_id", "status", "delivered_at"],
        shared={**whose, "delivered_at": now},
    )
    for session, states in accepted.items():
        upload = {
            "session": session,
            "session_since": now,
            "poll_at": backoff.poll_due(now, now=now),
            "backfill_id": backfill.pk if backfill else None,
        }
        SyncState.objects.upsert(states, ACCEPTED_COLUMNS, shared={**whose, **upload})
    KnownAddress.objects.bulk_create(
        [KnownAddress(connection=connection, fingerprint=one) for one in sorted(introduced)],
        ignore_conflicts=True,
    )
    if erased:
        contacts = {"connection": connection, "kind": Kind.CONTACT.value, "key__in": erased}
        SyncState.objects.filter(**contacts).delete()
        # Nothing is left that would ask about their upload.
        OutboxMessage.objects.filter(**contacts).exclude(session="").update(session="")
    return erased
