"""The plug towards a customer data platform: one class per protocol.

All that a class of your own needs is imported from here: the contract, the values that go in and
out, and an HTTP client with time-outs, a shared pace and errors without secrets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Kind, Reason, Record

from .auth import Authentication, BasicAuth, HeaderAuth
from .choices import DO_NOT_SEND, ConsentPolicy, EraseMode, OrderRoute, Status
from .digest import digest
from .http import HttpClient, Timeouts
from .options import unknown_option, unusable_option
from .responses import Answer, ResponseRules, vendor_words
from .throttle import Throttle
from .values import (
    Account,
    AccountField,
    AccountInfo,
    Delivered,
    Envelope,
    PreparedRequest,
    Receipt,
    RegisteredFeed,
    Remote,
    Workflow,
)

if TYPE_CHECKING:
    from .choices import Text

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
    "PreparedRequest",
    "Receipt",
    "RegisteredFeed",
    "Remote",
    "ResponseRules",
    "Status",
    "Throttle",
    "Timeouts",
    "Workflow",
    "digest",
    "vendor_words",
]

LONGEST_REQUEST = 60.0  # seconds


def _nothing_to_settle(_receipts: Sequence[Receipt]) -> None:
    """All receipts are returned in the end: a test, a preview."""


def _nothing() -> None:
    """There is no lane to keep: a test, a preview."""


class Destination(ABC):
    """Speaks one platform's protocol. Holds no state but its HTTP session.

    All that the admin, the commands and the checks need to know of a platform stands in these
    attributes. A subclass states what differs; what it leaves out, its platform does not have.
    """

    label: ClassVar[str] = ""
    """The platform's name as a person reads it, the same in every language: "eSputnik"."""

    batch_sizes: Mapping[Kind, int] = {}
    """How many records of a kind one ``deliver`` takes. A kind that is absent is not supported. An
    account may have other sizes than its class."""

    statuses: ClassVar[Sequence[Status]] = ()
    """The order statuses that the platform knows. Empty: it takes any word."""

    status_hints: ClassVar[Sequence[tuple[str, tuple[str, ...]]]] = ()
    """Status → parts of a shop's own status, in lower case, that suggest it. The first that fits is
    proposed, so "not delivered" must be tried before "delivered"."""

    default_status: ClassVar[str | None] = None
    """What an order status without a mapping is sent as. ``None``: as the shop calls it."""

    currencies: ClassVar[Collection[str]] = ()
    """The currencies that the platform documents, by their three letters. Empty: it takes any."""

    order_routes: ClassVar[Sequence[OrderRoute]] = ()
    """Ways for orders to travel, the usual one first. Empty: there is one way, no choice."""

    history_routes: ClassVar[Sequence[OrderRoute]] = ()
    """Ways for the orders of a historical import, which must start no workflow unasked: the
    merchant chooses each time. Empty: there is one, it is quiet, and nothing is asked."""

    erase_modes: ClassVar[Sequence[EraseMode]] = ()
    """What can be done with a deleted customer, the usual one first. Empty: they are erased."""

    consent_policies: ClassVar[Sequence[ConsentPolicy]] = ()
    """What can be done with people who have not said yes. The merchant chooses before the first
    import; nothing is chosen in advance. Empty: what is sent makes nobody mailable, or the platform
    has no such notion, and nothing is asked."""

    default_api_url: ClassVar[str] = ""
    """Where the API is, for a connection that names no address. Empty: the merchant must."""

    default_tracker_url: ClassVar[str] = ""
    """Where web tracking is, for a connection that names no address."""

    field_id_help: ClassVar[Text] = ""
    """Where a merchant finds the id of an additional field."""

    key_help: ClassVar[Text] = ""
    """Where a merchant finds the API key."""

    option_names: ClassVar[Sequence[str]] = ()
    """What ``DESTINATIONS[…]["OPTIONS"]`` may hold."""

    supports_uploads: ClassVar[bool] = False
    """May it answer ACCEPTED, and be asked later by :meth:`resolve`?"""

    supports_look_up: ClassVar[bool] = False
    """Can it be asked what it holds of a contact, by :meth:`look_up`?"""

    supports_feed_registration: ClassVar[bool] = False
    """Can it be told where the product feeds are, by :meth:`register_feeds`?"""

    supports_account_fields: ClassVar[bool] = False
    """Does it describe its additional fields, by :meth:`account_fields`?"""

    supports_workflows: ClassVar[bool] = False
    """Does it list its automations, by :meth:`workflows`?"""

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

    # What is asked of the class, without an account

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        """Can records of this kind be sent at all?"""
        return kind in cls.batch_sizes

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> list[CheckMessage]:
        """What is wrong with ``OPTIONS``, for Django's system checks. Extend it to look at values.

        ``E010`` is an option that does not exist or cannot be used.
        """
        unknown = [name for name in options if name not in cls.option_names]
        return [unusable_option(unknown_option(name, cls.option_names)) for name in unknown]

    @classmethod
    def longest_request(cls, options: Mapping[str, Any]) -> float:
        """Seconds that one request may take with these options; a lane is leased for longer."""
        return LONGEST_REQUEST

    @classmethod
    def clean_field_id(cls, text: str) -> str:
        """The id of an additional field in its one form, as a person wrote it.

        :raises ValidationError: the platform has no such ids.
        """
        if cleaned := text.strip():
            return cleaned
        raise ValidationError(_("Write the id of the field."))

    @classmethod
    def check_mapped_field(cls, field_id: str, known: Mapping[str, AccountField]) -> None:
        """Can a contact attribute be sent to this additional field?

        :param known: the fields of the account, by id; empty when they were never read.
        :raises ValidationError: the account has no such field, or nobody may write to it.
        """
        if not known:
            return
        field = known.get(field_id)
        if field is None:
            raise ValidationError(
                _("The account has no field %(id)s. A new one may take an hour to appear.")
                % {"id": field_id}
            )
        if field.is_read_only:
            text = _("The field %(id)s (%(name)s) is read-only: only the account itself fills it.")
            raise ValidationError(text % {"id": field_id, "name": field.name or "–"})

    @classmethod
    def propose_status(cls, shop_status: str) -> str:
        """The status that a shop's own name suggests, ``""`` if it suggests none."""
        name = shop_status.casefold()
        for status, hints in cls.status_hints:
            if any(hint in name for hint in hints):
                return status
        return ""

    @classmethod
    def is_erasing(cls, mode: str) -> bool:
        """Is a deleted person erased for good in this mode, or only marked as deleted?

        :param mode: of :attr:`erase_modes`; ``""`` for the usual one.
        """
        fitting = (one.is_erasure for one in cls.erase_modes if mode in ("", one.value))
        return next(fitting, True)

    # What an account does

    @abstractmethod
    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        """Translate one record. Pure. The digest of an event depends on its key alone: what
        happened once is told once, whatever the product costs by then.

        :param last: what was delivered before, ``None`` if nothing was.
        :raises Skip: there is nothing to send, for a reason; NOT_SUPPORTED for a kind that the
            platform does not have.
        """

    @abstractmethod
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Send envelopes of one kind; exactly one receipt each, in their order.

        :raises TemporaryError, CredentialsError, RejectedError: for all of them together; after a
            RejectedError the caller sends the halves. A destination that has sent some of them
            already answers with receipts (DEFERRED for the rest) rather than raise.
        """

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

    def expected_workflows(self) -> Mapping[str, Sequence[str]]:
        """What the connection sends → names of the events that start a workflow by it."""
        return {}

    def sources(self, kind: Kind) -> Mapping[str, str]:
        """Path in the payload → field of the record it comes from, for a person to read."""
        return {}

    def close(self) -> None:  # noqa: B027  most doubles have nothing to close
        """Give connections back. May be called twice."""
