"""eSputnik as a destination."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Error
from django.utils.translation import gettext as _

from esputnik_connector.destinations.base import (
    Account,
    AccountInfo,
    Delivered,
    Destination,
    Envelope,
    PreparedRequest,
    Receipt,
    Remote,
)
from esputnik_connector.destinations.http import HttpClient, Patience
from esputnik_connector.destinations.throttle import Throttle, ThrottledError
from esputnik_connector.exceptions import (
    ConfigurationError,
    CredentialsError,
    DestinationError,
    RejectedError,
    Skip,
    TemporaryError,
)
from esputnik_connector.records import (
    Cart,
    Contact,
    Erasure,
    Event,
    Kind,
    Order,
    Reason,
    Record,
)

from . import receipts, remote, sources
from .calls import Call, planned
from .client import DEFAULT_URL, USER, EsputnikClient, Rehearsal
from .events import PAST_EVENTS_PER_CALL, cart_envelope, event_envelope
from .options import options_from
from .order_payload import order_envelope
from .payloads import contact_envelope, erasure_envelope
from .refusals import named_by_hash

SINGLES_PER_DELIVERY = 50  # requests of one record each: ten seconds at the usual pace
CALLS_PER_DELIVERY = 100  # while halving; the rest waits, so that no delivery outlives its lease
DELIVERY_SECONDS = 60.0  # then what is settled is written down, and the rest goes next


class EsputnikDestination(Destination):
    """Contacts, orders, carts, events and erasures of one eSputnik account."""

    batch_sizes: ClassVar[Mapping[Kind, int]] = {
        Kind.CONTACT: 1000,
        Kind.ORDER: 500,
        Kind.CART: SINGLES_PER_DELIVERY,
        Kind.EVENT: SINGLES_PER_DELIVERY,
        Kind.ERASURE: SINGLES_PER_DELIVERY,
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> list[CheckMessage]:
        try:
            options_from(options)
        except ConfigurationError as error:
            return [Error(str(error), id="esputnik_connector.E010")]
        return []

    def __init__(
        self,
        account: Account,
        options: Mapping[str, Any],
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(account, options)
        self._options = options_from(options, event_names=account.event_keys)
        self._http = self._http_client(wait)
        self._client = EsputnikClient(self._http)
        orders = self._options.orders_per_call
        if account.order_route == "events":
            orders = SINGLES_PER_DELIVERY
        elif account.order_route == "past_events":
            orders = PAST_EVENTS_PER_CALL
        self.batch_sizes = {  # type: ignore[misc]  # of this account; the class has the defaults
            **type(self).batch_sizes,
            Kind.CONTACT: self._options.contacts_per_call,
            Kind.ORDER: orders,
        }

    def __repr__(self) -> str:
        return f"EsputnikDestination({self.account.name!r})"

    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        if isinstance(record, Contact):
            return contact_envelope(record, account=self.account, last=last)
        if isinstance(record, Order):
            return order_envelope(record, account=self.account, last=last)
        if isinstance(record, Cart):
            return cart_envelope(record, account=self.account, last=last)
        if isinstance(record, Event):
            return event_envelope(record, event_type=self._event_type(record))
        if isinstance(record, Erasure):
            return erasure_envelope(record, account=self.account)
        raise TypeError(f"{type(record).__name__} is no record that eSputnik has")

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Send envelopes of one kind; exactly one receipt each, in their order.

        A request with several records that is refused as a whole is raised, so that the caller
        halves the batch. Once something else of the batch was settled it is halved here instead:
        what was delivered must not be forgotten. Likewise an error in the middle leaves the
        remaining records DEFERRED, with the error's status.
        """
        settled: dict[str, Receipt] = {}
        waiting = deque(planned(envelopes, self._options))
        calls_left = max(CALLS_PER_DELIVERY, len(waiting))
        started = time.monotonic()
        while waiting:
            if settled and time.monotonic() - started > DELIVERY_SECONDS:
                _settle(settled, _postponed(waiting, _out_of_time()))
                break
            if not calls_left:
                _settle(settled, _postponed(waiting, _too_many_refusals()))
                break
            call = waiting.popleft()
            calls_left -= 1
            self.before_call()
            try:
                _settle(settled, call.send(self._client, call.envelopes))
            except RejectedError as error:
                waiting.extendleft(reversed(_after_refusal(call, error, settled)))
            except (TemporaryError, CredentialsError) as error:
                if not settled:
                    raise
                tried = [receipts.deferred(one, error, was_tried=True) for one in call.envelopes]
                _settle(settled, [*tried, *_postponed(waiting, error)])
                break
        return [settled[envelope.key] for envelope in envelopes]

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Mapping[str, Mapping[str, str]]
    ) -> Sequence[Receipt]:
        try:
            answer = self._client.import_status(session)
        except RejectedError as error:
            return receipts.lost_import(session, keys, error)
        records = named_by_hash(answer.body, keys, locators, salt=self.account.salt)
        return receipts.from_import(session, records, answer)

    def verify(self) -> AccountInfo:
        try:
            return receipts.account_info(self._client.account_info())
        except RejectedError as error:
            message = _("This does not look like eSputnik's address, which ends in /api. %(why)s")
            raise RejectedError(message % {"why": error}, status=error.status) from error

    def preview(self, envelope: Envelope) -> PreparedRequest:
        """What :meth:`deliver` would send for this envelope alone; its own code, rehearsed.

        :raises Skip: the record is too large to be sent at all.
        """
        rehearsal = Rehearsal()
        client = EsputnikClient(self._http, sender=rehearsal)
        for call in planned([envelope], self._options):
            outcome = call.send(client, call.envelopes)
            if not rehearsal.requests:
                raise Skip(Reason.TOO_LARGE, outcome[0].detail)
        return rehearsal.requests[0]

    def look_up(self, envelope: Envelope) -> Remote:
        return remote.look_up(self._client, envelope)

    def sources(self, kind: Kind) -> Mapping[str, str]:
        return sources.SOURCES.get(kind, {})

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _event_type(self, record: Event) -> str:
        """The ``eventTypeKey``: by the option, else as the type declares, else its name."""
        usual = self.account.event_keys.get(record.name, record.name)
        return self._options.event_keys.get(record.name, usual)

    def _http_client(self, wait: Callable[[float], None]) -> HttpClient:
        url = (self.account.api_url or DEFAULT_URL).rstrip("/")
        # Hashed, since the key of a pace is readable in the storage. By account, not by name:
        # two connections with one key share eSputnik's limit too.
        owner = hashlib.sha256(f"{url} {self.account.api_key}".encode()).hexdigest()[:24]
        options = self._options
        return HttpClient(
            url,
            user=USER,
            password=self.account.api_key,
            throttle=Throttle(
                options.rate,
                key=f"esputnik:{owner}",
                storage=self.account.rate_limit_storage,
                wait=wait,
            ),
            patience=Patience(
                connect=options.connect_timeout,
                read=options.read_timeout,
                deadline=options.deadline,
            ),
        )


def _after_refusal(call: Call, error: RejectedError, settled: dict[str, Receipt]) -> list[Call]:
    """What remains to be called after a refusal.

    :raises RejectedError: nothing was settled yet, so the caller can halve the batch.
    """
    if len(call.envelopes) == 1:
        _settle(settled, [receipts.rejected(call.envelopes[0], error)])
        return []
    if not settled:
        raise error
    return call.halves()


def _too_many_refusals() -> ThrottledError:
    return ThrottledError(_("Too many refusals at once; the rest comes next time"))


def _out_of_time() -> ThrottledError:
    return ThrottledError(_("A minute of slow answers: the rest goes next"))


def _postponed(calls: Iterable[Call], error: DestinationError) -> list[Receipt]:
    """Receipts for records whose turn did not come."""
    untouched = (envelope for call in calls for envelope in call.envelopes)
    return [receipts.deferred(envelope, error, was_tried=False) for envelope in untouched]


def _settle(settled: dict[str, Receipt], news: Sequence[Receipt]) -> None:
    settled.update((receipt.key, receipt) for receipt in news)
