"""The present contents of a basket: plain frozen values, as :mod:`.records` has them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .outcomes import Note


@dataclass(frozen=True, kw_only=True, slots=True)
class CartItem:
    product_key: str
    quantity: int
    unit_price: Decimal  # what the customer would pay for one now, tax included
    name: str = ""
    category: str = ""
    url: str = ""
    image_url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cart:
    """The present contents of a basket. A closed cart (ordered, merged) has no items."""

    key: str
    currency: str
    contact_key: str = ""
    email: str = ""
    phone: str = ""
    items: tuple[CartItem, ...] = ()
    is_live: bool = True  # False: saved for later by the shopper
    is_ordered: bool = False  # it became an order, which tells of itself
    held_back: str = ""  # as of a Contact
    notes: tuple[Note, ...] = ()
    guid: str = ""  # of this state; the worker gives it, not the shop

    def __repr__(self) -> str:
        return f"Cart(key={self.key!r})"
