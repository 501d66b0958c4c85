"""The plug towards the shop: what the connector asks of it, and what it may report."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from urllib.parse import quote, unquote

from esputnik_connector.event_names import PRICE_DROP
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.records import Cart, Category, Contact, Event, Kind, Order, Product


class Capture(Protocol):
    """What an adapter may report. Each call is one guarded insert and never raises.

    ``using`` is the database alias of the change, so that the note commits or rolls back with it.
    """

    def contact_changed(self, key: str, *, using: str | None = None) -> None: ...

    def contact_deleted(
        self, key: str, *, locators: Iterable[str] = (), using: str | None = None
    ) -> None:
        """The person was deleted. ``locators`` (e-mail, E.164 phone) are kept as salted hashes."""

    def order_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_changed(self, key: str, *, using: str | None = None) -> None: ...

    def cart_identified(self, key: str, *, email: str, using: str | None = None) -> None:
        """A guest said who they are: the cart can be sent from now on."""

    def event_happened(self, key: str, *, using: str | None = None) -> None:
        """An event that can be read again by its key, which :meth:`EventName.key` makes: when it is
        sent, the ``load`` of its :class:`~..event_types.EventType` is asked. Connections that do
        not send such events get no row."""

    def event_recorded(self, event: Event, *, using: str | None = None) -> None:
        """An event that only this moment knows, of a type without a ``load``. The whole record is
        kept, encrypted, until it is sent; without a moment of its own it happened now."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some keys of a long walk, and where the next page begins.

    Only the adapter understands a cursor, so it stays good when the record that it came from is
    deleted. ``""`` says that this page is the last; a page before that may be empty.
    """

    keys: tuple[str, ...] = ()
    cursor: str = ""


@dataclass(frozen=True, kw_only=True)
class Assortment:
    """Which products a feed wants, and how much is to be read of each."""

    categories: tuple[str, ...] = ()  # keys; with everything below them. Empty: all
    product_classes: tuple[str, ...] = ()  # keys. Empty: all
    is_one_per_parent: bool = False  # the parent stands for its variations
    attributes: tuple[str, ...] = ()  # names of those that are wanted
    with_offers: bool = True  # read sale prices, where they are sure
    checks_images: bool = True  # ask the storage for each picture, however far away it is
    shop_url: str = ""  # where links begin. Empty: the shop's own address


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


class ShopAdapter(ABC):
    """Read-only access to a shop. One subclass per shop system; a project may subclass further.

    The three reading methods are bulk and take a constant number of queries whatever the keys hold.
    A key that is missing in the answer is no longer in the shop.
    """

    @abstractmethod
    def connect(self, capture: Capture) -> None:
        """Start reporting changes. Called once, when Django is ready."""

    @abstractmethod
    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]: ...

    @abstractmethod
    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]: ...

    @abstractmethod
    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        """Present contents; an anonymous cart has neither ``contact_key`` nor ``email``."""

    @abstractmethod
    def keys(
        self,
        kind: Kind,
        *,
        after: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> Page:
        """The next keys of contacts (guests included) or orders, each once over the whole walk.

        By keyset, never by offset: what is deleted or added meanwhile neither skips nor repeats a
        record that stays.

        :param after: the cursor of the page before, ``""`` for the first.
        :param since, until: registered or placed from the one moment on, and before the other.
        """

    @abstractmethod
    def count(
        self, kind: Kind, *, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """How many keys such a walk yields."""

    def long_walk(self) -> AbstractContextManager[None]:
        """Around reading batch after batch of history, for at most a minute or so.

        Within, what many records share (a product's name and picture) need not be read anew.
        """
        return nullcontext()

    @abstractmethod
    def statuses(self) -> list[str]:
        """Every order status the shop knows: of its pipeline and of the orders that exist."""

    @abstractmethod
    def attributes(self) -> Mapping[str, str]:
        """Names of the contact attributes a field mapping may use → their (translated) labels."""

    def currencies(self) -> Collection[str]:
        """Every currency that orders of this shop are in. None, unless a shop can tell."""
        return ()

    def versions(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, str]:
        """Key → a text that is another one as soon as the shop holds something else of the record.

        It lets a reconciliation pass over what did not change without building it. A key that is
        left out is built and compared; so are all of them, unless a shop knows better.
        """
        return {}

    def existing(self, kind: Kind, keys: Sequence[str]) -> Collection[str]:
        """Which of these records the shop still has. All of them, unless a shop can tell.

        Of events: those that may come up again, so that it must be remembered that they were sent.
        """
        return set(keys)

    def fresh_carts(self, *, after: str = "", since: datetime, limit: int) -> Page:
        """The next keys of carts that were touched from that moment on. None, unless a shop can
        tell."""
        return Page()

    def events(self, keys: Sequence[str]) -> Mapping[str, Event]:
        """Events as they are now: who asked, and how the product stands. None, unless a shop takes
        such requests. Asked for the types whose ``load`` is :func:`~..event_types.from_shop`."""
        return {}

    def answerable(self, *, after: str = "", limit: int) -> Page:
        """Keys of back-in-stock events, for open requests whose product can be bought now: those of
        the next ``limit`` requests."""
        return Page()

    def wished(self, *, after: str = "", limit: int) -> WishedPage:
        """The next products that somebody wishes for, each once over the whole walk, and in the
        same order in every walk."""
        return WishedPage(offers={})

    def wishes(self, product_keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Wished product → who wishes for it, and by which wish: the ``wish`` of a price drop. For
        a person, any text that is the same for all wishes of that person."""
        return {}

    def sources(self, kind: Kind) -> Mapping[str, str]:
        """Field of the record → where in the shop its value comes from, for a person to read."""
        return {}

    def products(
        self, *, language: str, currency: str, assortment: Assortment | None = None
    ) -> Iterator[Product]:
        """Every public product once, ordered by key, in constant memory and queries per page.

        Never leaves ``language`` active between two products. A product that has no price, or one
        in another currency only, comes as well: the feed leaves it out and says so.

        :param language: a code of ``LANGUAGES``; texts and addresses are in it.
        :param currency: wanted; of a product that has several prices, the one in it is taken.
        """
        raise ConfigurationError(f"{type(self).__name__} has no product feed")

    def product_count(self, assortment: Assortment | None = None) -> int | None:
        """How many products :meth:`products` is about to yield; ``None`` if only time will tell."""
        return None

    def categories(self, *, language: str) -> Iterable[Category]:
        """Every public category, parents before their children."""
        return ()

    def product_classes(self) -> Mapping[str, str]:
        """Keys of the kinds of products → their names."""
        return {}

    def product_attributes(self) -> Mapping[str, str]:
        """Names of the product attributes a feed may use → their labels."""
        return {}

    def product_page_for_staff(self, key: str) -> str:
        """Path of the page where staff edits this product; ``""`` if there is none."""
        return ""
