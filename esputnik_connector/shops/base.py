"""The plug towards the shop: what the connector asks of it, and what it may report."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, unquote

from django.core.checks import CheckMessage, Error
from django.db.models import Model
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from esputnik_connector.behaviour import Behaviour, Visitor
from esputnik_connector.event_names import PRICE_DROP
from esputnik_connector.records import Contact, Event, Order
from esputnik_connector.shops.bulk import values_of
from esputnik_connector.shops.capabilities import (
    Assortment,
    Capability,
    Page,
    SupportsCarts,
    SupportsConsent,
    SupportsContactAttributes,
    SupportsCurrencies,
    SupportsFeed,
    SupportsFieldOrigins,
    SupportsHistory,
    SupportsOrderTimes,
    SupportsReconciliation,
    SupportsStaffLinks,
    SupportsStatuses,
)
from esputnik_connector.shops.guests import GuestTraces, SupportsGuests
from esputnik_connector.shops.normalise import Cleaner
from esputnik_connector.shops.pages import SupportsBehaviour
from esputnik_connector.shops.search import (
    Match,
    ShopPage,
    SupportsSearch,
    SupportsShopPages,
    Wanted,
)
from esputnik_connector.shops.status_orders import SupportsStatusOrders

__all__ = [
    "CAPABILITIES",
    "Assortment",
    "Capability",
    "Capture",
    "Cleaner",
    "GuestTraces",
    "Match",
    "Offer",
    "Page",
    "PriceDrop",
    "ShopAdapter",
    "ShopPage",
    "SupportsBehaviour",
    "SupportsCarts",
    "SupportsConsent",
    "SupportsContactAttributes",
    "SupportsCurrencies",
    "SupportsEvents",
    "SupportsFeed",
    "SupportsFieldOrigins",
    "SupportsGuests",
    "SupportsHistory",
    "SupportsOrderTimes",
    "SupportsReconciliation",
    "SupportsSearch",
    "SupportsShopPages",
    "SupportsStaffLinks",
    "SupportsStatusOrders",
    "SupportsStatuses",
    "Wanted",
    "WishedPage",
    "values_of",
]


class Capture(Protocol):
    """What an adapter may report. Each call is one guarded insert and never raises.

    ``using`` is the database alias of the change, so that the note commits or rolls back with it.
    """

    def contact_changed(self, key: str, *, using: str | None = None) -> None: ...

    def contact_deleted(
        self,
        key: str,
        *,
        locators: Iterable[str] = (),
        orders: Iterable[str] = (),
        using: str | None = None,
    ) -> None:
        """The person was deleted. ``locators`` are every e-mail and E.164 phone that the shop has
        of them, in their orders too; ``orders`` the keys of the orders that they leave behind. They
        are kept as salted hashes: report them while the shop still knows."""

    def order_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_identified(self, key: str, *, email: str, using: str | None = None) -> None:
        """A guest said who they are: the cart can be sent from now on."""

    def cart_visited(self, key: str, visitor: Visitor, *, using: str | None = None) -> None:
        """A visitor changed this cart, in a request that knows their cookie and browser: the
        tracker can be told of it from now on. Where it is not, nothing is remembered."""

    def event_happened(self, key: str, *, using: str | None = None) -> None:
        """An event that can be read again by its key, which :meth:`EventName.key` makes: when it is
        sent, the ``load`` of its :class:`~..event_types.EventType` is asked. Connections that do
        not send such events get no row."""

    def event_recorded(self, event: Event, *, using: str | None = None) -> None:
        """An event that only this moment knows, of a type without a ``load``. The whole record is
        kept, encrypted, until it is sent; without a moment of its own it happened now."""

    def behaviour_recorded(self, behaviour: Behaviour, *, using: str | None = None) -> None:
        """What a visitor did, which only this moment knows. The record is kept, encrypted, until it
        is sent; without a moment of its own it happened now. Only connections whose storefront
        has the page, and whose route for the type leads over a worker, get a row."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A sellable unit, and what one costs now. As the shop sells it, before offers to a basket."""

    product_key: str
    is_in_stock: bool  # one can be bought now
    price: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class WishedPage:
    """Some wished products of a long walk, each with what it is sold as: itself, or variations."""

    offers: Mapping[str, Sequence[Offer]]
    cursor: str = ""  # as in :class:`Page`


