"""Who has said yes, and what the merchant wants done with everybody else.

One place for every way a record travels: live changes, imports, replay and reconciliation all
translate their records by :func:`~.dispatch.prepare`, which asks here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from esputnik_connector.destinations.choices import UNCONFIRMED, WITHHOLD
from esputnik_connector.exceptions import Skip
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import Connection, KnownAddress
from esputnik_connector.records import (
    Behaviour,
    Cart,
    Consent,
    Contact,
    Erasure,
    OrderDeletion,
    Person,
    Reason,
    Record,
    Subscription,
)
from esputnik_connector.shops.base import ShopAdapter, SupportsConsent


def person_of(record: Record) -> Person | None:
    """Whom a record is about; ``None`` of one that concerns no customer's consent: a deletion, or a
    cart that only takes back what was sent, what somebody did whom nobody knows. A subscription is
    a yes itself, and whoever is new by it stays unconfirmed."""
    if isinstance(record, (Erasure, OrderDeletion, Subscription)):
        return None
    if isinstance(record, Behaviour) and not record.visitor.is_named:
        return None
    if isinstance(record, Cart) and not record.items:
        return None
    if isinstance(record, Contact):
        key = "" if record.is_guest else record.key
    else:
        key = record.contact_key
    return Person(contact_key=key, email=record.email, phone=record.phone)


def consents_of(shop: ShopAdapter, people: Iterable[Person]) -> Mapping[Person, Consent]:
    """What these people answered. A shop that cannot tell has asked no customer."""
    if not isinstance(shop, SupportsConsent):
        return {}
    return shop.consents(list(dict.fromkeys(people)))


@dataclass(frozen=True)
class Consents:
    """The answers that concern one batch.

    :param policy: the connection's, ``""`` while the merchant has not chosen.
    :param is_asked: the shop was asked; else no answer changes anything.
    """

    policy: str = ""
    salt: str = ""
    answers: Mapping[Person, Consent] = field(default_factory=dict)
    known: frozenset[str] = frozenset()  # hashes of addresses that were introduced before
    is_asked: bool = False

    @classmethod
    def around(
        cls,
        connection: Connection,
        policy: str,
        shop: ShopAdapter,
        salt: str,
        records: Iterable[Record],
        *,
        is_counted: bool = False,
    ) -> Consents:
        """Ask for a batch; without a question where the answer changes nothing.

        :param policy: what the connection's destination takes from it.
        :param is_counted: ask in any case: a forecast tells the number.
        """
        if policy not in (UNCONFIRMED, WITHHOLD) and not is_counted:
            return cls(policy, salt)
        people = [person for person in map(person_of, records) if person is not None]
        answers = consents_of(shop, people)
        known: Iterable[str] = ()
        if policy == UNCONFIRMED:
            hashes = {address_of(person, salt) for person in people}
            addresses = KnownAddress.objects.filter(connection=connection, fingerprint__in=hashes)
            known = addresses.values_list("fingerprint", flat=True)
        return cls(policy, salt, answers, frozenset(known), is_asked=True)

    def lacks(self, record: Record) -> bool:
        """Is this about a customer who has not said yes, and does that change anything?"""
        if not self.is_asked:
            return False
        person = person_of(record)
        return person is not None and self.answers.get(person) is not Consent.YES

    def hash_of(self, record: Record) -> str:
        """The same for every record of one person."""
        person = person_of(record) or Person()
        return address_of(person, self.salt) or fingerprint(person.contact_key, salt=self.salt)

    def introduced(self, record: Record, *, is_known: bool) -> Person | None:
        """Whom the destination has to store as unconfirmed first, of a record about a customer
        without a yes.

        :param record: as it goes out; the shop's hook may have changed the address.
        :param is_known: the destination has the record, with this address.
        :raises Skip: the merchant keeps people without a yes in the shop.
        """
        if self.policy == WITHHOLD:
            raise Skip(Reason.NO_CONSENT)
        person = person_of(record)
        if self.policy != UNCONFIRMED or is_known or person is None:
            return None
        return None if address_of(person, self.salt) in {"", *self.known} else person


def address_of(person: Person, salt: str) -> str:
    """The salted hash by which an introduction is remembered; ``""`` of a customer without an
    address, to whom the merchant cannot write."""
    address = person.email or person.phone
    return fingerprint(address, salt=salt) if address else ""
