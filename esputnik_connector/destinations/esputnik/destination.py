"""eSputnik as a destination."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from esputnik_connector.destinations.base import (
    Account,
    AccountField,
    AccountInfo,
    Delivered,
    Destination,
    Envelope,
    Part,
    PreparedRequest,
    Receipt,
    RegisteredFeed,
    Remote,
    Workflow,
)
from esputnik_connector.destinations.choices import UNCONFIRMED
from esputnik_connector.destinations.options import unusable_option
from esputnik_connector.exceptions import (
    ConfigurationError,
    RejectedError,
    Skip,
    TemporaryError,
)
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import (
    AttributeValue,
    JSONObject,
    Kind,
    Reason,
    Record,
)

from . import choices, feeds, inbox, receipts, remote
from .behaviour import browser
from .calls import planned
from .client import DEFAULT_URL, LABEL, EsputnikClient
from .clients import http_client, tracker_client
from .contacts import addressbooks, imports, sources
from .contacts.field_values import formatted
from .envelopes import envelope_of
from .events import workflows
from .events.payload import PAST_EVENTS_PER_CALL
from .limits import limit_of_kind, per_second, rates
from .options import Options, options_from
from .rehearsal import Rehearsal
from .sending import sent
from .site import EsputnikSite

SINGLES_PER_DELIVERY = 100  # requests of one record each: half a second at eSputnik's limit
# Each order starts a workflow, and those beside a refusal that names nobody have to go once more.
CAUTIOUS_ORDERS = 20
INTRODUCTIONS_PER_DELIVERY = 100  # of people without consent, should all of a batch be new


class EsputnikDestination(Destination):
    """Contacts, orders, carts, events, subscriptions and erasures of one eSputnik account."""

    label = LABEL
    batch_sizes: Mapping[Kind, int] = {
        Kind.CONTACT: Options.contacts_per_call,
        Kind.ORDER: Options.orders_per_call,
        Kind.CART: SINGLES_PER_DELIVERY,
        Kind.EVENT: SINGLES_PER_DELIVERY,
        Kind.SUBSCRIPTION: SINGLES_PER_DELIVERY,
        Kind.ERASURE: SINGLES_PER_DELIVERY,
        Kind.BEHAVIOUR: SINGLES_PER_DELIVERY,
    }
    statuses = choices.STATUSES
    status_hints = choices.STATUS_HINTS
    default_status = "INITIALIZED"
    currencies = choices.CURRENCIES
    order_routes = choices.ORDER_ROUTES
    history_routes = choices.HISTORY_ROUTES
    erase_modes = choices.ERASE_MODES
    consent_policies = choices.CONSENT_POLICIES
    browser_call = staticmethod(browser.call)
    default_api_url = DEFAULT_URL
    default_tracker_url = "https://tracker.esputnik.com/api/v2"
    field_id_help = gettext_lazy(
        "eSputnik → Contacts → Additional fields. A new one takes up to an hour."
    )
    key_help = gettext_lazy("A key with full access, from the API keys of your eSputnik account.")
    option_names = tuple(field.name for field in fields(Options))
    supports_uploads = True  # esputnik-api.md#contacts-bulk
    supports_order_deletion = True  # esputnik-api.md#orders-delete
    supports_inbox = True  # esputnik-api.md#inbox-token
    supports_feed_registration = True
    supports_account_fields = True
    supports_workflows = True
    supports_storefront = True  # esputnik-api.md#site-domains
    supports_look_up = True  # contacts alone (esputnik-api.md#contact-search)

    def __init__(
        self,
        account: Account,
        options: Mapping[str, Any],
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(account, options)
        self._options = options_from(options, event_names=account.event_keys)
        self._http = http_client(account, self._options, wait=wait)
        url = account.tracker_url or self.default_tracker_url
        self._tracker = tracker_client(url, account, self._options, wait=wait)
        self._client = self._esputnik_client()
        orders = {
            choices.EVENTS: SINGLES_PER_DELIVERY,
            choices.PAST_EVENTS: PAST_EVENTS_PER_CALL,
        }
        self.batch_sizes = {
            **type(self).batch_sizes,
            Kind.CONTACT: self._options.contacts_per_call,
            Kind.ORDER: orders.get(account.order_route, self._options.orders_per_call),
        }
        if account.order_route in ("", choices.ORDERS):
            self.cautious_sizes = {Kind.ORDER: CAUTIOUS_ORDERS}
        if account.consent_policy == UNCONFIRMED:  # each new person needs a request of their own
            most = INTRODUCTIONS_PER_DELIVERY
            self.batch_sizes = {kind: min(size, most) for kind, size in self.batch_sizes.items()}

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> list[CheckMessage]:
        found = super().check(options)
        for name in options.keys() & set(cls.option_names):
            try:
                options_from({name: options[name]})
            except ConfigurationError as error:
                found.append(unusable_option(str(error)))
        return found

    @classmethod
    def longest_request(cls, options: Mapping[str, Any]) -> float:
        return float(options.get("deadline", Options.deadline))

    @classmethod
    def clean_field_id(cls, text: str) -> str:
        """A whole number above 0, without zeros before it (esputnik-api.md#additional-fields)."""
        written = super().clean_field_id(text)
        if not (written.isascii() and written.isdecimal() and int(written)):
            raise ValidationError(_("The id of a field in eSputnik is a whole number above 0."))
        return str(int(written))

    @classmethod
    def field_text(cls, value: AttributeValue, field: AccountField) -> str:
        return formatted(value, field)

    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        return envelope_of(record, account=self.account, options=self._options, last=last)

    def wanted_attributes(self) -> Collection[str] | None:
        """Those that the merchant mapped. A project's own ``prepare`` may look at more."""
        if type(self).prepare is not EsputnikDestination.prepare:
            return None
        return frozenset(name for name, _field in self.account.fields)

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Send envelopes of one kind; exactly one receipt each, in their order.

        A request with several records that is refused as a whole is raised, so that the caller
        halves the batch. Once something else of the batch was settled it is halved here instead:
        what was delivered must not be forgotten. Likewise an error in the middle leaves the
        remaining records DEFERRED, with the error's status.
        """
        return sent(
            planned(envelopes, self._options),
            client=self._client,
            before_call=self.before_call,
            after_call=self.after_call,
            order=[envelope.key for envelope in envelopes],
        )

    @property
    def connections(self) -> int:
        return self._options.connections

    def parts(self, envelopes: Sequence[Envelope]) -> Sequence[Part]:
        return [
            Part(envelopes=call.envelopes, is_upload=call.is_upload)
            for call in planned(envelopes, self._options)
        ]

    def pace_limit(self, kind: Kind) -> float:
        limit = limit_of_kind(kind, self.account.order_route)
        return per_second(rates(self._options)[limit])

    def abort(self) -> None:
        self._http.abort()
        self._tracker.abort()

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Mapping[str, Mapping[str, str]]
    ) -> Sequence[Receipt]:
        try:
            answer = self._client.import_status(session)
        except RejectedError as error:
            return imports.lost_import(session, keys, error)
        return imports.from_import(session, keys, answer, locators=locators, salt=self.account.salt)

    def verify(self) -> AccountInfo:
        try:
            answer = self._client.account_info()
            if not answer.was_readable:  # cut on its way: it says nothing of the address
                words = _("The answer came in part only.")
                raise TemporaryError(words, status=answer.status, was_received=True)
            return receipts.account_info(answer)
        except RejectedError as error:
            message = _("This does not look like eSputnik's address, which ends in /api. %(why)s")
            raise RejectedError(message % {"why": error}, status=error.status) from error

    def preview(self, envelope: Envelope) -> PreparedRequest:
        """What :meth:`deliver` would send for this envelope alone; its own code, rehearsed.

        :raises Skip: the record is too large to be sent at all.
        """
        rehearsal = Rehearsal()
        client = self._esputnik_client(rehearsal)
        (call,) = planned([envelope], self._options)
        found = call.send(client, call.envelopes)
        if not rehearsal.requests:
            raise Skip(Reason.TOO_LARGE, found[0].detail)
        is_second = envelope.introduces is not None and envelope.kind is not Kind.CONTACT
        return rehearsal.requests[-1 if is_second else 0]

    def look_up(self, envelope: Envelope) -> Remote:
        return remote.look_up(self._client, envelope)

    def held(self, *, key: str, emails: Sequence[str] = ()) -> Sequence[JSONObject]:
        return remote.held(self._client, key=key, emails=emails)

    def knows(self, key: str) -> bool:
        return any(remote.by_external_id(self._client, key))

    def inbox_token(self, key: str) -> str:
        return inbox.token_of(self._client, key)

    def registered_feeds(self) -> Sequence[RegisteredFeed]:
        return feeds.read(self._client)

    def register_feeds(self, feeds_: Sequence[RegisteredFeed]) -> None:
        feeds.register(self._client, feeds_)

    def account_fields(self) -> Sequence[AccountField]:
        return addressbooks.read(self._client)

    def workflows(self) -> Sequence[Workflow]:
        return workflows.read(self._client)

    def site(self) -> EsputnikSite:
        return EsputnikSite(self._client)

    def expected_workflows(self) -> Mapping[str, Sequence[str]]:
        return workflows.expected(self.account, self._event_names())

    @property
    def names_carts_of_orders(self) -> bool:
        return self.account.order_route in (choices.EVENTS, choices.PAST_EVENTS)

    def sources(self, kind: Kind) -> Mapping[str, str]:
        return sources.SOURCES.get(kind, {})

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _event_names(self) -> list[str]:
        """The ``eventTypeKey`` of every event type there is."""
        return [
            self._options.event_keys.get(name, usual)
            for name, usual in self.account.event_keys.items()
        ]

    def _esputnik_client(self, rehearsal: Rehearsal | None = None) -> EsputnikClient:
        return EsputnikClient(
            self._http,
            sender=rehearsal,
            event_version=self._options.event_version,
            nests_as_text=self._options.nests_as_text,
            tracker=self._tracker.rehearsed(rehearsal) if rehearsal else self._tracker,
        )
