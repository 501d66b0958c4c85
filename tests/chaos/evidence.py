"""What the judge judges by. Plain values: a unit test can plant a breach in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Person:
    """A customer whom the shop has now, and every first name they ever had, oldest first."""

    key: str
    email: str
    first_name: str = ""
    last_name: str = ""
    phone: str = ""  # digits; of people with exactly one address, else ""
    names: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Erased:
    """A customer whom the shop had and deleted."""

    key: str
    emails: Sequence[str]
    phones: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ShopOrder:
    """An order as the shop has it now, and every status it ever had, oldest first."""

    number: str
    status: str
    total: Decimal
    items: Mapping[str, int]
    owner: str = ""
    email: str = ""  # of the owner, or what the guest typed
    phone: str = ""  # digits; whom the parcel goes to
    statuses: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class ShopCart:
    """A basket; ``token`` is what eSputnik knows it by. ``items`` is empty once it is closed.
    ``guids`` are those of its states, oldest first; the last of them is the token."""

    key: str
    token: str
    owner: str
    items: Mapping[str, int]
    guids: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One note in the outbox, from its insert to its end.

    ``fate``: delivered, skipped, imported (settled and counted by a historical import), dead,
    waiting, or vanished when it was removed although nothing became of it.
    """

    number: int
    kind: str
    key: str
    fate: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class ImportRun:
    """A historical import and its counts by outcome."""

    number: int
    kind: str
    state: str
    total: int
    counts: Mapping[str, int]
    detail: str = ""  # why it is paused


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request to eSputnik and what arrived in return. Times are seconds since the start."""

    arrived: float
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    answered: float | None = None  # when the last byte of a whole answer had been handed over
    status: int | None = None
    answer: Any = None  # JSON, or text where it is none

    def line(self) -> str:
        """For a history, without the body."""
        said = "no whole answer" if self.answered is None else f"{self.status} {self.answer!r:.90}"
        return f"{self.arrived:7.2f} s  {self.method} {self.path} → {said}"


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """A time in which a process was killed, stopped, apart or restarting."""

    what: str
    target: str
    start: float
    end: float

    def line(self) -> str:
        return f"{self.start:7.2f} s  {self.what} {self.target} until {self.end:.2f} s"


@dataclass(frozen=True, kw_only=True)
class Leap:
    """A moment in which so many seconds passed for the connector."""

    at: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """Something the driver wanted to do and could not."""

    at: float
    until: float
    what: str
    error: str
    is_server_error: bool = False  # the shop answered 500


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the fake eSputnik holds, in the words of its control API."""

    contacts: Sequence[Mapping[str, Any]] = ()
    writes: Sequence[Mapping[str, Any]] = ()  # each state of a contact, as it was stored
    orders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    carts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    violations: Sequence[Any] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known at the end of a run."""

    people: Sequence[Person] = ()
    erased: Sequence[Erased] = ()
    orders: Sequence[ShopOrder] = ()
    carts: Sequence[ShopCart] = ()
    rows: Sequence[Row] = ()
    imports: Sequence[ImportRun] = ()
    held: Held = field(default_factory=Held)
    exchanges: Sequence[Exchange] = ()
    disturbances: Sequence[Disturbance] = ()
    complaints: Sequence[Complaint] = ()
    leaps: Sequence[Leap] = ()
    staff: frozenset[str] = frozenset()  # keys; whether they are sent is the merchant's choice
    emails: Mapping[str, Sequence[str]] = field(default_factory=dict)  # key → every e-mail ever

    def dead(self, kind: str, key: str) -> Row | None:
        """The note of this record that was set aside with a reason, if there is one."""
        found = (row for row in self.rows if (row.kind, row.key, row.fate) == (kind, key, "dead"))
        return next((row for row in found if row.reason), None)

    @cached_property
    def carts_by_guid(self) -> Mapping[str, ShopCart]:
        """By each name under which eSputnik was told of a basket."""
        return {guid: cart for cart in self.carts for guid in (*cart.guids, cart.token)}
