"""A product of the shop → what a feed may say of it. Pure; what does not fit is noted.

Lengths are those of Google's product data specification, which eSputnik's feeds follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from esputnik_connector import identity
from esputnik_connector.flaws import Flaw
from esputnik_connector.records import Availability, Category, Product

from .money import rounded
from .problems import Problems, Seen, gtin_is_valid
from .text import plain

KEY_LENGTH = 50
TITLE_LENGTH = 150
DESCRIPTION_LENGTH = 5000
LINK_LENGTH = 2000
MORE_IMAGES = 10
CATEGORY_LENGTH = 750
LENGTHS = {"brand": 70, "gtin": 14, "mpn": 70, "material": 200}
OTHER_LENGTH = 100  # colour, size, custom labels, …
TOO_DEAR = Decimal(10) ** 15  # no price any more, but somebody's mistake
CONDITIONS = ("new", "refurbished", "used")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the merchant wants of a feed."""

    currency: str
    fields: Mapping[str, str] = field(default_factory=dict)  # field of the feed → attribute
    google_categories: Mapping[str, str] = field(default_factory=dict)  # category key → Google's
    brand: str = ""
    requires_brand: bool = True
    only_buyable: bool = False
    is_secure: bool = False  # the shop speaks https


class Fitter:
    """Fits product after product; remembers which keys it has seen."""

    def __init__(self, rules: Rules, problems: Problems) -> None:
        self.rules, self.problems = rules, problems
        self._seen = Seen()
        self._google: dict[str, str] = {}

    def fit(self, product: Product) -> Product | None:
        """The product as the feed shows it; ``None`` if it is left out."""
        why = self._why_not(product)
        if why is not None:
            self.problems.leave_out(product, *why)
            return None
        is_wanted = product.availability is not Availability.OUT_OF_STOCK
        if self.rules.only_buyable and not is_wanted:
            return None
        values = self._values(product)
        price = self._price(product)
        sale = product.sale_price and rounded(product.sale_price, product.currency)
        return Product(
            key=product.key,
            title=self._cut(product, "title", product.title, TITLE_LENGTH),
            url=product.url,
            price=price,
            currency=product.currency,
            availability=product.availability,
            sale_price=sale if sale and sale < price else None,
            description=self._description(product),
            image_urls=self._images(product),
            categories=self._categories(product),
            group_key=product.group_key,
            brand=values.pop("brand", ""),
            gtin=values.pop("gtin", ""),
            mpn=values.pop("mpn", ""),
            google_category=self._google_category(product.categories),
            attributes=values,
        )

    def _why_not(self, product: Product) -> tuple[Flaw, str] | None:
        if not product.title:
            return Flaw.NO_TITLE, ""
        if product.price is None:
            return Flaw.NO_PRICE, ""
        if not product.price.is_finite() or not 0 <= product.price < TOO_DEAR:
            return Flaw.NO_PRICE, str(product.price)
        if product.currency != self.rules.currency:
            return Flaw.OTHER_CURRENCY, product.currency
        if not product.url:
            return Flaw.NO_LINK, ""
        if not product.url.startswith(("https://", "http://")):
            return Flaw.NOT_ABSOLUTE, product.url
        for name, value, limit in (("id", product.key, KEY_LENGTH), ("link", product.url,
                                                                     LINK_LENGTH)):  # fmt: skip
            if len(value) > limit:  # neither means anything once it is cut
                return Flaw.TOO_LONG, f"{name}: {value}"
        if not self._seen.add(product.key):
            return Flaw.DUPLICATE_ID, ""
        return None

    def _price(self, product: Product) -> Decimal:
        price = product.price or Decimal(0)
        shown = rounded(price, product.currency)
        if shown != price:
            self.problems.note(product, Flaw.PRICE_ROUNDED, str(price))
        if not shown:
            self.problems.note(product, Flaw.ZERO_PRICE)
        if self.rules.is_secure and product.url.startswith("http://"):
            self.problems.note(product, Flaw.NOT_HTTPS, product.url)
        return shown

    def _description(self, product: Product) -> str:
        text = plain(product.description)
        if not text:
            self.problems.note(product, Flaw.NO_DESCRIPTION)
        return self._cut(product, "description", text, DESCRIPTION_LENGTH)

    def _images(self, product: Product) -> tuple[str, ...]:
        for name in product.missing_images:
            self.problems.note(product, Flaw.IMAGE_MISSING, name)
        kept = []
        for url in product.image_urls:
            if not url.startswith(("https://", "http://")):
                self.problems.note(product, Flaw.NOT_ABSOLUTE, url)
            elif len(url) > LINK_LENGTH:
                self.problems.note(product, Flaw.TOO_LONG, f"image: {url}")
            else:
                kept.append(url)
        if not kept:
            self.problems.note(product, Flaw.NO_IMAGE)
        elif self.rules.is_secure and any(url.startswith("http://") for url in kept):
            self.problems.note(product, Flaw.NOT_HTTPS, kept[0])
        return tuple(kept[: MORE_IMAGES + 1])

    def _categories(self, product: Product) -> tuple[Category, ...]:
        if not product.categories:
            self.problems.note(product, Flaw.NO_CATEGORY)
        return product.categories

    def _google_category(self, categories: tuple[Category, ...]) -> str:
        """Of the first category that is mapped, itself or by an ancestor; the nearest counts."""
        if not self.rules.google_categories:
            return ""
        for category in categories:
            if category.key not in self._google:
                mapped = map(self.rules.google_categories.get, reversed(category.keys))
                self._google[category.key] = next(filter(None, mapped), "")
            if found := self._google[category.key]:
                return found
        return ""

    def _values(self, product: Product) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, attribute in self.rules.fields.items():
            raw = product.attributes.get(attribute)
            value = identity.one_line(raw) if raw else ""
            if value and (mend := MENDED.get(name)):
                value = mend(self, product, value)
            if value:
                limit = LENGTHS.get(name, OTHER_LENGTH)
                values[name] = self._cut(product, name, value, limit)
        if not values.get("brand") and self.rules.brand:
            values["brand"] = self.rules.brand
        if self.rules.requires_brand and not values.get("brand"):
            self.problems.note(product, Flaw.NO_BRAND)
        return values

    def _gtin(self, product: Product, value: str) -> str:
        digits = value.replace("-", "").replace(" ", "")
        if gtin_is_valid(digits):
            return digits
        self.problems.note(product, Flaw.BAD_GTIN, value)
        return ""

    def _condition(self, _product: Product, value: str) -> str:
        return value.lower() if value.lower() in CONDITIONS else ""

    def _cut(self, product: Product, name: str, value: str, limit: int) -> str:
        if len(value) <= limit:
            return value
        self.problems.note(product, Flaw.TOO_LONG, f"{name}: {len(value)}")
        return identity.cut(value, limit)


MENDED: dict[str, Callable[[Fitter, Product, str], str]] = {
    "gtin": Fitter._gtin,
    "condition": Fitter._condition,
}
