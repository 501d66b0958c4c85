"""The plug towards a customer data platform: one class per protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.checks import CheckMessage

from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, Kind, Note, Outcome, Reason, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A connection as a destination sees it: plain values, key included. Never logged."""

    name: str
    api_key: str = field(repr=False)
    api_url: str
    tracker_url: str = ""
    order_route: str = "orders"  # "orders" (POST /v1/orders), "events" (generate event v3), or
    # "past_events" (history that starts no workflow)
    erase: bool = True  # a deleted customer is erased (True) or only marked as deleted (False)
    fields: tuple[tuple[str, int], ...] = ()  # contact attribute → additional-field id
    statuses: Mapping[str, str] = field(default_factory=dict)  # shop status → status or "" (keep)
    default_status: str = "INITIALIZED"  # for a shop status without a mapping
    salt: str = field(default="", repr=False)  # of this connection, for public tokens
    rate_limit_storage: str = field(default="", repr=False)  # where workers share their pace
    event_keys: Mapping[str, str] = field(default_factory=dict)  # event type → its usual name


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What the destination is known to hold of a record, from the last delivery.

    ``is_certain`` is False while no delivery was ever answered positively: something was sent, and
    nobody knows whether it arrived.
    """

    digest: str = ""
    is_certain: bool = True
    fields: frozenset[str] = frozenset()  # names of the fields that were sent with a value
    locators: frozenset[str] = frozenset()  # "email", "phone": hashes differ from the last ones


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One record going out, already translated.

    ``payload`` is what the destination will send for it; ``digest`` is equal exactly when the
    destination would hold the same afterwards, by whichever route it came; ``fields`` are the
    names that carry a value, remembered for the next time, so that a field that becomes empty in
    the shop can be cleared, and no other is touched.
    """

    kind: Kind
    key: str
    payload: JSONObject = field(repr=False)
    digest: str
    fields: frozenset[str] = frozenset()
    clears: frozenset[str] = frozenset()
    is_replacing: bool = False  # a locator differs from the one the destination holds
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of one envelope.

    ``detail`` holds the destination's own words, redacted. ``session`` names the import to ask
    about when the outcome is ACCEPTED. ``retry_after`` is in seconds. ``is_counted`` says of a
    DEFERRED record that it may be the cause itself: the try counts, and it will go out in ever
    smaller company.
    """

    kind: Kind
    key: str
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    session: str = ""
    remote_id: str = ""
    status: int = 0
    retry_after: float = 0
    is_counted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountInfo:
    """Whose key it is."""

    organisation: str
    organisation_id: str = ""
    user: str = ""
    clock_ahead: float | None = None  # seconds; None when the answer does not tell the time


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedRequest:
    """Exactly what would be sent, without the key."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: JSONObject | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """What the destination itself holds of one record, told without its values."""

    is_found: bool
    differing: tuple[str, ...] = ()  # names of fields that hold something else there


def _nothing() -> None:
    """There is no lane to keep: a test, a preview."""


class Destination(ABC):
    """Speaks one platform's protocol. Holds no state but its HTTP session."""

    batch_sizes: ClassVar[Mapping[Kind, int]]
    """How many records of a kind one ``deliver`` takes. A kind that is absent is not supported."""

    def __init__(self, account: Account, options: Mapping[str, Any]) -> None:
        self.account = account
        self.options = options
        self.before_call: Callable[[], None] = _nothing
        """Runs before each request of a ``deliver``: it keeps the lane, and what it raises must
        pass through."""

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> list[CheckMessage]:
        """What is wrong with the options, for ``manage.py check``. A subclass knows its own."""
        return []

    @abstractmethod
    def prepare(self, record: Record, *, last: Delivered | None) -> Envelope:
        """Translate one record. Pure. The digest of an event depends on its key alone: what
        happened once is told once, whatever the product costs by then.

        :param last: what was delivered before, ``None`` if nothing was.
        :raises Skip: there is nothing to send, for a reason.
        """

    @abstractmethod
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        """Send envelopes of one kind; exactly one receipt each, in their order.

        :raises TemporaryError, CredentialsError, RejectedError: for all of them together. A
            destination that has sent some of them already answers with receipts (DEFERRED for the
            rest) rather than raise.
        """

    @abstractmethod
    def resolve(
        self, session: str, keys: Sequence[str], *, locators: Mapping[str, Mapping[str, str]]
    ) -> Sequence[Receipt]:
        """What became of the contacts of an ACCEPTED import; DEFERRED while it is still running.

        :param locators: key → salted hashes of the e-mail and the phone that were sent, since the
            platform may name a guest by these alone (see :func:`~..identity.fingerprint`).
        """

    @abstractmethod
    def verify(self) -> AccountInfo:
        """Check the key.

        :raises CredentialsError: the key is wrong. :raises TemporaryError: could not ask.
        :raises RejectedError: what answered is another server.
        """

    def close(self) -> None:  # noqa: B027  most doubles have nothing to close
        """Give connections back."""

    @abstractmethod
    def preview(self, envelope: Envelope) -> PreparedRequest:
        """Exactly what would be sent. Sends nothing."""

    def look_up(self, envelope: Envelope) -> Remote:
        """Ask the destination what it really holds, and compare. One or two requests.

        :raises Skip: the destination has no way to tell.
        """
        raise Skip(Reason.NOT_SUPPORTED)

    def sources(self, kind: Kind) -> Mapping[str, str]:
        """Path in the payload → field of the record it comes from, for a person to read."""
        return {}
