"""What really happened in the shop's database, written down by triggers in its own transactions.

Clocks of processes may be apart and a killed process tells nothing; a trigger knows both, and what
was rolled back is not there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection as database
from django.db.models import Model
from oscar.core.loading import get_model

from esputnik_connector.models import Attempt, Backfill, OutboxMessage, SyncState

from .evidence import Row

TABLE = """
CREATE TABLE chaos_audit (
    seq bigserial PRIMARY KEY, tx bigint DEFAULT txid_current(), tab text, op text,
    old jsonb, new jsonb
);
CREATE FUNCTION chaos_note() RETURNS trigger AS $$
BEGIN
    INSERT INTO chaos_audit (tab, op, old, new) VALUES (
        TG_TABLE_NAME, TG_OP,
        CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
        CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END
    );
    RETURN NULL;
END $$ LANGUAGE plpgsql;
"""
SETTLED = ("delivered", "skipped", "imported")
UNSETTLED = ("dead", "waiting")
FOR_EVER = 1 << 62  # later than every entry


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change of one row."""

    seq: int
    tx: int
    table: str
    op: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


def watched() -> dict[type[Model], str]:
    """Model → operations that are written down."""
    everything = "INSERT OR UPDATE OR DELETE"
    return {
        OutboxMessage: "INSERT OR DELETE",
        Attempt: "INSERT",
        Backfill: "UPDATE",
        SyncState: "UPDATE",
        get_user_model(): everything,
        get_model("address", "UserAddress"): everything,
        get_model("order", "Order"): everything,
    }


def install() -> None:
    with database.cursor() as cursor:
        cursor.execute(TABLE)
        for model, operations in watched().items():
            table = model._meta.db_table
            cursor.execute(
                f'CREATE TRIGGER chaos_{table} AFTER {operations} ON "{table}"'
                " FOR EACH ROW EXECUTE FUNCTION chaos_note()"
            )


def entries() -> list[Entry]:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT seq, tx, tab, op, old::text, new::text FROM chaos_audit ORDER BY seq"
        )
        return [
            Entry(seq=seq, tx=tx, table=table, op=op,
                  old=json.loads(old) if old else None, new=json.loads(new) if new else None)
            for seq, tx, table, op, old, new in cursor.fetchall()
        ]  # fmt: skip


def of(found: Iterable[Entry], model: type[Model]) -> list[Entry]:
    return [entry for entry in found if entry.table == model._meta.db_table]


def values(found: Iterable[Entry], column: str, *, key: str = "id") -> dict[Any, list[Any]]:
    """Key → every value its column ever had, oldest first, repeats in a row left out."""
    held: defaultdict[Any, list[Any]] = defaultdict(list)
    for entry in found:
        if entry.new is not None:
            mine = held[entry.new[key]]
            if not mine or mine[-1] != entry.new[column]:
                mine.append(entry.new[column])
    return held


def outbox_rows(found: Sequence[Entry]) -> list[Row]:
    """Every note that was ever made, and what became of it."""
    notes = of(found, OutboxMessage)
    left = {row.pk: row for row in OutboxMessage.objects.all()}
    is_dead = {pk: row.is_dead for pk, row in left.items()}
    words = [*of(found, Attempt), *taken_along(of(found, Backfill)), *arrived(of(found, SyncState))]
    fates = fates_of(notes, words, is_dead)
    stayed = {(row.kind, row.key, row.is_dead): row for row in left.values()}
    rows = []
    for new in (entry.new for entry in notes if entry.new is not None):
        number, kind, key = new["id"], new["kind"], new["key"]
        # One that was folded speaks with the words of the one that stayed.
        row = left.get(number) or stayed.get((kind, key, fates[number] == "dead"))
        words = (row.reason, _state_of(row)) if row and fates[number] in UNSETTLED else ("", "")
        fate = fates[number]
        rows.append(
            Row(number=number, kind=kind, key=key, fate=fate, reason=words[0], detail=words[1])
        )
    return rows


def taken_along(runs: Iterable[Entry]) -> list[Entry]:
    """A historical import settles the notes of the records on its page, and counts these itself."""
    return [
        _said(entry, entry.new["kind"], key)
        for entry in runs
        if entry.old is not None and entry.new is not None
        for key in sorted({*entry.old["page"]} - {*entry.new["page"]})
    ]


def arrived(states: Iterable[Entry]) -> list[Entry]:
    """So it does when eSputnik says later that a record of it has arrived."""
    return [
        _said(entry, entry.new["kind"], entry.new["key"])
        for entry in states
        if entry.old is not None
        and entry.new is not None
        and entry.old["session"]
        and not entry.new["session"]
        and entry.new["delivered_at"] != entry.old["delivered_at"]
    ]


def _said(entry: Entry, kind: str, key: str) -> Entry:
    return replace(entry, new={"kind": kind, "key": key, "outcome": "imported"})


def _state_of(row: OutboxMessage) -> str:
    if row.is_dead:
        return row.detail
    session = f", in session {row.session}" if row.session else ""
    return f"{row.detail or 'no words'}, tried {row.attempts} times{session}"


def fates_of(
    notes: Sequence[Entry], attempts: Iterable[Entry], left: Mapping[int, bool]
) -> dict[int, str]:
    """What became of each note, by its number.

    A note goes in the transaction that writes what became of its record. Several of one record
    fold into one that waits, and share its fate.

    :param left: the notes that are still there, and whether they were set aside.
    """
    outcomes: defaultdict[tuple[int, str, str], list[str]] = defaultdict(list)
    for attempt in attempts:
        if attempt.new is not None:
            what = attempt.tx, attempt.new["kind"], attempt.new["key"]
            outcomes[what].append(attempt.new["outcome"])
    removed = {entry.old["id"]: entry for entry in notes if entry.old is not None}
    fates: dict[int, str] = {}
    records: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    born = {entry.new["id"]: entry.seq for entry in notes if entry.new is not None}
    for new in (entry.new for entry in notes if entry.new is not None):
        number, kind, key = new["id"], new["kind"], new["key"]
        records[new["connection_id"], kind, key].append(number)
        if number in left:
            fates[number] = "dead" if left[number] else "waiting"
        else:
            end = removed.get(number)
            said = outcomes[end.tx, kind, key] if end else []
            fates[number] = next((one for one in said if one in SETTLED), "")
    ends = {number: entry.seq for number, entry in removed.items()}
    for numbers in records.values():
        _fold(numbers, fates, born, ends)
    return fates


def _fold(
    numbers: Sequence[int], fates: dict[int, str], born: Mapping[int, int], ends: Mapping[int, int]
) -> None:
    """Give each note that went unsettled the fate of one of the same record that stayed."""
    # Whoever stayed longest is judged first, so that a chain of folds ends at its last link.
    for number in sorted(numbers, key=lambda one: -ends.get(one, FOR_EVER)):
        if not fates[number]:
            end = ends.get(number, FOR_EVER)
            stayed = (one for one in numbers if born[one] < end < ends.get(one, FOR_EVER))
            fates[number] = next((fates[one] for one in stayed if fates[one]), "vanished")
