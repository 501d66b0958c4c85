"""Deletions become tombstones: salted hashes of all by which the person could come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from logging import getLogger

from django.db import transaction
from django.db.models.signals import pre_delete

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import (
    Connection,
    KnownAddress,
    OutboxMessage,
    Salt,
    SyncState,
    Tombstone,
)
from esputnik_connector.records import Kind

from . import payload as erasures
from .holdings import forget

logger = getLogger(__name__)

CHUNK = 500  # deletions, or tombstones, of one statement


def known_salts() -> tuple[str, ...]:
    """Every salt by which a deleted person may have been noted, opened.

    :raises DecryptionError: one cannot be read with the present keys. Nothing is sent then, for
        the worker cannot tell who was deleted.
    """
    stored = [*Salt.objects.order_by("pk").values_list("value", flat=True)]
    stored += Connection.objects.exclude(salt="").order_by("pk").values_list("salt", flat=True)
    return tuple(dict.fromkeys(map(reveal, stored)))


def bury_pending() -> None:
    """Turn deletions that were noted in a request into tombstones, before anything else is sent.

    Any worker may do it, in any lane and for any connection; done twice it changes nothing. The
    deliveries know the hashes of the e-mails and phones that were sent, of the customer and of
    their orders. A process without encryption keys could hash nothing: it is done here.
    """
    pending = list(erasures.unburied(OutboxMessage.objects.all()).order_by("pk"))
    if not pending:  # as ever; each batch asks
        return
    for connection in Connection.objects.all():
        mine = [row for row in pending if row.connection_id == connection.pk]
        for start in range(0, len(mine), CHUNK):
            _bury(connection, mine[start : start + CHUNK])


def _bury(connection: Connection, rows: Sequence[OutboxMessage]) -> None:
    salt = reveal(connection.salt)
    erasures.take_over(rows, salt=salt)
    sent = _sent_locators(connection, [row.key for row in rows], salt)
    is_erasure = _is_erasing(connection)
    deleted_at = {
        print_: row.captured_at
        for row in rows
        for print_ in {
            fingerprint(row.key, salt=salt),
            *erasures.fingerprints_of(row.payload),
            *sent.get(row.key, ()),
        }
    }
    buried = [
        Tombstone(fingerprint=print_, is_erasure=is_erasure, created_at=moment)
        for print_, moment in deleted_at.items()
    ]
    with transaction.atomic():
        Tombstone.objects.bulk_create(buried, ignore_conflicts=True, batch_size=CHUNK)
        if is_erasure:  # at one of several accounts only marked as deleted: the stricter one holds
            marked = Tombstone.objects.filter(fingerprint__in=list(deleted_at), is_erasure=False)
            marked.update(is_erasure=True)
        # Whoever comes back under such an address is new there, and has to be introduced again.
        known = KnownAddress.objects.filter(connection=connection)
        known.filter(fingerprint__in=list(deleted_at)).delete()
        forget(set(deleted_at), salt=salt)
        erasures.note_burial(rows)


def _is_erasing(connection: Connection) -> bool:
    try:
        backend = registry.destination_class(connection.destination)
    except ConfigurationError:  # gone from the settings; the stricter way
        return True
    return backend.is_erasing(connection.erase_mode)


def _sent_locators(
    connection: Connection, keys: Sequence[str], salt: str
) -> Mapping[str, Sequence[str]]:
    """Customer → hashes of what was sent of them and their orders, and of their orders' numbers."""
    states = SyncState.objects.filter(connection=connection)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, locators in states.filter(kind=Kind.CONTACT.value, key__in=keys).values_list(
        "key", "locators"
    ):
        found[key] += locators.values()
    orders = states.filter(kind=Kind.ORDER.value, owner_key__in=keys)
    for number, owner, locators in orders.values_list("key", "owner_key", "locators"):
        found[owner] += [*locators.values(), fingerprint(order_mark(number), salt=salt)]
    return {key: [print_ for print_ in prints if len(print_) > 1] for key, prints in found.items()}


def buried(keys: Iterable[str]) -> set[str]:
    """Those of the customers' keys that have a tombstone."""
    prints = {fingerprint(key, salt=salt): key for salt in known_salts() for key in keys}
    found = Tombstone.objects.filter(fingerprint__in=list(prints))
    return {prints[print_] for print_ in found.values_list("fingerprint", flat=True)}


def keep_tombstones(instance: Connection, **_: object) -> None:
    """Before a connection is deleted: whom it was told to delete stays deleted for the others."""
    try:
        bury_pending()
        Salt.objects.remember(instance.salt)
    except ConnectorError as error:
        logger.error("connection %s: its tombstones are lost: %s", instance, error)


pre_delete.connect(
    keep_tombstones, sender=Connection, dispatch_uid="esputnik_connector.keep_tombstones"
)
