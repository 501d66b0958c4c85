"""Erase a guest: somebody whom the shop knows from orders alone.

To delete or to blank an order is no wish to be forgotten, so nothing in the shop tells the
connector of one. A person says it here, by the e-mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from esputnik_connector import identity, registry
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import Connection, LostUpload, OutboxMessage, SyncState
from esputnik_connector.pipeline.erasure.payload import sealed
from esputnik_connector.pipeline.erasure.tombstones import bury_pending
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Contact, Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import GuestTraces, SupportsGuests

NAMELESS = "guest:"  # begins the key of a deletion of somebody without one; a hash follows


@dataclass(frozen=True)
class Guest:
    """Whom a deletion means, and what the shop knows of them. Names nobody in its ``repr``."""

    email: str = field(repr=False)
    traces: GuestTraces = field(repr=False)

    @classmethod
    def of(cls, email: str) -> Guest:
        """:raises BadRequestError: that is no e-mail address."""
        address = identity.email(email)
        if not address:
            raise BadRequestError(_("That is no e-mail address. Write the guest's, in full."))
        shop = registry.shop()
        traces = shop.guest_traces(address) if isinstance(shop, SupportsGuests) else GuestTraces()
        return cls(address, traces)


def erase_guest(email: str) -> int:
    """Delete a guest at every destination, and never send anything of them again. Nothing is
    changed in the shop; what belongs to an account with the same e-mail stays, for an account is
    deleted in the shop itself.

    :returns: how many deletions are in line.
    :raises BadRequestError: that is no e-mail address.
    :raises ConfigurationError, DecryptionError: without the encryption keys nobody can be banned.
    """
    return erase(Guest.of(email))


def erase(guest: Guest) -> int:
    """As :func:`erase_guest`: the deletion is noted for every connection, the person is banned at
    once, and the workers are woken."""
    connections = list(Connection.objects.order_by("pk"))
    with transaction.atomic():
        rows = [row for connection in connections for row in _rows(connection, guest)]
        OutboxMessage.objects.bulk_create(rows)
        bury_pending()
    for connection in connections:
        if connection.is_enabled:
            wake(connection.pk)
    return len(rows)


def _rows(connection: Connection, guest: Guest) -> list[OutboxMessage]:
    salt = reveal(connection.salt)
    address = fingerprint(guest.email, salt=salt)
    delivered = SyncState.objects.filter(connection=connection, locators__email=address)
    hashes = []
    orders = delivered.filter(kind=Kind.ORDER.value, owner_key="")
    for number, locators in orders.values_list("key", "locators"):
        hashes += [*locators.values(), fingerprint(order_mark(number), salt=salt)]
    told = [guest.email, *guest.traces.locators, *map(order_mark, guest.traces.orders)]
    hashes += [fingerprint(key, salt=salt) for key in guest.traces.contacts]
    hashes = [print_ for print_ in hashes if len(print_) > 1]  # not the mark of an open delivery
    return [
        OutboxMessage(
            connection=connection,
            kind=Kind.ERASURE.value,
            key=key,
            payload=sealed(key, told, salt=salt, hashes=hashes),
        )
        for key in _keys(connection, guest, address) or [f"{NAMELESS}{address[:24]}"]
    ]


def _keys(connection: Connection, guest: Guest, address: str) -> list[str]:
    """Under which keys the guest was delivered, or is in an upload."""
    contacts = SyncState.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    mine = set(contacts.filter(key__in=guest.traces.contacts).values_list("key", flat=True))
    lost = LostUpload.objects.filter(connection=connection, kind=Kind.CONTACT.value)
    for keys in lost.values_list("keys", flat=True):
        mine |= set(keys) & set(guest.traces.contacts)
    alike = set(contacts.filter(locators__email=address).values_list("key", flat=True)) - mine
    return sorted(mine | _guests(sorted(alike)))


def _guests(keys: Sequence[str]) -> set[str]:
    """Without customers who have an account, whoever else knows their e-mail."""
    found, broken = reading.records(registry.shop(), Kind.CONTACT, keys) if keys else ({}, {})
    accounts = {key for key, one in found.items() if isinstance(one, Contact) and not one.is_guest}
    return set(keys) - accounts - broken.keys()
