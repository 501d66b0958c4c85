"""Erased stays erased: tombstones, and whether a record belongs to a person who has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import SyncState, Tombstone
from esputnik_connector.pipeline.erasure.tombstones import bury_pending, known_salts
from esputnik_connector.records import (
    Behaviour,
    Cart,
    Contact,
    Erasure,
    Event,
    Order,
    OrderDeletion,
    Record,
    Subscription,
)

LOCATORS = ("email", "phone")


def locators_of(record: Record, *, salt: str) -> dict[str, str]:
    """``{"email": hash, "phone": hash}`` of what the record carries: salted, so that two deliveries
    can be compared without keeping either value."""
    values = {name: getattr(record, name, "") for name in LOCATORS}
    return {name: fingerprint(value, salt=salt) for name, value in values.items() if value}


@dataclass(frozen=True)
class Suppression:
    """The tombstones that concern one batch."""

    salts: Sequence[str]
    tombstones: Mapping[str, Tombstone]

    @classmethod
    def around(cls, records: Iterable[Record], states: Mapping[str, SyncState]) -> Suppression:
        """Look up a batch. Asked after the records were read, so that a deletion which these
        records do not know of yet is seen here.

        :raises DecryptionError: the worker cannot tell who was deleted.
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
        if isinstance(record, (Erasure, OrderDeletion)) or not self.tombstones:
            return False
        if isinstance(record, Subscription):
            return self._is_older(record, state)
        for owner in _owners(record, state):
            tombstone = self._of(owner)
            if tombstone is not None:
                return not _is_new(record, tombstone)
        for locator in _locators(record):
            tombstone = self._of(locator)
            if tombstone is not None and not _is_allowed(record, tombstone):
                return True
        return False

    def _is_older(self, subscription: Subscription, state: SyncState | None) -> bool:
        """Was its person deleted after they asked? Whoever asks after their deletion asks anew, and
        is sent with what they asked for, and nothing else: the tombstone stays."""
        found = (self._of(name) for name in _names(subscription, state))
        return any(
            tombstone is not None and not _is_after(subscription.asked_at, tombstone)
            for tombstone in found
        )

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


def _is_allowed(record: Contact | Order | Cart | Event | Behaviour, tombstone: Tombstone) -> bool:
    """May a record that only shares an e-mail or a phone with a deleted person be sent?

    Another account may: a family shares a phone. A guest may when the person was only marked as
    deleted and this came later (a request to be told of something: was made later); never when
    they were erased.
    """
    has_account = not record.is_guest if isinstance(record, Contact) else bool(record.contact_key)
    if has_account:
        return True
    is_older = False
    if isinstance(record, (Order, Event, Behaviour)):
        moment = _moment(record)
        is_older = not _is_after(moment, tombstone)
    return not tombstone.is_erasure and not is_older


def _moment(record: Order | Event | Behaviour) -> datetime | None:
    if isinstance(record, Behaviour):
        return record.happened_at
    return record.placed_at if isinstance(record, Order) else record.asked_at


def _is_after(moment: datetime | None, tombstone: Tombstone) -> bool:
    since = tombstone.created_at
    if timezone.is_naive(since):  # a shop with USE_TZ = False
        since = timezone.make_aware(since)
    return moment is not None and moment > since
