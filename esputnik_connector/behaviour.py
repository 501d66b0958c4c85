"""What a visitor of the shop's site does, and by which way a platform may hear of it.

Plain frozen values, as in :mod:`~esputnik_connector.records`. Which ways are possible for which
type is eSputnik's to say (esputnik-api.md#web-tracking, esputnik-api.md#behaviour-events).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import NAMESPACE_URL, uuid4, uuid5

from django.utils.translation import gettext as _

from .carts import CartItem

PURCHASES = uuid5(NAMESPACE_URL, "urn:esputnik-connector:purchase")


class BehaviourType(str, Enum):
    """What a visitor did; in the words of eSputnik's script and of its tracker."""

    PAGE_VIEW = "PageView"
    MAIN_PAGE = "MainPage"
    PRODUCT_PAGE = "ProductPage"
    CATEGORY_PAGE = "CategoryPage"
    SEARCH_REQUEST = "SearchRequest"
    STATUS_CART = "StatusCart"
    STATUS_CART_PAGE = "StatusCartPage"
    PURCHASED_ITEMS = "PurchasedItems"
    ADD_TO_WISHLIST = "AddToWishlist"
    NOT_FOUND = "NotFound"
    CUSTOMER_DATA = "CustomerData"
    PRODUCT_IMPRESSIONS = "ProductImpressions"
    PRODUCT_UPDATE = "ProductUpdate"  # no visitor: price and stock between two reads of the feed

    def new_key(self) -> str:
        """The key of one thing that happened: ``ProductPage:<uuid>``. No personal data."""
        return f"{self.value}:{uuid4()}"

    def key(self, rest: str) -> str:
        """The key of what may be told twice and happened once, such as a purchase."""
        return f"{self.value}:{rest}"

    @classmethod
    def of(cls, key: str) -> BehaviourType:
        """The type that a key begins with.

        :raises ValueError: there is no such type.
        """
        return cls(key.partition(":")[0])


class Route(str, Enum):
    """By which way a type of behaviour travels. Never by two: it would count twice."""

    OFF = "off"
    BROWSER = "browser"  # eSputnik's script, in the visitor's own browser
    TRACKER = "tracker"  # the tracker's HTTP interface, from a worker
    EVENT = "event"  # an event of the account, from a worker; for people the shop can name


VIEWS = frozenset(
    {
        BehaviourType.PAGE_VIEW,
        BehaviourType.MAIN_PAGE,
        BehaviourType.PRODUCT_PAGE,
        BehaviourType.CATEGORY_PAGE,
        BehaviourType.SEARCH_REQUEST,
        BehaviourType.STATUS_CART_PAGE,
        BehaviourType.NOT_FOUND,
        BehaviourType.PRODUCT_IMPRESSIONS,
    }
)
"""What a visitor only looked at: no transaction of the shop carries it, and no session."""

OFF, BROWSER, TRACKER, EVENT = Route
_T = BehaviourType

ALLOWED_ROUTES: Mapping[BehaviourType, frozenset[Route]] = {
    _T.PAGE_VIEW: frozenset({OFF, BROWSER, EVENT}),
    _T.MAIN_PAGE: frozenset({OFF, BROWSER}),
    _T.PRODUCT_PAGE: frozenset(Route),
    _T.CATEGORY_PAGE: frozenset(Route),
    _T.SEARCH_REQUEST: frozenset(Route),
    _T.STATUS_CART: frozenset(Route),
    _T.STATUS_CART_PAGE: frozenset({OFF, BROWSER}),
    _T.PURCHASED_ITEMS: frozenset({OFF, BROWSER, TRACKER}),
    _T.ADD_TO_WISHLIST: frozenset(Route),
    _T.NOT_FOUND: frozenset({OFF, BROWSER}),
    _T.CUSTOMER_DATA: frozenset({OFF, BROWSER, TRACKER}),
    _T.PRODUCT_IMPRESSIONS: frozenset(Route),
    _T.PRODUCT_UPDATE: frozenset({OFF, TRACKER}),
}
"""The ways that eSputnik has for a type."""

DEFAULT_ROUTES: Mapping[BehaviourType, Route] = {
    **dict.fromkeys(BehaviourType, BROWSER),
    _T.STATUS_CART: EVENT,  # the cart sync, which needs nothing of the site
    _T.PRODUCT_UPDATE: OFF,
}
"""The way of a type for which the merchant chose none."""


