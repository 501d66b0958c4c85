"""Erased stays erased: tombstones, and whether a record belongs to a person who has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import Connection, KnownAddress, OutboxMessage, SyncState, Tombstone
from esputnik_connector.records import Cart, Contact, Erasure, Event, Kind, Order, Record


def locators_of(record: Record, *, salt: str) -> dict[str, str]:
    """``{"email": hash, "phone": hash}`` of what the record carries: salted, so that two deliveries
    can be compared without keeping either value."""
    values = {name: getattr(record, name, "") for name in ("email", "phone")}
    return {name: fingerprint(value, salt=salt) for name, value in values.items() if value}


def bury_pending(connection: Connection) -> None:
    """Turn deletions that were noted in a request into tombstones, before anything else is sent.

    Any worker may do it, in any lane; done twice it changes nothing. The last delivery knows the
    hashes of the e-mail and the phone that eSputnik was sent.
    """
    pending = list(
        OutboxMessage.objects.of(connection, Kind.ERASURE).exclude(payload=None).order_by("pk")
    )
    if not pending:
        return
    delivered = SyncState.objects.filter(
        connection=connection, kind=Kind.CONTACT.value, key__in=[row.key for row in pending]
    )
    locators = {state.key: list(state.locators.values()) for state in delivered}
    backend = registry.destination_class(connection.destination)
    is_erasure = backend.is_erasing(connection.erase_mode)
    tombstones = [
        Tombstone(
            connection=connection,
            fingerprint=print_,
            is_erasure=is_erasure,
            created_at=row.captured_at,
        )
        for row in pending
        for print_ in {*(row.payload or {}).get("fingerprints", []), *locators.get(row.key, [])}
    ]
    Tombstone.objects.bulk_create(tombstones, ignore_conflicts=True)
    # Whoever comes back under such an address is new there, and has to be introduced again.
    hashes = {tombstone.fingerprint for tombstone in tombstones}
    KnownAddress.objects.filter(connection=connection, fingerprint__in=hashes).delete()
    OutboxMessage.objects.filter(pk__in=[row.pk for row in pending]).update(payload=None)


@dataclass(frozen=True)
class Suppression:
    """The tombstones that concern one batch."""

    salt: str
    tombstones: Mapping[str, Tombstone]

    @classmethod
    def around(
        cls,
        connection: Connection,
        salt: str,
        records: Iterable[Record],
        states: Mapping[str, SyncState],
    ) -> Suppression:
        """Look up a batch. Asked after the records were read, so that a deletion which these
        records do not know of yet is seen here."""
        bury_pending(connection)
        buried = Tombstone.objects.filter(connection=connection)
        if not buried.exists():
            return cls(salt, {})
        wanted = {
            print_
            for record in records
            for print_ in _fingerprints(record, states.get(record.key), salt)
        }
        found = buried.filter(fingerprint__in=wanted)
        return cls(salt, {tombstone.fingerprint: tombstone for tombstone in found})

    def holds(self, record: Record, state: SyncState | None) -> bool:
        """Must this record be kept back because its person was deleted?"""
        if isinstance(record, Erasure) or not self.tombstones:
            return False
        for print_ in _owners(record, state, self.salt):
            if print_ in self.tombstones:
                return not _is_new(record, self.tombstones[print_])
        for print_ in locators_of(record, salt=self.salt).values():
            tombstone = self.tombstones.get(print_)
            if tombstone is not None and not _is_allowed(record, tombstone):
                return True
        return False


def _owners(record: Record, state: SyncState | None, salt: str) -> list[str]:
    """Fingerprints of the customer that a record belongs to, or belonged to when last sent."""
    if isinstance(record, Contact):
        return [fingerprint(record.key, salt=salt)]
    keys = [getattr(record, "contact_key", ""), state.owner_key if state else ""]
    return [fingerprint(key, salt=salt) for key in keys if key]


def _fingerprints(record: Record, state: SyncState | None, salt: str) -> list[str]:
    return [*_owners(record, state, salt), *locators_of(record, salt=salt).values()]


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
