"""What goes in and out of a destination: plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from esputnik_connector import storable
from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import JSONObject, Kind, Note, Outcome, Person, Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A connection as a destination sees it: plain values, key included. Never logged.

    What the merchant left open stands here as the destination's own default.
    """

    name: str
    api_key: str = field(repr=False)
    api_url: str  # without a slash at the end
    tracker_url: str = ""
    order_route: str = ""  # of ``order_routes``; of ``history_routes`` in a historical import
    erase_mode: str = ""  # of ``erase_modes``
    consent_policy: str = ""  # of ``consent_policies``; "" while nothing was chosen
    fields: tuple[tuple[str, str], ...] = ()  # contact attribute → id of an additional field
    known_fields: Mapping[str, AccountField] = field(default_factory=dict)  # by id, as last read
    statuses: Mapping[str, str] = field(default_factory=dict)  # shop status → status or "" (keep)
    default_status: str | None = None  # for one without a mapping; None: as the shop calls it
    salt: str = field(default="", repr=False)  # of this connection, for public tokens
    rate_limit_storage: str = field(default="", repr=False)  # where workers share their pace
    event_keys: Mapping[str, str] = field(default_factory=dict)  # event type → its usual name
    site_id: str = ""  # of the registered domain, by which the tracker knows the site
    routes: Mapping[BehaviourType, Route] = field(default_factory=dict)  # of behaviour

    def route_of(self, behaviour_type: BehaviourType) -> Route:
        """By which way behaviour of this type travels. Without a storefront nothing does but the
        cart, whose events need nothing of the site."""
        usual = Route.EVENT if behaviour_type is BehaviourType.STATUS_CART else Route.OFF
        return self.routes.get(behaviour_type, usual)

    def mapped_status(self, status: str) -> tuple[str, bool]:
        """The destination's status for one of the shop, and whether the mapping lacks it.

        :raises Skip: the merchant chose not to send it.
        """
        is_unmapped = status not in self.statuses
        mapped = self.default_status if is_unmapped else self.statuses[status]
        if mapped is None:
            return status, is_unmapped
        if not mapped:
            raise Skip(Reason.STATUS_NOT_SENT, status)
        return mapped, is_unmapped


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What the destination is known to hold of a record, from the last delivery.

    ``is_certain`` is False while no delivery was ever answered positively: something was sent, and
    the shop does not know whether it arrived.
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
    the shop can be cleared, and no other is touched. ``introduces`` is a person without consent
    whose address the destination does not have from us yet: it must be stored there as one that may
    not be mailed, before anything else is sent of them. ``form`` is the version of the form in
    which this kind of record is spelled: raise it with every change of the form that would give an
    unchanged record another digest, or every old order would be sent again, each with its event.
    ``is_remembered`` is False of a fact that can never come again: nothing is kept of it once the
    destination has it. ``visitor`` names whose acts go one after another, in the order in which
    they happened: the next one leaves when the one before was answered. It stays in memory.
    """

    kind: Kind
    key: str
    payload: JSONObject = field(repr=False)
    digest: str
    form: int = 1
    fields: frozenset[str] = frozenset()
    clears: frozenset[str] = frozenset()
    is_replacing: bool = False  # a locator differs from the one the destination holds
    is_first: bool = False  # the destination is not known to hold the record
    is_change: bool = False  # the destination is known to hold the record otherwise
    notes: tuple[Note, ...] = ()
    introduces: Person | None = field(default=None, repr=False)
    status: str = ""  # of an order: the destination's word for it, for people to read
    is_remembered: bool = True
    visitor: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Envelopes that travel in one request.

    ``is_upload``: the destination takes them now, and says later what became of each.
    """

    envelopes: tuple[Envelope, ...]
    is_upload: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of one envelope.

    ``detail`` holds the destination's own words, redacted. ``session`` names the upload to ask
    about when the outcome is ACCEPTED. ``retry_after`` is in seconds. ``is_counted`` says of a
    DEFERRED record that it may be the cause itself: the try counts, and the record goes out in
    smaller batches from then on. ``goes_alone`` says of one that the destination may have taken
    it, among others of which it refused some without a name: it must go once more, and by itself.
    ``names_refusals`` is what the answer showed: True, by its form, that it would name a record
    that it refuses; False, by a refusal, that it does not; ``None``, nothing.

    Whatever the destination wrote into these, they can be stored: words are cut and cleaned, an id
    or a session that would have to be changed for it is left out.
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
    goes_alone: bool = False
    names_refusals: bool | None = None

    def __post_init__(self) -> None:
        keep = partial(object.__setattr__, self)  # the usual way of a frozen dataclass
        if self.detail:
            keep("detail", storable.words(self.detail))
        if self.session:
            keep("session", storable.identifier(self.session))
        if self.remote_id:
            keep("remote_id", storable.identifier(self.remote_id))
        if self.retry_after:
            keep("retry_after", storable.seconds(self.retry_after))


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountInfo:
    """Whose key it is."""

    organisation: str
    organisation_id: str = ""
    user: str = ""
    clock_ahead: float | None = None  # seconds; None when the answer does not tell the time

    def __post_init__(self) -> None:
        for name in ("organisation", "organisation_id", "user"):
            object.__setattr__(self, name, storable.words(getattr(self, name)))


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredFeed:
    """A product feed that the account reads. Its address may be a secret."""

    url: str = field(repr=False)
    language: str = ""
    is_default: bool = False

    def as_json(self) -> JSONObject:
        return {"url": self.url, "language": self.language, "default": self.is_default}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountField:
    """An additional field of the account, as far as the platform describes it.

    :param type: in small letters, as the platform calls it; ``""`` when it does not say.
    :param allowed: the only values that it takes; empty: any.
    """

    id: str
    name: str = ""
    type: str = ""
    is_read_only: bool = False
    allowed: tuple[str, ...] = ()
    smallest: str = ""
    largest: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """An automation of the account. What starts it, the platform need not tell."""

    name: str
    is_active: bool = True
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedRequest:
    """Exactly what would be sent, without the key. Its address and body may hold personal data, so
    they are not in its ``repr``."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: JSONObject | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """What the destination itself holds of one record, told without its values."""

    is_found: bool
    differing: tuple[str, ...] = ()  # names of fields that hold something else there
