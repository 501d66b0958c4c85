"""Erase a customer at every destination, although the account in the shop stays.

Whoever deletes an account in the shop needs none of this: the shop tells of it. This is for a
person who wants to be forgotten by the platform that writes to them, and stays a customer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint, order_mark
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.erasure.payload import sealed
from esputnik_connector.pipeline.erasure.tombstones import bury_pending
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Contact, Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import SupportsSearch

from .guest import erase_guest

MOST_ORDERS = 1000  # of one person; what was delivered of more is known by its owner


@dataclass(frozen=True)
class Erased:
    """Whom an erasure means: as the shop knows them now. Names nobody in its ``repr``."""

    key: str
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    is_guest: bool = False
    orders: tuple[str, ...] = ()

    @property
    def confirmation(self) -> str:
        """What a person types to confirm: the e-mail; of somebody without one, the key."""
        return self.email or self.key


def person(key: str) -> Erased:
    """The customer or guest with this key; of one who is gone from the shop, the key alone."""
    shop = registry.shop()
    found, _broken = reading.records(shop, Kind.CONTACT, [key], attributes=())
    contact = found.get(key)
    orders: tuple[str, ...] = ()
    if isinstance(shop, SupportsSearch):
        mine = shop.belongings(key, limit=MOST_ORDERS)
        orders = tuple(each.key for each in mine if each.kind is Kind.ORDER)
    if not isinstance(contact, Contact):
        return Erased(key=key, orders=orders)
    return Erased(
        key=key,
        email=contact.email,
        phone=contact.phone,
        is_guest=contact.is_guest,
        orders=orders,
    )


def erase_person(erased: Erased, *, confirmation: str) -> int:
    """Delete the person at every destination, and never send anything of them again. Nothing is
    changed in the shop.

    :param confirmation: what the person who asks for it typed.
    :returns: how many deletions are in line.
    :raises BadRequestError: that is not :attr:`Erased.confirmation`; nothing was done.
    :raises ConfigurationError, DecryptionError: without the encryption keys nobody can be banned.
    """
    if confirmation.strip().casefold() != erased.confirmation.casefold():
        raise BadRequestError(
            _("That is not what was to be typed; nothing was erased. Type: %s")
            % erased.confirmation
        )
    if erased.is_guest and erased.email:
        return erase_guest(erased.email)
    connections = list(Connection.objects.order_by("pk"))
    with transaction.atomic():
        rows = [_row(connection, erased) for connection in connections]
        OutboxMessage.objects.bulk_create(rows)
        bury_pending()
    for connection in connections:
        if connection.is_enabled:
            wake(connection.pk)
    return len(rows)


def _row(connection: Connection, erased: Erased) -> OutboxMessage:
    """The hashes of the orders are told as hashes, and the e-mail and the phone are sealed."""
    salt = reveal(connection.salt)
    locators = [each for each in (erased.email, erased.phone) if each]
    hashes = [fingerprint(order_mark(number), salt=salt) for number in erased.orders]
    return OutboxMessage(
        connection=connection,
        kind=Kind.ERASURE.value,
        key=erased.key,
        payload=sealed(erased.key, locators, salt=salt, hashes=hashes),
    )