def why_impossible(behaviour_type: BehaviourType, route: Route) -> str:
    """Why eSputnik has no such way for this type, in a sentence for the merchant; ``""`` if it
    has."""
    if route in ALLOWED_ROUTES[behaviour_type]:
        return ""
    if behaviour_type is _T.PRODUCT_UPDATE:
        return _("A change of price or stock is no visitor's doing: only the tracker takes it.")
    if route is TRACKER:
        return _("Only eSputnik's script in the browser can tell this: the tracker cannot.")
    if behaviour_type is _T.PURCHASED_ITEMS:
        return _("There is no such event: the order itself tells eSputnik of the purchase.")
    if behaviour_type is _T.CUSTOMER_DATA:
        return _("It joins a browser with a contact, and an event knows of no browser.")
    return _("eSputnik has no event of the account for this; only its script can tell it.")


def drawback(behaviour_type: BehaviourType, route: Route) -> str:
    """What the merchant gives up with this way, in a sentence; ``""`` if nothing."""
    if route in (OFF, BROWSER) or behaviour_type is _T.PRODUCT_UPDATE:
        return ""
    if behaviour_type is _T.STATUS_CART:
        return _("eSputnik recommends nothing by the cart: for that its script must tell of it.")
    if route is EVENT:
        return _("Only visitors whom the shop can name are told of; nobody else has a contact.")
    return _("Recommendations on the site need eSputnik's script; messages do not.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who was there, as far as only a request knows. Personal data."""

    cookie: str = ""  # the value of eSputnik's cookie ``sc``, or one of our own for this visitor
    user_agent: str = ""
    page_url: str = ""  # absolute
    language: str = ""  # RFC 5646
    contact_key: str = ""  # "" for somebody who has not logged in
    email: str = ""  # canonical
    phone: str = ""  # E.164 with the plus
    name: str = ""

    def __repr__(self) -> str:
        return f"Visitor(contact_key={self.contact_key!r})"

    @property
    def is_named(self) -> bool:
        """Does the shop know who it is?"""
        return bool(self.contact_key or self.email or self.phone)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewedProduct:
    """A sellable unit as the visitor saw it: the variation chosen, not its parent."""

    product_key: str
    price: Decimal | None = None  # what one costs, tax included, after the offers that are sure
    currency: str = ""
    is_in_stock: bool = False  # one can be bought now
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name without ``tag_``


@dataclass(frozen=True, kw_only=True, slots=True)
class Impression:
    """A product that was shown in a recommendation block."""

    product_key: str
    container: str  # as eSputnik names the block and its variant: ``1253_r963v1317``


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """One thing that a visitor did, at a time. Which fields mean something, the type says."""

    type: BehaviourType
    key: str  # ``<type>:<uuid>``
    happened_at: datetime | None = None  # None: now
    visitor: Visitor = field(default_factory=Visitor)
    product: ViewedProduct | None = None
    category_key: str = ""  # the category's full path, as the feed has it: "Shoes > Sneakers"
    search: str = ""
    is_found: bool = False
    items: tuple[CartItem, ...] = ()
    currency: str = ""  # of the items
    guid: str = ""  # of the state of the cart
    order_number: str = ""
    cart_key: str = ""  # which the order was: by it the worker finds the last GUID
    location: str = ""  # which page it was, of a PageView: "MainPage", "/delivery/"
    impressions: tuple[Impression, ...] = ()

    def __repr__(self) -> str:
        return f"Behaviour(key={self.key!r})"

    @property
    def contact_key(self) -> str:
        """Whom it concerns, in the words of other records."""
        return self.visitor.contact_key

    @property
    def email(self) -> str:
        return self.visitor.email

    @property
    def phone(self) -> str:
        return self.visitor.phone


def purchase_id(order_number: str) -> str:
    """The one id of a purchase, however often and by whomever it is told: ``TrackedOrderId``."""
    return str(uuid5(PURCHASES, order_number))


def purchase_key(order_number: str) -> str:
    """The one key of a purchase: a page that is loaded again adds nothing."""
    return _T.PURCHASED_ITEMS.key(purchase_id(order_number))
