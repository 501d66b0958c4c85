"""The plug towards a customer data platform: one class per protocol.

All that a class of your own needs is imported from here: the contract, the values that go in and
out, and an HTTP client with time-outs, a shared pace and errors without secrets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, Kind, Reason, Record

from .auth import Authentication, BasicAuth, HeaderAuth
from .choices import DO_NOT_SEND, ConsentPolicy, EraseMode, OrderRoute, Status
from .deadline import Timeouts
from .digest import digest
from .http import HttpClient
from .platform import LONGEST_REQUEST, Platform
from .responses import Answer, ResponseRules, vendor_words
from .site import PushScripts, PushWorker, Site, SiteDomain, SiteRefusal, SiteRefusalCode
from .throttle import Throttle
from .values import (
    Account,
    AccountField,
    AccountInfo,
    Delivered,
    Envelope,
    Part,
    PreparedRequest,
    Receipt,
    RegisteredFeed,
    Remote,
    Workflow,
)

if TYPE_CHECKING:
    pass

__all__ = [
    "DO_NOT_SEND",
    "LONGEST_REQUEST",
    "Account",
    "AccountField",
    "AccountInfo",
    "Answer",
    "Authentication",
    "BasicAuth",
    "ConsentPolicy",
    "Delivered",
    "Destination",
    "Envelope",
    "EraseMode",
    "HeaderAuth",
    "HttpClient",
    "OrderRoute",
    "Part",
    "PreparedRequest",
    "PushScripts",
    "PushWorker",
    "Receipt",
    "RegisteredFeed",
    "Remote",
    "ResponseRules",
    "Site",
    "SiteDomain",
    "SiteRefusal",
    "SiteRefusalCode",
    "Status",
    "Throttle",
    "Timeouts",
    "Workflow",
    "digest",
    "vendor_words",
]


def _nothing_to_settle(_receipts: Sequence[Receipt]) -> None:
    """All receipts are returned in the end: a test, a preview."""


def _nothing() -> None:
    """There is no lane to keep: a test, a preview."""


class Destination(Platform, ABC):
    """Speaks one platform's protocol. Holds no state but its HTTP session.

    What the admin, the commands and the checks need to know of the platform, without an account,
    are the attributes and class methods of :class:`~.platform.Platform`.
    """

    def __init__(self, account: Account, options: Mapping[str, Any]) -> None:
        self.account = account
        self.options = options
        self.after_call: Callable[[Sequence[Receipt]], None] = _nothing_to_settle
        """May run after each request of a ``deliver`` that has more to make, with the receipts that
        it brought: they are settled at once, so that a worker that dies in the next request sends
        this one's records no second time. They are part of what ``deliver`` returns all the same,
        and what it raises must pass through."""
        self.before_call: Callable[[], None] = _nothing
        """Runs before each request of a ``deliver``: it keeps the lane, and what it raises must
        pass through."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.account.name!r})"

    @abstractmethod
    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        """Translate one record. Pure. The digest of an event depends on its key alone: what
        happened once is told once, whatever the product costs by then.

        :param last: what was delivered before, ``None`` if nothing was.
        :raises Skip: there is nothing to send, for a reason; NOT_SUPPORTED for a kind that the
            platform does not have.
        """

    def wanted_attributes(self) -> Collection[str] | None:
        """Names of the attributes of a contact that :meth:`prepare` looks at: others are not even
        read. ``None``: it may look at any."""
        return None

    @abstractmethod
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Send envelopes of one kind; exactly one receipt each, in their order.

        :raises TemporaryError, CredentialsError, RejectedError: for all of them together; after a
            RejectedError the caller sends the halves. A destination that has sent some of them
            already answers with receipts (DEFERRED for the rest) rather than raise.
        """

    @property
    def connections(self) -> int:
        """How many requests of one lane may be under way at once. With more than one, workers
        deliver parts of a batch and ask about uploads by threads, each with a destination of its
        own, and what runs there must not touch the database."""
        return 1

    def parts(self, envelopes: Sequence[Envelope]) -> Sequence[Part]:
        """Which envelopes of one kind travel together; each is in exactly one part. A
        :meth:`deliver` of a part makes its one request, or a few in turn."""
        return [Part(envelopes=tuple(envelopes))]

    def pace_limit(self, kind: Kind) -> float:
        """Requests a second that this kind may make at the most."""
        return float("inf")

    def abort(self) -> None:
        """Break off what is under way, and send nothing more. Called from another thread."""
        self.close()

    @abstractmethod
    def verify(self) -> AccountInfo:
        """Check the key.

        :raises CredentialsError: the key is wrong. :raises TemporaryError: could not ask.
        :raises RejectedError: what answered is another server.
        """

    @abstractmethod
    def preview(self, envelope: Envelope) -> PreparedRequest:
        """Exactly what would be sent, without the key. Sends nothing.

        :raises Skip: it would not be sent at all, for a reason.
        """

    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Mapping[str, Mapping[str, str]]
    ) -> Sequence[Receipt]:
        """What became of the contacts of an ACCEPTED upload; DEFERRED while it is still running.

        :param locators: key → salted hashes of the e-mail and the phone that were sent, since the
            platform may name a guest by these alone (see :func:`~..identity.fingerprint`).
        :raises TemporaryError, CredentialsError: could not ask.
        """
        raise NotImplementedError(f"{type(self).__name__} has no uploads to ask about")

    def look_up(self, envelope: Envelope) -> Remote:
        """Ask the destination what it really holds, and compare. Two to four requests.

        :raises Skip: the destination has no way to tell.
        """
        raise Skip(Reason.NOT_SUPPORTED)

    def held(self, *, key: str, emails: Sequence[str] = ()) -> Sequence[JSONObject]:
        """All that the destination tells of a customer, in its own words, for an access request.
        One to three requests.

        :param key: of the shop; ``""`` for a guest.
        :raises Skip: the destination has no way to tell.
        :raises TemporaryError, CredentialsError: could not ask.
        """
        raise Skip(Reason.NOT_SUPPORTED)

    def knows(self, key: str) -> bool:
        """Does the destination have a customer with this key of the shop? One or two requests.

        :raises Skip: the destination has no way to tell.
        :raises TemporaryError, CredentialsError: could not ask.
        """
        raise Skip(Reason.NOT_SUPPORTED)

    def inbox_token(self, key: str) -> str:
        """By which the browser of this customer, and nobody else, reads their messages.

        :param key: the customer's, in the shop.
        :raises RejectedError: the platform does not know them.
        :raises TemporaryError, CredentialsError: it could not be asked.
        """
        raise NotImplementedError(f"{type(self).__name__} has no inbox")

    def registered_feeds(self) -> Sequence[RegisteredFeed]:
        """The product feeds that the account reads.

        :raises TemporaryError, CredentialsError, RejectedError: could not ask.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps no feeds")

    def register_feeds(self, feeds: Sequence[RegisteredFeed]) -> None:
        """Make these the feeds of the account: all of them, those of others too.

        :raises TemporaryError, CredentialsError, RejectedError: it was not done.
        """
        raise NotImplementedError(f"{type(self).__name__} keeps no feeds")

    def account_fields(self) -> Sequence[AccountField]:
        """The additional fields of the account.

        :raises TemporaryError, CredentialsError, RejectedError: could not ask.
        """
        raise NotImplementedError(f"{type(self).__name__} describes no fields")

    def workflows(self) -> Sequence[Workflow]:
        """The automations of the account.

        :raises TemporaryError, CredentialsError, RejectedError: could not ask.
        """
        raise NotImplementedError(f"{type(self).__name__} lists no workflows")

    def site(self) -> Site:
        """The site of the account, where ``supports_storefront`` says that it has one."""
        raise NotImplementedError(f"{type(self).__name__} has no site")

    def expected_workflows(self) -> Mapping[str, Sequence[str]]:
        """What the connection sends → names of the events that start a workflow by it."""
        return {}

    @property
    def names_carts_of_orders(self) -> bool:
        """Does what is sent of an order name the cart that it was, so that the account can join
        them? Then an order has its ``cart_guid``."""
        return False

    def sources(self, kind: Kind) -> Mapping[str, str]:
        """Path in the payload → field of the record it comes from, for a person to read."""
        return {}

    def close(self) -> None:
        """Give connections back. May be called twice."""
