"""Keys → records → envelopes → receipts. The same for live changes and for history.

Nothing here writes down what became of a record: :mod:`.settle` does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from logging import getLogger

from django.utils.translation import gettext as _

from esputnik_connector.destinations.base import Delivered, Destination, Envelope, Receipt
from esputnik_connector.destinations.deferral import deferred
from esputnik_connector.event_types import event_type
from esputnik_connector.exceptions import (
    CredentialsError,
    RejectedError,
    Skip,
    TemporaryError,
    without_message,
)
from esputnik_connector.fields import reveal
from esputnik_connector.halving import Halving
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.models.lease import LostLease
from esputnik_connector.records import Cart, Contact, Event, Kind, Outcome, Reason, Record
from esputnik_connector.shops.base import ShopAdapter

from . import digests
from .consent import Consents
from .eligibility import check_still_true
from .load import emptied, hooked, read, unbuildable
from .suppression import Suppression, locators_of

logger = getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """A receipt and what has to be remembered of the envelope it answers."""

    receipt: Receipt
    envelope: Envelope | None = None
    owner_key: str = ""
    locators: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Prepared:
    """One batch, translated: what goes out, and what is settled already."""

    outgoing: list[Envelope] = field(default_factory=list)
    settled: list[Result] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    locators: dict[str, Mapping[str, str]] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    states: Mapping[str, SyncState] = field(default_factory=dict)  # as they were before
    outdated: dict[str, str] = field(default_factory=dict)  # digests of former versions → present
    without_consent: list[str] = field(default_factory=list)  # a hash per person who is concerned

    def result(self, envelope: Envelope, receipt: Receipt) -> Result:
        key = envelope.key
        return Result(receipt, envelope, self.owners.get(key, ""), self.locators.get(key, {}))


def prepare(
    connection: Connection,
    destination: Destination,
    shop: ShopAdapter,
    kind: Kind,
    keys: Sequence[str],
    *,
    with_unchanged: bool = False,
    forced: Collection[str] = (),
    counts_consent: bool = False,
) -> Prepared:
    """Translate a batch. A constant number of queries, unless a record cannot be read.

    :param with_unchanged: prepare also what eSputnik has exactly so already: for a preview.
    :param forced: keys of the records that go out even so.
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
            connection=connection, kind=kind.value, key__in=list(keys)
        )
    }
    salt = reveal(connection.salt)
    records, broken = read(connection, shop, kind, keys)
    if kind is Kind.CART:
        records |= emptied(keys, {*records, *broken}, states)
    prepared.records, prepared.states = records, states
    suppression = Suppression.around(records.values(), states)
    always = frozenset(keys if with_unchanged else forced)
    policy = destination.account.consent_policy
    consents = Consents.around(
        connection, policy, shop, salt, records.values(), is_counted=counts_consent
    )
    translator = Translator(
        connection, destination, suppression, consents, salt, always, prepared.outdated
    )
    for key in keys:
        if key in broken:
            prepared.settled.append(Result(broken[key]))
            continue
        try:
            envelope, owner, hashes = translator.translate(records.get(key), states.get(key))
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
            prepared.owners[key], prepared.locators[key] = owner, hashes
    return prepared


@dataclass(frozen=True)
class Translator:
    """Translates the records of one batch, one by one."""

    connection: Connection
    destination: Destination
    suppression: Suppression
    consents: Consents
    salt: str
    always: frozenset[str]  # keys of what goes out even when it is unchanged
    outdated: dict[str, str]

    def translate(
        self, record: Record | None, state: SyncState | None
    ) -> tuple[Envelope, str, Mapping[str, str]]:
        """The envelope, the key of the customer it belongs to, and hashes of its locators.

        :raises Skip: there is nothing to send, for a reason.
        """
        if record is None:
            raise Skip(Reason.GONE)
        if self.suppression.holds(record, state):
            raise Skip(Reason.ERASED)
        if isinstance(record, Event):
            check_still_true(record, self.connection)
        lacks_consent = self.consents.lacks(record)
        record = hooked(record, self.connection)
        if isinstance(record, (Contact, Cart)) and record.held_back:
            raise Skip(Reason.VETOED, record.held_back)
        if isinstance(record, Event):
            record = replace(record, params=event_type(record.name).params_of(record))
        hashes = locators_of(record, salt=self.salt)
        last = _delivered(state, hashes)
        envelope = self.destination.prepare(record, last=last)
        if lacks_consent:
            person = self.consents.introduced(record, is_known=_is_known(record, last))
            envelope = replace(envelope, introduces=person) if person else envelope
        present = digests.keyed(envelope.digest, salt=self.salt)
        if state is not None and digests.is_of(state.digest, envelope, salt=self.salt):
            if state.digest != present:
                self.outdated[state.digest] = present
                state.digest = present
            if record.key not in self.always:
                raise Skip(Reason.UNCHANGED)
            envelope = replace(envelope, is_change=False)
        return replace(envelope, digest=present), getattr(record, "contact_key", ""), hashes


