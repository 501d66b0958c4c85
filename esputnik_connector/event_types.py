"""What kinds of events there are: one declaration for each, and nothing about a kind elsewhere.

The connector's own are declared in :mod:`esputnik_connector.pipeline.events.types`; an app adds
another with :func:`register` in its ``AppConfig.ready()``. See ``docs/howto/add-an-event-type.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from esputnik_connector.event_names import EventName, EventValue
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.records import Event, Reason
from esputnik_connector.shops.base import ShopAdapter, SupportsEvents

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Label = str | _StrPromise

NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
FIELDS = frozenset({*(each.name for each in fields(Event)), "currency_code"})

PRODUCT_PARAMS: Mapping[str, str] = {
    "productId": "product_key",
    "name": "product_name",
    "price": "price",
    "priceBefore": "price_before",
    "currencyCode": "currency_code",
    "url": "url",
    "imageUrl": "image_url",
    "isInStock": "is_in_stock",
}
"""The parameters of an event about a product."""


@dataclass(frozen=True, kw_only=True)
class ScanRun:
    """One scan for the events of one type.

    ``enqueue`` takes keys, adds those to the outbox that are neither sent nor in line, and answers
    how many that were. In a dry run it only counts, and the scan may write nothing either.
    """

    shop: ShopAdapter
    now: datetime
    is_dry: bool
    enqueue: Callable[[Sequence[str]], int]


Load = Callable[[ShopAdapter, Sequence[str]], Mapping[str, Event]]
Scan = Callable[[ScanRun], int]


def from_shop(shop: ShopAdapter, keys: Sequence[str]) -> Mapping[str, Event]:
    """The :attr:`EventType.load` of a type that every shop is asked about."""
    return SupportsEvents.of(shop).events(keys)


@dataclass(frozen=True, kw_only=True)
class EventType:
    """All that is particular to one kind of event.

    :raises ConfigurationError: the declaration contradicts itself.
    """

    name: EventName
    """The first part of the keys: small letters, digits and ``_``, at most 50."""

    label: Label
    """For the merchant to read; translatable."""

    switch: str = ""
    """The boolean field of :class:`~.models.Connection` by which the merchant wants such events
    sent. ``""``: wherever somebody captures them, they are sent."""

    event_key: str = ""
    """What a destination calls the type (eSputnik: ``eventTypeKey``), unless its option
    ``event_keys`` says otherwise. ``""``: the name."""

    load: Load | None = None
    """Keys → events as they are when they are sent, for a whole batch in a constant number of
    queries; a key without an answer is skipped as gone. Types with the same function are asked
    together. ``None``: only the moment knew the event. Then the outbox row carries the record, as
    :meth:`~.shops.base.Capture.event_recorded` got it, encrypted."""

    params: Mapping[str, str] = field(default_factory=dict)
    """Parameter → field of :class:`~.records.Event` that it is sent from. What stands in the
    event's own ``params`` is sent too."""

    still_true: Mapping[Reason, Callable[[Event], bool]] = field(default_factory=dict)
    """What must hold in the moment of sending, each with the reason to skip where it does not."""

    lifetime: timedelta | None = None
    """An event that happened longer ago is skipped as too late. ``None``, and at most:
    ``EVENT_RETENTION_DAYS``."""

    scan: Scan | None = None
    """Finds events that no signal reports, every quarter of an hour; answers how many it enqueued.
    ``None``: they are only captured."""

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            named = {"name": str(self.name), "problem": problem}
            raise ConfigurationError(_("Event type %(name)r: %(problem)s") % named)

    def _problem(self) -> str:
        if not NAME.fullmatch(self.name):
            return _("its name may have small letters, digits and “_”, at most 50.")
        if self.load is None and self.scan is not None:
            return _("what a scan finds has no record in the outbox: it needs a “load”.")
        unknown = sorted(set(self.params.values()) - FIELDS)
        if unknown:
            return _("an event has no field %(fields)s.") % {"fields": ", ".join(unknown)}
        return ""

    def key(self, rest: object) -> str:
        """The key of one event, such as ``wishlist_add:17``. No personal data."""
        return self.name.key(str(rest))

    @property
    def carries_record(self) -> bool:
        """Does the outbox row hold the event itself?"""
        return self.load is None

    def params_of(self, event: Event) -> Mapping[str, EventValue]:
        """What a destination is told of this event besides the person. Plain values."""
        declared = {name: getattr(event, source) for name, source in self.params.items()}
        return {**declared, **event.params}


_registered: dict[str, EventType] = {}


def register(event_type: EventType) -> EventType:
    """Make a type known. Registering the same declaration again changes nothing.

    :raises ConfigurationError: another type has that name.
    """
    known = _registered.setdefault(event_type.name, event_type)
    if known != event_type:
        text = _("There are two event types of the name %(name)r.")
        raise ConfigurationError(text % {"name": str(event_type.name)})
    return event_type


def unregister(name: EventName) -> None:
    """Take a type back: for tests."""
    _registered.pop(name, None)


def event_types() -> tuple[EventType, ...]:
    """Every type, in the order in which they were registered."""
    return tuple(_registered.values())


def event_type(name: str) -> EventType:
    """The type of this name.

    :raises ConfigurationError: there is none.
    """
    found = _registered.get(name)
    if found is None:
        close = get_close_matches(str(name), _registered, n=1)
        advice = _("Did you mean %(name)r?") % {"name": str(close[0])} if close else ""
        text = _("There is no event type %(name)r.") % {"name": str(name)}
        raise ConfigurationError(f"{text} {advice}".strip())
    return found


def event_keys() -> dict[str, str]:
    """Name → what a destination calls the type, before its option is asked."""
    return {each.name: each.event_key or each.name for each in event_types()}
