"""Ask the destination to which account a key belongs, and remember the answer."""

from __future__ import annotations

from contextlib import closing

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.destinations.base import AccountInfo
from esputnik_connector.exceptions import CredentialsError
from esputnik_connector.models import (
    Connection,
    KnownAddress,
    Lane,
    LostUpload,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.records import Kind

from .account import fields_of, keep_fields


def verify(connection: Connection) -> AccountInfo:
    """Check the key; an accepted one ends a pause and, the first time, binds this installation.

    :raises CredentialsError: the key is wrong; the connection is paused.
    :raises TemporaryError: the destination could not be asked; nothing changes.
    :raises RejectedError: another server answered; nothing changes.
    :raises DecryptionError: the key cannot be read.
    """
    connection.checked_at = timezone.now()
    connection.save(update_fields=["checked_at"])
    with closing(registry.destination(connection)) as destination:
        try:
            info = destination.verify()
        except CredentialsError as error:
            connection.pause(str(error))
            raise
        fields = fields_of(destination)
    accept(connection, info)
    keep_fields(connection, fields)
    return info


def accept(connection: Connection, info: AccountInfo) -> None:
    """The destination accepted the key. Of another organisation's, everything starts anew."""
    former = connection.organisation_id
    with transaction.atomic():
        connection.accept_key(info.organisation, info.organisation_id)
        if former and former != connection.organisation_id:
            forget_deliveries(connection)
            connection.known_fields, connection.registered_feeds = [], None
            connection.save(update_fields=["known_fields", "registered_feeds"])
        if not connection.environment:
            connection.bind()


def forget_deliveries(connection: Connection) -> None:
    """Let every record count as never delivered, and stop the historical imports.

    Otherwise “unchanged since the last delivery” would be said of an account that has nothing. The
    states stay, since they know which customer a record belonged to; those of events stay as they
    are, since the customer was written to, from whichever account. An upload that was running is
    given up: its changes go again. A worker that is sending at this moment loses the lane, so that
    an answer of the former account that is still to come is not written down.
    """
    with transaction.atomic():
        # First: every sender that renews its lease from now on waits for this transaction.
        Lane.objects.filter(connection=connection).update(
            holder="", leased_until=None, names_refusals=None, pace=None
        )
        told = Q(kind=Kind.EVENT.value) & ~Q(digest="")
        states = SyncState.objects.filter(~told, connection=connection)
        _blank(states)
        OutboxMessage.objects.filter(connection=connection, is_dead=False).exclude(
            session=""
        ).update(session="", due_at=timezone.now())
        KnownAddress.objects.filter(connection=connection).delete()
        LostUpload.objects.filter(connection=connection).delete()  # they end in the former account
        control.start_over(connection)
        # Now that no worker can settle a page any more: what one settled a moment ago.
        _blank(states.exclude(digest="", session=""))


def _blank(states: QuerySet[SyncState]) -> None:
    states.update(
        digest="",
        delivered_at=None,
        remote_id="",
        session="",
        session_digest="",
        session_since=None,
        poll_at=None,
        backfill=None,
    )
