"""A deletion that an upload may undo: made at once, and again after the upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from esputnik_connector import registry
from esputnik_connector.models import (
    Connection,
    LostUpload,
    OutboxMessage,
    Tombstone,
)
from esputnik_connector.records import Contact, Kind
from esputnik_connector.shops import reading

from .tombstones import buried

LONGEST_LOST_UPLOAD = timedelta(days=1)  # that it is asked about after it was given up
BETWEEN_DELETIONS = timedelta(hours=6)  # of one person, while eSputnik is silent about the upload


def repeat_after_uploads(
    connection: Connection, rows: Sequence[OutboxMessage], *, now: datetime
) -> None:
    """Put deletions that were made in line once more, for after the uploads that may still create
    these people: their end brings them forward (:func:`erase_again`)."""
    if not rows:
        return
    lost = LostUpload.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    until: dict[str, datetime] = {}
    for upload in lost.filter(lost_at__gt=now - LONGEST_LOST_UPLOAD).order_by("lost_at"):
        end = min(upload.lost_at + LONGEST_LOST_UPLOAD, now + BETWEEN_DELETIONS)
        until |= dict.fromkeys(upload.keys, end)
    OutboxMessage.objects.bulk_create(
        _erasure(connection, row.key, row.captured_at, due_at=until[row.key], payload=row.payload)
        for row in rows
        if row.key in until
    )


def erase_again(connection: Connection, keys: Sequence[str], *, now: datetime) -> set[str]:
    """Put the deletion of those in line again who were deleted while an upload might still create
    them, and return their keys."""
    waiting = OutboxMessage.objects.of(connection, Kind.ERASURE).unsent().filter(key__in=keys)
    known = set(waiting.values_list("key", flat=True))
    waiting.update(due_at=now)
    deleted = buried(keys) - known
    if deleted:
        deleted -= reading.existing(registry.shop(), Kind.CONTACT, sorted(deleted))
    OutboxMessage.objects.bulk_create(
        _erasure(connection, key, now, due_at=now) for key in sorted(deleted)
    )
    return deleted | known


def erase_guests(connection: Connection, emails: Mapping[str, str], *, now: datetime) -> None:
    """Delete the guests among those whom an upload just stored, if their e-mail was erased while it
    was open: as that of an account, so by another key, and no deletion waited for this upload.

    :param emails: hash → key, of those who were stored.
    """
    erasures = Tombstone.objects.filter(is_erasure=True)
    if not erasures.exists():
        return
    erased = erasures.filter(fingerprint__in=list(emails))
    keys = sorted(emails[print_] for print_ in erased.values_list("fingerprint", flat=True))
    found, broken = reading.records(registry.shop(), Kind.CONTACT, keys) if keys else ({}, {})
    accounts = {key for key, one in found.items() if isinstance(one, Contact) and not one.is_guest}
    OutboxMessage.objects.bulk_create(
        _erasure(connection, key, now, due_at=now)
        for key in keys
        if key not in accounts and key not in broken
    )


def _erasure(
    connection: Connection, key: str, noted_at: datetime, *, due_at: datetime, payload: Any = None
) -> OutboxMessage:
    return OutboxMessage(
        connection=connection,
        kind=Kind.ERASURE.value,
        key=key,
        captured_at=noted_at,
        due_at=due_at,
        payload=payload,
    )
