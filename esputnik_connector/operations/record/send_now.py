"""Send one record now: what waits is due, what was set aside is tried again, else it is put in
line."""

from __future__ import annotations

from enum import Enum

from django.db import transaction
from django.utils import timezone

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind


class Sending(str, Enum):
    """What was done."""

    HASTENED = "hastened"  # it waited, and is due now
    REVIVED = "revived"  # it was set aside, and is in line again
    QUEUED = "queued"  # nothing was in line: it goes if it has changed
    UPLOADING = "uploading"  # the destination works on it: nothing was done


def send_now(connection: Connection, kind: Kind, key: str) -> Sending:
    """Put the record to the front, and wake a worker.

    :raises BadRequestError: an event or a deletion, of which nothing is in line: it is told once.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = OutboxMessage.objects.of(connection, kind).filter(key=key)
        revived = rows.revive()
        hastened = rows.unsent().update(due_at=now)
        if not (revived or hastened):
            if rows.exists():
                return Sending.UPLOADING
            if kind in (Kind.EVENT, Kind.ERASURE):
                raise BadRequestError("what happened once is told once")
            OutboxMessage.objects.create(
                connection=connection, kind=kind.value, key=key, captured_at=now, due_at=now
            )
    wake(connection.pk)
    if revived:
        return Sending.REVIVED
    return Sending.HASTENED if hastened else Sending.QUEUED
