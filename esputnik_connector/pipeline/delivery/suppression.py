"""Erased stays erased: tombstones, and whether a record belongs to a person who has one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger

from django.db import transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError, ConnectorError, DecryptionError
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import (
    CartSession,
    Connection,
    KnownAddress,
    OutboxMessage,
    Salt,
    SyncState,
    Tombstone,
)
from esputnik_connector.records import Cart, Contact, Erasure, Event, Kind, Order, Record
from esputnik_connector.shops import reading

logger = getLogger(__name__)

LOCATORS = ("email", "phone")
CHUNK = 500  # deletions, or tombstones, of one statement


def locators_of(record: Record, *, salt: str) -> dict[str, str]:
    """``{"email": hash, "phone": hash}`` of what the record carries: salted, so that two deliveries
    can be compared without keeping either value."""
    values = {name: getattr(record, name, "") for name in LOCATORS}
    return {name: fingerprint(value, salt=salt) for name, value in values.items() if value}


def known_salts() -> tuple[str, ...]:
    """Every salt by which a deleted person may have been noted, opened.

    :raises DecryptionError: one cannot be read with the present keys. Nothing is sent then, for
        nobody can tell who was deleted.
    """
    stored = [*Salt.objects.order_by("pk").values_list("value", flat=True)]
    stored += Connection.objects.exclude(salt="").order_by("pk").values_list("salt", flat=True)
    return tuple(dict.fromkeys(map(reveal, stored)))


def bury_pending() -> None:
    """Turn deletions that were noted in a request into tombstones, before anything else is sent.

    Any worker may do it, in any lane and for any connection; done twice it changes nothing. The
    deliveries know the hashes of the e-mails and phones that were sent, of the customer and of
    their orders. The key is hashed here too: a web process without encryption keys could not.
    """
    connections = {connection.pk: connection for connection in Connection.objects.all()}
    noted = OutboxMessage.objects.filter(connection__in=connections, kind=Kind.ERASURE.value)
    pending = list(noted.exclude(payload=None).order_by("pk"))
    if not pending:
        return
    for connection in connections.values():
        mine = [row for row in pending if row.connection_id == connection.pk]
        for start in range(0, len(mine), CHUNK):
            _bury(connection, mine[start : start + CHUNK])


def _bury(connection: Connection, rows: Sequence[OutboxMessage]) -> None:
    salt = reveal(connection.salt)
    sent = _sent_locators(connection, [row.key for row in rows], salt)
    is_erasure = _is_erasing(connection)
    deleted_at = {
        print_: row.captured_at
        for row in rows
        for print_ in {
            fingerprint(row.key, salt=salt),
            *(row.payload or {}).get("fingerprints", []),
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
        _forget_guests(set(deleted_at), salt)
        OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(payload=None)


def _forget_guests(deleted: Collection[str], salt: str) -> None:
    """The e-mails that deleted people typed as guests. A cart's is stored encrypted, so each is
    opened; there are those of ``ATTEMPT_RETENTION_DAYS``."""
    gone = []
    for session in CartSession.objects.order_by("pk").iterator(chunk_size=1000):
        with suppress(DecryptionError):
            if fingerprint(reveal(session.email), salt=salt) in deleted:
                gone.append(session.pk)
    CartSession.objects.filter(pk__in=gone).delete()


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


def erase_again(connection: Connection, keys: Sequence[str], *, now: datetime) -> set[str]:
    """Put the deletion of those in line again who were deleted while an upload might still create
    them, and return their keys."""
    deleted = buried(keys)
    if deleted:
        deleted -= reading.existing(registry.shop(), Kind.CONTACT, sorted(deleted))
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            connection=connection,
            kind=Kind.ERASURE.value,
            key=key,
            captured_at=now,
            due_at=now,
        )
        for key in sorted(deleted)
    )
    return deleted


def keep_tombstones(instance: Connection, **_: object) -> None:
    """Before a connection is deleted: whom it was told to delete stays deleted for the others."""
    try:
        bury_pending()
        Salt.objects.remember(instance.salt)
    except ConnectorError as error:
        logger.error("connection %s: its tombstones are lost: %s", instance, error)


@dataclass(frozen=True)
class Suppression:
    """The tombstones that concern one batch."""

    salts: Sequence[str]
    tombstones: Mapping[str, Tombstone]

    @classmethod
    def around(cls, records: Iterable[Record], states: Mapping[str, SyncState]) -> Suppression:
        """Look up a batch. Asked after the records were read, so that a deletion which these
        records do not know of yet is seen here.

        :raises DecryptionError: nobody can tell who was deleted.
        """
        bury_pending()
        if not Tombstone.objects.exists():
            return cls((), {})
        salts = known_salts()
        wanted = {
            print_
            for record in records
            for value in _names(record, states.get(record.key))
            for print_ in _prints(value, salts)
        }
        found = Tombstone.objects.filter(fingerprint__in=wanted)
        return cls(salts, {tombstone.fingerprint: tombstone for tombstone in found})

    def holds(self, record: Record, state: SyncState | None) -> bool:
        """Must this record be kept back because its person was deleted?"""
        if isinstance(record, Erasure) or not self.tombstones:
            return False
        for owner in _owners(record, state):
            tombstone = self._of(owner)
            if tombstone is not None:
                return not _is_new(record, tombstone)
        for locator in _locators(record):
            tombstone = self._of(locator)
            if tombstone is not None and not _is_allowed(record, tombstone):
                return True
        return False

    def _of(self, value: str) -> Tombstone | None:
        found = (self.tombstones.get(print_) for print_ in _prints(value, self.salts))
        return next(filter(None, found), None)


def _prints(value: str, salts: Iterable[str]) -> Iterator[str]:
    return (fingerprint(value, salt=salt) for salt in salts)


def _owners(record: Record, state: SyncState | None) -> list[str]:
    """The customer that a record belongs to. Of one without a customer: whom it belonged to when it
    was last sent, and the order itself, if it was theirs when they were deleted. A living owner
    decides alone: shops merge accounts by moving the orders and deleting what is left."""
    if isinstance(record, Contact):
        return [record.key]
    if owner := getattr(record, "contact_key", ""):
        return [owner]
    former = [state.owner_key] if state and state.owner_key else []
    return [*former, order_mark(record.key)] if isinstance(record, Order) else former


def _locators(record: Record) -> list[str]:
    return [value for name in LOCATORS if (value := getattr(record, name, ""))]


def _names(record: Record, state: SyncState | None) -> list[str]:
    return [*_owners(record, state), *_locators(record)]


def _is_new(record: Record, tombstone: Tombstone) -> bool:
    """A customer who registered after the deletion is a new relationship, even under an old key."""
    return isinstance(record, Contact) and _is_after(record.joined_at, tombstone)


def _is_allowed(record: Contact | Order | Cart | Event, tombstone: Tombstone) -> bool:
    """May a record that only shares an e-mail or a phone with a deleted person be sent?

    Another account may: a family shares a phone. A guest may when the person was only marked as
    deleted and this came later (a request to be told of something: was made later); never when
    they were erased.
    """
    has_account = not record.is_guest if isinstance(record, Contact) else bool(record.contact_key)
    if has_account:
        return True
    is_older = False
    if isinstance(record, (Order, Event)):
        moment = record.placed_at if isinstance(record, Order) else record.asked_at
        is_older = not _is_after(moment, tombstone)
    return not tombstone.is_erasure and not is_older


def _is_after(moment: datetime | None, tombstone: Tombstone) -> bool:
    since = tombstone.created_at
    if timezone.is_naive(since):  # a shop with USE_TZ = False
        since = timezone.make_aware(since)
    return moment is not None and moment > since


pre_delete.connect(
    keep_tombstones, sender=Connection, dispatch_uid="esputnik_connector.keep_tombstones"
)
