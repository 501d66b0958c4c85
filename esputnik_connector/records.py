"""The words of the connector: what a shop has, and what became of it at a destination.

Plain frozen values. Money is :class:`~decimal.Decimal` with the currency of its record; time is
aware; a phone is E.164 (``+380501234567``); ``""`` means "no text", ``None`` "unknown".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Union

from .behaviour import Behaviour
from .carts import Cart, CartItem
from .event_names import EventName, EventValue
from .outcomes import Note, Outcome, Reason

__all__ = [
    "Address",
    "AttributeValue",
    "Availability",
    "Behaviour",
    "Cart",
    "CartItem",
    "Category",
    "Consent",
    "Contact",
    "Erasure",
    "Event",
    "JSONObject",
    "JSONValue",
    "Kind",
    "Note",
    "Order",
    "OrderDeletion",
    "OrderItem",
    "Outcome",
    "Person",
    "Product",
    "Reason",
    "Record",
    "Subscription",
]

JSONValue = Union[None, bool, int, float, str, "list[JSONValue]", "dict[str, JSONValue]"]
JSONObject = dict[str, JSONValue]


class Kind(str, Enum):
    """What an outbox row, a lane and an envelope are about."""

    CONTACT = "contact"
    ORDER = "order"
    CART = "cart"
    EVENT = "event"
    SUBSCRIPTION = "subscribe"
    ERASURE = "erasure"
    BEHAVIOUR = "behaviour"


class Consent(str, Enum):
    """What a person answered when they were asked for permission to write to them."""

    YES = "yes"
    NO = "no"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whom a record is about, as far as consent goes: a customer, or a guest by address alone."""

    contact_key: str = ""  # "" for a guest
    email: str = ""
    phone: str = ""  # E.164 with the plus

    def __repr__(self) -> str:
        return f"Person(contact_key={self.contact_key!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A postal address in the four parts that eSputnik has, plus the country."""

    region: str = ""
    town: str = ""
    line: str = ""
    postcode: str = ""
    country: str = ""  # ISO 3166-1 alpha-2

    @property
    def one_line(self) -> str:
        parts = (self.line, self.town, self.region, self.postcode, self.country)
        return ", ".join(part for part in parts if part)


AttributeValue = Union[str, int, Decimal, datetime, "tuple[str, ...]", None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """A person the shop can name."""

    key: str
    email: str = ""
    phone: str = ""  # E.164 with the plus
    first_name: str = ""
    last_name: str = ""
    language: str = ""  # RFC 5646
    address: Address = field(default_factory=Address)
    joined_at: datetime | None = None
    is_guest: bool = False  # known from orders alone: the key is the shop's, no customer's id
    held_back: str = ""  # why the shop does not want this person sent; RECORD_HOOK may clear it
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Contact(key={self.key!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderItem:
    """One line of an order, from the order's own snapshot."""

    product_key: str  # the sellable unit: a variation, not its parent
    quantity: int
    total: Decimal  # what the customer paid for the line: after discounts, tax included
    name: str = ""
    category: str = ""  # full path: "Clothes > Shirts"
    url: str = ""  # absolute
    image_url: str = ""  # absolute


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A purchase. ``total`` is what the customer paid, all included."""

    key: str  # the order number
    placed_at: datetime
    status: str
    currency: str
    total: Decimal
    shipping: Decimal = Decimal(0)  # after its discounts, tax included
    surcharges: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)  # all discounts together, for information
    taxes: Decimal | None = None
    contact_key: str = ""  # "" for a guest
    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    delivery_method: str = ""
    payment_method: str = ""
    address: Address = field(default_factory=Address)
    items: tuple[OrderItem, ...] = ()
    cart_key: str = ""
    cart_guid: str = ""  # of the last state that was told; the worker gives it, not the shop
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Order(key={self.key!r})"


class Availability(str, Enum):
    """Can a product be bought? In the words of product feeds."""

    IN_STOCK = "in_stock"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDER = "backorder"  # can be ordered although none is there
    PREORDER = "preorder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Category:
    """A category with all its ancestors, topmost first."""

    keys: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.keys[-1]

    @property
    def path(self) -> str:
        return " > ".join(self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """A sellable unit: a variation, not its parent. As the shop shows it in one language."""

    key: str
    title: str
    url: str  # absolute
    price: Decimal | None  # what a customer pays for one, tax included if known; before offers
    currency: str
    availability: Availability
    sale_price: Decimal | None = None  # after the offers that are sure to apply
    description: str = ""  # as the shop keeps it: may hold HTML
    image_urls: tuple[str, ...] = ()  # absolute, the main one first
    missing_images: tuple[str, ...] = ()  # names of pictures that the storage does not have
    categories: tuple[Category, ...] = ()
    group_key: str = ""  # the parent of a variation
    brand: str = ""
    gtin: str = ""
    mpn: str = ""
    google_category: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Product(key={self.key!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened and concerns one person.

    Which of the product's fields mean something, and what a destination is told, the
    :class:`~esputnik_connector.event_types.EventType` of this ``name`` says. What it has no field
    for stands in ``params``.
    """

    key: str  # begins with the name
    name: EventName
    contact_key: str = ""  # "" for a guest
    email: str = ""
    phone: str = ""
    is_wanted: bool = True  # False: the person took the request back, or never confirmed it
    asked_at: datetime | None = None
    happened_at: datetime | None = None
    product_key: str = ""  # the sellable unit: a variation, not its parent
    is_in_stock: bool = False  # one can be bought now
    price: Decimal | None = None  # what a customer pays for one now, tax included if known
    price_before: Decimal | None = None  # of a price drop, in the same currency
    currency: str = ""
    product_name: str = ""
    url: str = ""  # absolute
    image_url: str = ""  # absolute
    params: Mapping[str, EventValue] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Event(key={self.key!r})"

    @property
    def currency_code(self) -> str:
        """The currency as ISO 4217 spells it."""
        return self.currency.strip().upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """The shop deleted this person.

    ``remote_id`` is what the destination called them when it last took them, and ``emails`` all by
    which the shop knew them: whoever is known there from an order alone has no other name.
    """

    key: str
    remote_id: str = ""
    emails: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Erasure(key={self.key!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderDeletion:
    """The shop deleted an order of which the destination was told."""

    key: str  # the order number


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """Somebody filled in a form of the shop and asked to be written to. Nobody need be known to the
    shop for it, and nobody is created in the shop by it."""

    key: str  # the form type and a UUID
    email: str = ""
    phone: str = ""  # E.164 with the plus
    contact_key: str = ""  # of a customer who gave their own address
    first_name: str = ""
    last_name: str = ""
    language: str = ""  # RFC 5646
    form_type: str = ""  # which form it was; the platform may start something of its own for each
    groups: tuple[str, ...] = ()  # segments of the account, by name
    categories: tuple[str, ...] = ()  # subscription categories of the account, by key
    is_confirmed: bool = False  # the shop knows that the address is the person's: its own link
    asked_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Subscription(key={self.key!r})"


Record = Contact | Order | OrderDeletion | Cart | Event | Erasure | Subscription | Behaviour
