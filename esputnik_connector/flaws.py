"""What can be wrong with a product in a feed."""

from __future__ import annotations

from enum import Enum


class Flaw(str, Enum):
    """One thing that is wrong with one product."""

    NO_PRICE = "no_price"
    ZERO_PRICE = "zero_price"
    OTHER_CURRENCY = "other_currency"
    PRICE_ROUNDED = "price_rounded"
    NO_TITLE = "no_title"
    NO_LINK = "no_link"
    NO_IMAGE = "no_image"
    IMAGE_MISSING = "image_missing"
    NO_DESCRIPTION = "no_description"
    NO_BRAND = "no_brand"
    NO_CATEGORY = "no_category"
    BAD_GTIN = "bad_gtin"
    DUPLICATE_ID = "duplicate_id"
    TOO_LONG = "too_long"
    NOT_ABSOLUTE = "not_absolute"
    NOT_HTTPS = "not_https"

    @property
    def excludes(self) -> bool:
        """A product with this flaw is left out: a CDP could do nothing right with it."""
        return self in EXCLUDING_FLAWS


EXCLUDING_FLAWS = frozenset(
    {Flaw.NO_PRICE, Flaw.OTHER_CURRENCY, Flaw.NO_TITLE, Flaw.NO_LINK, Flaw.DUPLICATE_ID}
)
