"""Keys → records → envelopes → receipts. The same for live changes and for history.

Nothing here writes down what became of a record: :mod:`.settle` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from logging import getLogger

from esputnik_connector.destinations.base import Delivered, Destination, Envelope, Receipt
from esputnik_connector.event_types import event_type
from esputnik_connector.exceptions import Skip, without_message
from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.pipeline.behaviour.eligibility import check_not_too_late
from esputnik_connector.records import (
    Behaviour,
    Cart,
    Contact,
    Event,
    Kind,
    Order,
    Outcome,
    Reason,
    Record,
)
from esputnik_connector.shops.base import ShopAdapter
from esputnik_connector.shops.bulk import among

from . import digests
from .cart_states import CartStates
from .consent import Consents
from .eligibility import check_still_true
from .load import emptied, hooked, read, unbuildable, wanted_attributes
from .order_deletion import Deferral, deleted, wait_for_deletion, was_deleted
from .suppression import Suppression, locators_of

logger = getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """A receipt and what has to be remembered of the envelope it answers."""

    receipt: Receipt
    envelope: Envelope | None = None
    digest: str = ""  # of the envelope, keyed
    owner_key: str = ""
    locators: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Prepared:
    """One batch, translated: what goes out, and what is settled already."""

    outgoing: list[Envelope] = field(default_factory=list)
    settled: list[Result] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)  # of what goes out, keyed
    owners: dict[str, str] = field(default_factory=dict)
    locators: dict[str, Mapping[str, str]] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    states: Mapping[str, SyncState] = field(default_factory=dict)  # as they were before
    outdated: dict[str, str] = field(default_factory=dict)  # digests of former versions → present
    without_consent: list[str] = field(default_factory=list)  # a hash per person who is concerned
    carts: CartStates | None = None

    def remember_carts(self) -> None:
        """Before anything of it leaves: the states of carts that go out have their GUIDs."""
        if self.carts is not None:
            self.carts.write(envelope.key for envelope in self.outgoing)

    def digests_out(self) -> dict[str, str]:
        """Key → keyed digest, of what goes out."""
        return {envelope.key: self.digests[envelope.key] for envelope in self.outgoing}

    def result(self, envelope: Envelope, receipt: Receipt) -> Result:
        key = envelope.key
        return Result(
            receipt,
            envelope,
            self.digests.get(key, ""),
            self.owners.get(key, ""),
            self.locators.get(key, {}),
        )


def prepare(
    connection: Connection,
    destination: Destination,
    shop: ShopAdapter,
    kind: Kind,
    keys: Sequence[str],
    *,
    with_unchanged: bool = False,
    forced: Collection[str] = (),
    tried: Collection[str] = (),
    is_told: bool = False,
    counts_consent: bool = False,
) -> Prepared:
    """Translate a batch. A constant number of queries, unless a record cannot be read.

    :param with_unchanged: prepare also what eSputnik has exactly so already: for a preview.
    :param forced: keys of the records that go out even so.
    :param tried: keys of records that were sent once, without an answer.
    :param is_told: a change was noted of each; otherwise somebody only looks whether there is one.
    :param counts_consent: tell who has not said yes, also where it changes nothing.
    """
    prepared = Prepared()
    if not connection.syncs(kind) or kind not in destination.batch_sizes:
        reason = Reason.NOT_SUPPORTED if connection.syncs(kind) else Reason.SYNC_OFF
        prepared.settled += [Result(_skipped(kind, key, reason)) for key in keys]
        return prepared
    states = {
        state.key: state
        for state in SyncState.objects.filter(
            among("key", keys), connection=connection, kind=kind.value
        )
    }
    salt = reveal(connection.salt)
    wanted = wanted_attributes(destination)
    records, broken = read(connection, shop, kind, keys, attributes=wanted)
    if kind is Kind.CART:
        records |= emptied(keys, {*records, *broken}, states)
    if kind is Kind.ORDER and connection.delete_orders and destination.supports_order_deletion:
        left = [key for key in keys if key not in records and key not in broken]
        records |= deleted(shop, [key for key in left if key in states or key in tried])
    prepared.records, prepared.states = records, states
    suppression = Suppression.around(records.values(), states)
    always = frozenset(keys if with_unchanged else forced)
    policy = destination.account.consent_policy
    consents = Consents.around(
        connection, policy, shop, salt, records.values(), is_counted=counts_consent
    )
    carts = prepared.carts = CartStates.around(connection, destination, salt, records.values())
    translator = Translator(
        connection,
        destination,
        suppression,
        consents,
        carts,
        salt,
        always,
        is_told,
        prepared.outdated,
    )
    for key in keys:
        if key in broken:
            prepared.settled.append(Result(broken[key]))
            continue
        try:
            envelope, digest, owner, hashes = translator.translate(
                records.get(key), states.get(key)
            )
        except Deferral as wait:
            prepared.settled.append(Result(wait.receipt))
        except Skip as skip:
            if skip.reason is Reason.NO_CONSENT:
                prepared.without_consent.append(consents.hash_of(records[key]))
            receipt = _skipped(kind, key, skip.reason, skip.detail)
            prepared.settled.append(Result(receipt))
        except Exception as error:  # the shop's own code; one record must not stop the others
            logger.error("%s %s cannot be prepared: %s", kind.value, key, without_message(error))
            prepared.settled.append(Result(unbuildable(kind, key, error)))
        else:
            prepared.outgoing.append(envelope)
            if counts_consent and consents.lacks(records[key]):
                prepared.without_consent.append(consents.hash_of(records[key]))
            prepared.digests[key] = digest
            prepared.owners[key], prepared.locators[key] = owner, hashes
    return prepared


@dataclass(frozen=True)
class Translator:
    """Translates the records of one batch, one by one."""

    connection: Connection
    destination: Destination
    suppression: Suppression
    consents: Consents
    carts: CartStates
    salt: str
    always: frozenset[str]  # keys of what goes out even when it is unchanged
    is_told: bool  # each of them is said to have changed
    outdated: dict[str, str]

    def translate(
        self, record: Record | None, state: SyncState | None
    ) -> tuple[Envelope, str, str, Mapping[str, str]]:
        """The envelope, its keyed digest, the key of the customer it belongs to, and hashes of its
        locators.

        :raises Skip: there is nothing to send, for a reason.
        """
        if record is None:
            raise Skip(Reason.GONE)
        if self.suppression.holds(record, state):
            raise Skip(Reason.ERASED)
        if isinstance(record, Event):
            check_still_true(record, self.connection)
        if isinstance(record, Behaviour):
            check_not_too_late(record)
        lacks_consent = self.consents.lacks(record)
        record = hooked(self.carts.joined(record), self.connection)
        if isinstance(record, (Contact, Cart)) and record.held_back:
            raise Skip(Reason.VETOED, record.held_back)
        if isinstance(record, Event):
            record = replace(record, params=event_type(record.name).params_of(record))
        hashes = locators_of(record, salt=self.salt)
        last = _delivered(state, hashes)
        if isinstance(record, Cart):
            envelope = self.carts.prepare(record, self.destination, last)
        else:
            envelope = self.destination.prepare(record, last=last)
        if lacks_consent:
            person = self.consents.introduced(record, is_known=_is_known(record, last))
            envelope = replace(envelope, introduces=person) if person else envelope
        present = digests.keyed(envelope.digest, salt=self.salt, form=envelope.form)
        if state is not None and self._is_held(state, record, envelope):
            if state.digest != present:
                self.outdated[state.digest] = present
                state.digest = present
            if record.key not in self.always:
                raise Skip(Reason.UNCHANGED)
            envelope = replace(envelope, is_change=False)
        elif isinstance(record, Order) and state is not None:
            wait_for_deletion(record, state, self.destination, salt=self.salt)
        return envelope, present, getattr(record, "contact_key", ""), hashes

    def _is_held(self, state: SyncState, record: Record, envelope: Envelope) -> bool:
        """Has the destination this already? So it counts of an order or a cart that was delivered
        in another form of the payload, while nobody says that it changed: each starts an event."""
        if digests.is_of(state.digest, envelope, salt=self.salt):
            return True
        if self.is_told or not isinstance(record, (Order, Cart)):
            return False
        if not digests.is_of_another_form(state.digest, envelope):
            return False
        is_order = isinstance(record, Order)
        return not (is_order and was_deleted(record.key, state, self.destination, salt=self.salt))


def _delivered(state: SyncState | None, hashes: Mapping[str, str]) -> Delivered | None:
    if state is None:
        return None
    changed = {
        name
        for name, known in state.locators.items()
        if known and hashes.get(name) and hashes[name] != known
    }
    return Delivered(
        digest=state.digest,
        is_certain=state.delivered_at is not None,
        fields=frozenset(state.fields),
        locators=frozenset(changed),
    )


def _is_known(record: Record, last: Delivered | None) -> bool:
    """Has the destination this record already, with the address that it has now?"""
    address = "email" if getattr(record, "email", "") else "phone"
    return last is not None and last.is_certain and address not in last.locators


def _skipped(kind: Kind, key: str, reason: Reason, detail: str = "") -> Receipt:
    return Receipt(kind=kind, key=key, outcome=Outcome.SKIPPED, reason=reason, detail=detail)