@dataclass(frozen=True, kw_only=True)
class PriceDrop:
    """A price drop as its key tells it: all that the shop cannot be asked again. No person."""

    wish: str
    day: date
    product_key: str
    price_before: Decimal
    currency: str

    @property
    def key(self) -> str:
        price = f"{self.price_before.normalize():f}"
        parts = (self.wish, self.day.isoformat(), self.product_key, price, self.currency)
        return PRICE_DROP.key(":".join(quote(part, safe="") for part in parts))

    @classmethod
    def from_key(cls, key: str) -> PriceDrop:
        """:raises ValueError: that is no key of a price drop."""
        name, *parts = (unquote(part) for part in key.split(":"))
        if name != PRICE_DROP or len(parts) != 5:
            raise ValueError(f"{key!r} is no key of a price drop")
        wish, day, product_key, price, currency = parts
        if not re.fullmatch(r"[0-9]{1,16}([.][0-9]{1,4})?", price):
            raise ValueError(f"{price!r} is no price")
        return cls(
            wish=wish,
            day=date.fromisoformat(day),
            product_key=product_key,
            price_before=Decimal(price),
            currency=currency,
        )


class SupportsEvents(Capability):
    """Products that people wait for: back in stock, and cheaper than they were."""

    missing = _(
        "The adapter of this shop knows nobody who waits for a product (SupportsEvents): no such "
        "events can be sent."
    )

    @abstractmethod
    def events(self, keys: Sequence[str]) -> Mapping[str, Event]:
        """Events as they are now: who asked, and how the product stands. Asked for the types whose
        ``load`` is :func:`~..event_types.from_shop`."""

    @abstractmethod
    def answerable(self, *, after: str = "", limit: int) -> Page:
        """Keys of back-in-stock events, for open requests whose product can be bought now: those of
        the next ``limit`` requests."""

    @abstractmethod
    def wished(self, *, after: str = "", limit: int) -> WishedPage:
        """The next products that a customer wishes for, each once over the whole walk, and in the
        same order in every walk."""

    @abstractmethod
    def wishes(self, product_keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Wished product → who wishes for it, and by which wish: the ``wish`` of a price drop. For
        a person, any text that is the same for all wishes of that person."""


class ShopAdapter(ABC):
    """Read-only access to a shop. One subclass per shop system; a project may subclass further.

    These three methods are all that live sync needs. What else a shop can do stands in the
    :mod:`~esputnik_connector.shops.capabilities` that a subclass names beside this class.
    """

    option_names: ClassVar[Collection[str]] = ()
    """What the setting ``SHOP_OPTIONS`` may hold for this adapter."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """:param options: ``SHOP_OPTIONS``, not yet checked: :meth:`check` tells what is wrong."""
        self.options: Mapping[str, Any] = dict(options or {})

    def check(self) -> list[CheckMessage]:
        """What is wrong with the options, for ``manage.py check``. A subclass adds its own."""
        unknown = [name for name in self.options if name not in self.option_names]
        return [_unknown_option(self, name) for name in unknown]

    @abstractmethod
    def connect(self, capture: Capture) -> None:
        """Start reporting changes. Called once, when Django is ready."""

    def models(self) -> Collection[type[Model]]:
        """The models whose changes are reported, for the check of the databases."""
        return ()

    @abstractmethod
    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        """Key → customer, in bulk: a constant number of queries, whatever the keys hold. A key that
        is left out is no longer in the shop."""

    def contacts_with(
        self, keys: Sequence[str], attributes: Collection[str]
    ) -> Mapping[str, Contact]:
        """As :meth:`contacts`, for somebody who makes use of these
        :attr:`~esputnik_connector.records.Contact.attributes` alone: others may be left out, where
        it takes a query to find them."""
        return self.contacts(keys)

    @abstractmethod
    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        """Key → order, in bulk, from the order's own snapshot: its customer and products may be
        gone. A shop that takes no orders answers ``{}``."""


CAPABILITIES: tuple[type[Capability], ...] = (
    SupportsCarts,
    SupportsHistory,
    SupportsReconciliation,
    SupportsFeed,
    SupportsEvents,
    SupportsStatuses,
    SupportsStatusOrders,
    SupportsContactAttributes,
    SupportsConsent,
    SupportsGuests,
    SupportsCurrencies,
    SupportsStaffLinks,
    SupportsOrderTimes,
    SupportsFieldOrigins,
    SupportsSearch,
    SupportsShopPages,
    SupportsBehaviour,
)
"""Every part of an adapter that a shop may leave out."""


def _unknown_option(shop: ShopAdapter, name: str) -> CheckMessage:
    near = get_close_matches(str(name), list(shop.option_names), n=1)
    known = ", ".join(shop.option_names) or "–"
    return Error(
        _gettext("SHOP_OPTIONS: %(shop)s has no option %(name)r.")
        % {"shop": type(shop).__name__, "name": name},
        hint=_gettext("Did you mean %(name)r?") % {"name": near[0]}
        if near
        else _gettext("It has: %(known)s.") % {"known": known},
        id="esputnik_connector.E022",
    )