class Stop(Exception):
    """A person has paused or ended the run meanwhile: nothing more of the batch is to be sent."""


def deliver(
    destination: Destination, prepared: Prepared, settle: Callable[[list[Result]], None]
) -> None:
    """Send what goes out, halving a refused batch until the culprit stands alone.

    After a temporary failure the rest is deferred without a call.

    :param settle: called with the results of each call as soon as they are there, one per envelope
        over all. What it raises passes through, but for :class:`Stop`.
    :raises LostLease: the destination's ``before_call`` found the lane with another worker.
    """
    landing = _Landing(prepared, settle)
    destination.after_call = landing.early
    parts = Halving(prepared.outgoing)
    try:
        for part in parts:
            _deliver_part(destination, landing, parts, part)
    except Stop:
        return


class _Landing:
    """Hands results on to be settled, each once: some come before a ``deliver`` is over."""

    def __init__(self, prepared: Prepared, settle: Callable[[list[Result]], None]) -> None:
        self._aloft = {envelope.key: envelope for envelope in prepared.outgoing}
        self._prepared = prepared
        self._settle = settle
        self.has_failed = False

    def left(self, part: Sequence[Envelope]) -> list[Envelope]:
        return [envelope for envelope in part if envelope.key in self._aloft]

    def early(self, receipts: Sequence[Receipt]) -> None:
        known = [receipt for receipt in receipts if receipt.key in self._aloft]
        self.settle(_matched([self._aloft[receipt.key] for receipt in known], known))

    def settle(self, pairs: Sequence[tuple[Envelope, Receipt]]) -> None:
        if not pairs:
            return
        try:
            self._settle([self._prepared.result(*pair) for pair in pairs])
        except Exception:  # no fault of the destination's, in whose code it may surface
            self.has_failed = True
            raise
        for envelope, _receipt in pairs:
            del self._aloft[envelope.key]


def _deliver_part(
    destination: Destination,
    landing: _Landing,
    parts: Halving[Envelope],
    part: Sequence[Envelope],
) -> None:
    try:
        receipts = destination.deliver(part)
    except RejectedError as error:
        left = landing.left(part)
        if left and not parts.halve(left):
            landing.settle([(left[0], _refused(left[0], error))])
    except (TemporaryError, CredentialsError) as error:
        landing.settle(_deferred(landing.left(part), parts.rest(), error))
    except LostLease:
        raise
    except Exception as error:  # a defect of ours must not hold back the lane for ever
        if landing.has_failed:
            raise
        kind, cause = part[0].kind.value, without_message(error)
        logger.error("a delivery of %d %s failed: %s", len(part), kind, cause)
        crash = TemporaryError(type(error).__name__, was_received=True)
        landing.settle(_deferred(landing.left(part), parts.rest(), crash))
    else:
        landing.settle(_matched(landing.left(part), receipts))


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


def _matched(
    chunk: Sequence[Envelope], receipts: Sequence[Receipt]
) -> list[tuple[Envelope, Receipt]]:
    by_key = {receipt.key: receipt for receipt in receipts}
    return [(envelope, _usable(envelope, by_key.get(envelope.key))) for envelope in chunk]


def _usable(envelope: Envelope, receipt: Receipt | None) -> Receipt:
    """The receipt that a destination gave, or what stands for one that cannot be used."""
    if receipt is None:
        logger.error("no receipt for %s %s", envelope.kind.value, envelope.key)
        silence = TemporaryError(_("the destination gave no receipt"), was_received=True)
        return deferred(envelope, silence, was_tried=True)
    if receipt.outcome is Outcome.ACCEPTED and not receipt.session:
        return replace(
            receipt,
            outcome=Outcome.DEFERRED,
            reason=Reason.UPLOAD_FAILED,
            detail=_("the answer names no upload that could be asked about"),
            is_counted=True,
        )
    return receipt


def _deferred(
    failed: Sequence[Envelope],
    untouched: Sequence[Envelope],
    error: TemporaryError | CredentialsError,
) -> list[tuple[Envelope, Receipt]]:
    """What stands for a call that failed as a whole, and for calls that are not made because of
    it."""
    return [
        *((envelope, deferred(envelope, error, was_tried=True)) for envelope in failed),
        *((envelope, deferred(envelope, error, was_tried=False)) for envelope in untouched),
    ]


def _skipped(kind: Kind, key: str, reason: Reason, detail: str = "") -> Receipt:
    return Receipt(kind=kind, key=key, outcome=Outcome.SKIPPED, reason=reason, detail=detail)


def _refused(envelope: Envelope, error: RejectedError) -> Receipt:
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.REJECTED,
        reason=Reason.REFUSED,
        detail=str(error),
        status=error.status,
    )
