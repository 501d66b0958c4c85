"""What was sent and is not settled yet: what the destination holds is unknown until then.

A worker that was stopped for longer than its lease sends an older state after another worker sent
the newer one, and so does an upload that ends after it was given up. Both are noticed, and what was
in flight is sent again, whatever the last delivery says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from logging import getLogger

from django.db import transaction

from esputnik_connector.destinations.base import Destination, Envelope, Receipt
from esputnik_connector.models import Connection, LostUpload, OutboxMessage, SyncState
from esputnik_connector.models.lease import LostLease
from esputnik_connector.pipeline.delivery.pace import backoff
from esputnik_connector.pipeline.delivery.prepare.dispatch import Prepared, Result
from esputnik_connector.pipeline.delivery.prepare.suppression import LOCATORS
from esputnik_connector.records import Kind, Outcome, Reason
from esputnik_connector.shops.bulk import among

logger = getLogger(__name__)

IN_FLIGHT = "?"  # in place of a locator's hash: another value was sent, and no answer came yet
# eSputnik takes the same request again after a minute; until then it would say that it has it.
BEFORE_RESENDING = timedelta(minutes=2)
LONGEST_UPLOAD = timedelta(minutes=30)  # after that it is given up and its records go again
STATES = (Kind.CONTACT, Kind.ORDER, Kind.CART)  # an event or a deletion has no newer state


def mark_in_flight(connection: Connection, kind: Kind, prepared: Prepared) -> None:
    """Before a batch goes out: until it is answered, it is unknown what the destination holds.

    Without this, a worker that dies between the request and its answer would leave the old digest
    standing, and a record that returns to its old state would be taken for unchanged. Of an order
    that never went out there is nothing to forget, and none of its fields is ever cleared; nor is
    there of an event or a subscription, which happens once.
    """
    if kind in (Kind.ERASURE, Kind.EVENT, Kind.SUBSCRIPTION, Kind.BEHAVIOUR):
        return
    rows = [
        _unanswered(envelope, prepared)
        for envelope in prepared.outgoing
        if envelope.key in prepared.states or kind is not Kind.ORDER
    ]
    SyncState.objects.upsert(
        rows,
        ["owner_key", "fields", "locators", "digest"],
        shared={"connection_id": connection.pk, "kind": kind.value, "digest": ""},
    )
    if kind is Kind.ORDER:
        _mark_customers(connection, prepared)


def _mark_customers(connection: Connection, prepared: Prepared) -> None:
    """An order makes its customer known at the destination, by the address that it carries. Of whom
    nothing was sent yet, that address is kept, so that a later one is seen to replace it."""
    addresses = {
        owner: _main_locator(prepared.locators.get(envelope.key, {}))
        for envelope in prepared.outgoing
        if (owner := prepared.owners.get(envelope.key, ""))
    }
    if not addresses:
        return
    whose = {"connection_id": connection.pk, "kind": Kind.CONTACT.value}
    known = SyncState.objects.filter(among("key", list(addresses)), **whose)
    unknown = addresses.keys() - set(known.values_list("key", flat=True))
    SyncState.objects.bulk_create(
        [SyncState(**whose, key=key, locators=addresses[key]) for key in sorted(unknown)],
        ignore_conflicts=True,
    )


def _main_locator(hashes: Mapping[str, str]) -> dict[str, str]:
    """By what the destination looks for a customer whose key it does not know. Of the other locator
    nothing is said: another phone beside the same e-mail makes no other customer of them."""
    return next(({name: hashes[name]} for name in LOCATORS if hashes.get(name)), {})


def _unanswered(envelope: Envelope, prepared: Prepared) -> dict[str, object]:
    state = prepared.states.get(envelope.key)
    hashes = prepared.locators.get(envelope.key, {})
    before = state.locators if state else _main_locator(hashes)
    owner = prepared.owners.get(envelope.key, "")
    return {
        "key": envelope.key,
        "owner_key": owner or (state.owner_key if state else ""),
        "fields": sorted(envelope.fields | set(state.fields if state else ())),
        "locators": {
            name: known if hashes.get(name) == known else IN_FLIGHT
            for name, known in before.items()
        },
    }


class Flight:
    """One batch of one worker, from the first request to the last answer."""

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        prepared: Prepared,
        *,
        keep: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._kind = kind
        self._keep = keep
        self._clock = clock
        self._sent: dict[str, str] = {}  # key → digest, keyed
        self._aloft = prepared.digests_out()
        self._answers: Sequence[Result] = ()

    def before_call(self) -> None:
        """:raises LostLease: another worker has the lane; the request must not be made."""
        self._keep()
        self._sent = self._aloft

    def take(self, prepared: Prepared) -> None:
        """Another batch is prepared to go out, beside what is under way."""
        self._aloft.update(prepared.digests_out())

    def leave(self, envelopes: Sequence[Envelope]) -> None:
        """A request with these goes out now, apart from the others."""
        self._sent.update((one.key, self._aloft.get(one.key, "")) for one in envelopes)

    @contextmanager
    def landing(self, results: Sequence[Result]) -> Iterator[None]:
        """These answers came, and are settled within."""
        self._answers = results
        yield
        for result in results:
            self._aloft.pop(result.receipt.key, None)
            self._sent.pop(result.receipt.key, None)
        self._answers = ()

    def came(self, results: Sequence[Result]) -> None:
        """These answers came, and cannot be settled any more."""
        self._answers = [*self._answers, *results]

    def lost(self, route: str) -> None:
        """Another worker has taken over: send again what differs from what that one delivered, and
        follow the uploads that only this worker knows of."""
        if not self._sent or self._kind not in STATES:
            return
        now = self._clock()
        known = SyncState.objects.filter(
            connection=self._connection, kind=self._kind.value, key__in=list(self._sent)
        )
        digests = dict(known.values_list("key", "digest"))
        keys = [key for key, digest in self._sent.items() if digests.get(key) != digest]
        send_again(self._connection, self._kind, keys, now=now, route=route)
        uploads: dict[str, list[str]] = {}
        for result in self._answers:
            if result.receipt.outcome is Outcome.ACCEPTED:
                uploads.setdefault(result.receipt.session, []).append(result.receipt.key)
        for session, uploading in uploads.items():
            follow(self._connection, self._kind, session, uploading, now=now)


@contextmanager
def in_flight(
    connection: Connection,
    kind: Kind,
    prepared: Prepared,
    destination: Destination,
    *,
    keep: Callable[[], None],
    clock: Callable[[], datetime],
    route: str = "",
) -> Iterator[Flight]:
    """Send a batch within: what is in flight when the lease is lost goes again.

    :param keep: holds on to the lease; runs before each request.
    :param route: by which history goes, so that it stays as quiet as it was.
    """
    flight = Flight(connection, kind, prepared, keep=keep, clock=clock)
    mark_in_flight(connection, kind, prepared)
    destination.before_call = flight.before_call
    try:
        yield flight
    except LostLease:
        flight.lost(route)
        raise


def send_again(
    connection: Connection,
    kind: Kind,
    keys: Collection[str],
    *,
    now: datetime,
    route: str = "",
) -> None:
    """Forget what the destination is said to hold of these records, and put them in line, to be
    sent even when they are unchanged."""
    if not keys:
        return
    logger.warning("%d %s may be older there than here; they go again", len(keys), kind.value)
    with transaction.atomic():
        states = SyncState.objects.filter(connection=connection, kind=kind.value)
        states.filter(key__in=list(keys)).update(digest="")
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                connection=connection,
                kind=kind.value,
                key=key,
                route=route,
                is_forced=True,
                is_catch_up=True,
                captured_at=now,
                due_at=now + BEFORE_RESENDING,
            )
            for key in keys
        )


def follow(
    connection: Connection, kind: Kind, session: str, keys: Sequence[str], *, now: datetime
) -> None:
    """Go on asking about an upload that nothing waits for any more."""
    LostUpload.objects.create(
        connection=connection,
        kind=kind.value,
        session=session,
        keys=list(keys),
        lost_at=now,
        poll_at=backoff.lost_poll_due(now, now=now),
    )


def follow_unnamed(connection: Connection, receipts: Sequence[Receipt], *, now: datetime) -> None:
    """Remember contacts that an upload may be working on of which nothing is known: the answer was
    lost, or named none that could be asked about. It may bring their older state after a newer one,
    so they go once more when it must be over, however often they were tried until then."""
    keys = {one.key for one in receipts if _may_be_uploading(one)}
    if not keys:
        return
    unnamed = {"connection": connection, "kind": Kind.CONTACT.value, "session": ""}
    for former in LostUpload.objects.filter(**unnamed):
        left = [key for key in former.keys if key not in keys]
        if not left:
            former.delete()
        elif len(left) < len(former.keys):
            former.keys = left
            former.save(update_fields=["keys"])
    LostUpload.objects.create(
        **unnamed, keys=sorted(keys), lost_at=now, poll_at=now + LONGEST_UPLOAD
    )


def _may_be_uploading(receipt: Receipt) -> bool:
    """An answer with a status that is no yes was given by whoever did not take it."""
    is_silent = not receipt.status or receipt.reason is Reason.UPLOAD_FAILED
    return receipt.outcome is Outcome.DEFERRED and receipt.is_counted and is_silent
