"""What an adapter may add to :class:`~esputnik_connector.shops.base.ShopAdapter`: one class each.

An adapter names what its shop can do among its base classes::

    class Shop(ShopAdapter, SupportsHistory, SupportsFeed): ...

``isinstance(shop, SupportsFeed)`` tells whether it can; ``SupportsFeed.of(shop)`` takes it, or
raises with :attr:`Capability.missing`, the sentence that a merchant or developer reads instead.
Python refuses to make an adapter that leaves an abstract method of a named capability out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext_lazy as _

from esputnik_connector.exceptions import NotSupportedError
from esputnik_connector.records import Cart, Category, Consent, Kind, Person, Product
from esputnik_connector.shops.canonical import key_of

Supported = TypeVar("Supported", bound="Capability")


class Capability(ABC):
    """A part of an adapter that a shop may leave out."""

    missing: ClassVar[Any]
    """What cannot be done where an adapter leaves it out. Translatable."""

    @classmethod
    def of(cls: type[Supported], shop: object) -> Supported:
        """``shop`` as one that has this capability.

        :raises NotSupportedError: it has not; the text is :attr:`missing`.
        """
        if isinstance(shop, cls):
            return shop
        raise NotSupportedError(str(cls.missing))


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some keys of a long walk, and where the next page begins.

    Only the adapter understands a cursor, so it stays good when the record that it came from is
    deleted. ``""`` says that this page is the last; a page before that may be empty.

    :raises RecordError: a key is neither text nor a whole number nor a UUID.
    """

    keys: tuple[str, ...] = ()
    cursor: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(map(key_of, self.keys)))
        object.__setattr__(self, "cursor", str(self.cursor))


class SupportsCarts(Capability):
    """The shop keeps baskets, and tells the connector when one changes.

    Needed for carts at the destination and its workflows for abandoned ones.
    """

    missing = _("The adapter of this shop knows no carts (SupportsCarts): none can be sent.")

    @abstractmethod
    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        """Present contents, in bulk, as :meth:`ShopAdapter.contacts
        <esputnik_connector.shops.base.ShopAdapter.contacts>`. An anonymous cart has neither
        ``contact_key`` nor ``email``; one that was ordered or merged away has no items."""


class SupportsHistory(Capability):
    """Walking over all customers and orders that the shop ever had.

    Needed for the historical import and for reconciliation.
    """

    missing = _(
        "The adapter of this shop cannot walk over its history (SupportsHistory): nothing can be "
        "imported or reconciled, only changes are sent from now on."
    )

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


class SupportsReconciliation(Capability):
    """Answers that make a nightly reconciliation short and complete.

    Without it, reconciliation builds every record anew, finds no deleted customer and no cart that
    was missed. It walks by :class:`SupportsHistory`, which must be there too.
    """

    missing = _(
        "The adapter of this shop does not support reconciliation in full "
        "(SupportsReconciliation): every record is built anew, deleted customers and missed carts "
        "are not found."
    )

    @abstractmethod
    def versions(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, str]:
        """Key → a text that is another one as soon as the shop holds something else of the record.

        It lets a reconciliation pass over what did not change without building it. A key that is
        left out is built and compared.
        """

    @abstractmethod
    def existing(self, kind: Kind, keys: Sequence[str]) -> Collection[str]:
        """Which of these records the shop still has. A customer who is left out is deleted at the
        destination, once :meth:`contacts` leaves the key out too.

        Of events: those that may come up again, so that it must be remembered that they were told.
        """

    def fresh_carts(self, *, after: str = "", since: datetime, limit: int) -> Page:
        """The next keys of carts that were touched from that moment on. None, unless a shop can
        tell."""
        return Page()


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


class SupportsFeed(Capability):
    """The catalogue, for product feeds. Only :meth:`products` must be written."""

    missing = _("The adapter of this shop has no catalogue (SupportsFeed): no feed can be built.")

    @abstractmethod
    def products(
        self, *, language: str, currency: str, assortment: Assortment | None = None
    ) -> Iterator[Product]:
        """Every public product once, ordered by key, in constant memory and queries per page.

        Never leaves ``language`` active between two products. A product that has no price, or one
        in another currency only, comes as well: the feed leaves it out and says so.

        :param language: a code of ``LANGUAGES``; texts and addresses are in it.
        :param currency: wanted; of a product that has several prices, the one in it is taken.
        """

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


class SupportsStatuses(Capability):
    """The statuses that an order may have, so that the admin proposes a map of all of them."""

    missing = _(
        "The adapter of this shop does not list its order statuses (SupportsStatuses): write those "
        "that need a mapping into the table by hand."
    )

    @abstractmethod
    def statuses(self) -> list[str]:
        """Every order status the shop knows: of its pipeline and of the orders that exist."""


class SupportsContactAttributes(Capability):
    """What a merchant may map to additional fields of a contact."""

    missing = _(
        "The adapter of this shop offers no contact attributes (SupportsContactAttributes): there "
        "is nothing to map to additional fields."
    )

    @abstractmethod
    def attributes(self) -> Mapping[str, str]:
        """Names in :attr:`Contact.attributes <esputnik_connector.records.Contact>` → their
        (translated) labels."""


class SupportsConsent(Capability):
    """Who has said yes to messages, so that a connection can spare everybody else."""

    missing = _(
        "The adapter of this shop does not tell who has consented (SupportsConsent): nobody counts "
        "as having said yes."
    )

    @abstractmethod
    def consents(self, people: Sequence[Person]) -> Mapping[Person, Consent]:
        """Person → their answer as it is now, in bulk: a constant number of queries. Whoever is
        left out was not asked."""


class SupportsCurrencies(Capability):
    """The currencies of orders, so that the doctor can warn of those that reports leave out."""

    missing = _(
        "The adapter of this shop does not tell the currencies of its orders (SupportsCurrencies)."
    )

    @abstractmethod
    def currencies(self) -> Collection[str]:
        """Every currency that orders of this shop are in, ISO 4217."""


class SupportsStaffLinks(Capability):
    """Pages of the shop where its staff edits a product, linked from problems of a feed."""

    missing = _("The adapter of this shop has no pages for staff (SupportsStaffLinks).")

    @abstractmethod
    def product_page_for_staff(self, key: str) -> str:
        """Path of the page where staff edits this product; ``""`` if there is none."""


class SupportsOrderTimes(Capability):
    """When orders were placed, for the page that lays the shop beside the destination."""

    missing = _(
        "The adapter of this shop does not tell when orders were placed (SupportsOrderTimes): the "
        "Overview cannot lay the shop's orders beside those that arrived."
    )

    @abstractmethod
    def placed(self, since: datetime) -> Mapping[str, datetime]:
        """Key → when it was placed, of every order from this moment on. By one query."""


class SupportsFieldOrigins(Capability):
    """Where each value comes from, for the person who reads a preview."""

    missing = _("The adapter of this shop does not tell where values are from.")

    @abstractmethod
    def sources(self, kind: Kind) -> Mapping[str, str]:
        """Field of the record → where in the shop its value comes from, for a person to read."""
