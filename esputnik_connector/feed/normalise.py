"""A product of the shop → what a feed may say of it. Pure; each flaw goes to :class:`Problems`.

Lengths are those of Google's product data specification, which eSputnik's feeds follow:
https://support.google.com/merchants/answer/7052112
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from esputnik_connector import identity
from esputnik_connector.models.feed_build import Flaw
from esputnik_connector.records import Availability, Category, Product

from .problems import Problems, SeenKeys, gtin_is_valid

KEY_LENGTH = 50
TITLE_LENGTH = 150
DESCRIPTION_LENGTH = 5000
LINK_LENGTH = 2000
MORE_IMAGES = 10
CATEGORY_LENGTH = 750
LENGTHS = {"brand": 70, "gtin": 14, "mpn": 70, "material": 200}
OTHER_LENGTH = 100  # colour, size, custom labels, …
LARGEST_PRICE = Decimal(10) ** 15  # more than this is a mistake in the shop's data
SCHEMES = ("https://", "http://")
CONDITIONS = ("new", "refurbished", "used")

# Decimals of a price by ISO 4217; every currency that is not named here has two.
WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
DECIMALS = dict.fromkeys(WITHOUT_DECIMALS.split(), 0) | dict.fromkeys(THREE_DECIMALS.split(), 3)
SMALLEST_COINS = {0: Decimal(1), 2: Decimal("0.01"), 3: Decimal("0.001")}

INVISIBLE = re.compile(r"(?is)<(script|style|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[!?][^<>]*>")
LONGEST_SOURCE = 200_000  # characters looked at; forty times what is kept


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the merchant wants of a feed."""

    currency: str
    fields: Mapping[str, str] = field(default_factory=dict)  # field of the feed → attribute
    uses_google_taxonomy: bool = False  # Google's own categories instead of the shop's
    google_categories: Mapping[str, str] = field(default_factory=dict)  # category key → Google's
    brand: str = ""
    requires_brand: bool = True
    only_buyable: bool = False
    is_secure: bool = False  # the shop speaks https


class Normaliser:
    """Brings product after product into the feed's form; remembers which keys it has seen."""

    def __init__(self, rules: Rules, problems: Problems) -> None:
        self.rules, self.problems = rules, problems
        self._seen = SeenKeys()
        self._google_by_category: dict[str, str] = {}
        self._fields = [
            (name, attribute, CHECKED_VALUES.get(name), LENGTHS.get(name, OTHER_LENGTH))
            for name, attribute in rules.fields.items()
        ]

    def normalised(self, product: Product) -> Product | None:
        """The product as the feed shows it; ``None`` if it is left out."""
        exclusion = self._exclusion(product)
        if exclusion is not None:
            self.problems.exclude(product, *exclusion)
            return None
        is_buyable = product.availability is not Availability.OUT_OF_STOCK
        if self.rules.only_buyable and not is_buyable:
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

    def _exclusion(self, product: Product) -> tuple[Flaw, str] | None:
        """Why the product is left out, with a detail; ``None`` if it stays."""
        if not product.title:
            return Flaw.NO_TITLE, ""
        if product.price is None:
            return Flaw.NO_PRICE, ""
        if not product.price.is_finite() or not 0 <= product.price < LARGEST_PRICE:
            return Flaw.NO_PRICE, str(product.price)
        if product.currency != self.rules.currency:
            return Flaw.OTHER_CURRENCY, product.currency
        if not product.url:
            return Flaw.NO_LINK, ""
        if not product.url.startswith(SCHEMES):
            return Flaw.NOT_ABSOLUTE, product.url
        if len(product.key) > KEY_LENGTH:  # an id or a link that is cut leads nowhere
            return Flaw.TOO_LONG, f"id: {product.key}"
        if len(product.url) > LINK_LENGTH:
            return Flaw.TOO_LONG, f"link: {product.url}"
        if not self._seen.add(product.key):
            return Flaw.DUPLICATE_ID, ""
        return None

    def _price(self, product: Product) -> Decimal:
        price = product.price or Decimal(0)
        shown = rounded(price, product.currency)
        if shown != price:
            self.problems.add(product, Flaw.PRICE_ROUNDED, str(price))
        if not shown:
            self.problems.add(product, Flaw.ZERO_PRICE)
        if self.rules.is_secure and product.url.startswith("http://"):
            self.problems.add(product, Flaw.NOT_HTTPS, product.url)
        return shown

    def _description(self, product: Product) -> str:
        text = plain_text(product.description)
        if not text:
            self.problems.add(product, Flaw.NO_DESCRIPTION)
        return self._cut(product, "description", text, DESCRIPTION_LENGTH)

    def _images(self, product: Product) -> tuple[str, ...]:
        for name in product.missing_images:
            self.problems.add(product, Flaw.IMAGE_MISSING, name)
        kept, is_insecure = [], False
        for url in product.image_urls:
            if not url.startswith(SCHEMES):
                self.problems.add(product, Flaw.NOT_ABSOLUTE, url)
            elif len(url) > LINK_LENGTH:
                self.problems.add(product, Flaw.TOO_LONG, f"image: {url}")
            else:
                kept.append(url)
                is_insecure = is_insecure or url.startswith("http://")
        if not kept:
            self.problems.add(product, Flaw.NO_IMAGE)
        elif self.rules.is_secure and is_insecure:
            self.problems.add(product, Flaw.NOT_HTTPS, kept[0])
        return tuple(kept[: MORE_IMAGES + 1])

    def _categories(self, product: Product) -> tuple[Category, ...]:
        if not product.categories:
            self.problems.add(product, Flaw.NO_CATEGORY)
        return product.categories

    def _google_category(self, categories: tuple[Category, ...]) -> str:
        """The shop's own path, by which eSputnik joins the feed with what visitors looked at
        (esputnik-api.md#feed-category); where the merchant wants Google's taxonomy, that of the
        first category that is mapped, itself or by an ancestor; the nearest counts."""
        if not self.rules.uses_google_taxonomy:
            return identity.cut(categories[0].path, CATEGORY_LENGTH) if categories else ""
        for category in categories:
            if category.key not in self._google_by_category:
                mapped = map(self.rules.google_categories.get, reversed(category.keys))
                self._google_by_category[category.key] = next(filter(None, mapped), "")
            if found := self._google_by_category[category.key]:
                return found
        return ""

    def _values(self, product: Product) -> dict[str, str]:
        values: dict[str, str] = {}
        attributes = product.attributes
        for name, attribute, check, limit in self._fields:
            raw = attributes.get(attribute)
            value = identity.one_line(raw) if raw else ""
            if value and check is not None:
                value = check(self, product, value)
            if value:
                fits = len(value) <= limit  # as nearly all do: ten calls less for each product
                values[name] = value if fits else self._cut(product, name, value, limit)
        if not values.get("brand") and self.rules.brand:
            values["brand"] = self.rules.brand
        if self.rules.requires_brand and not values.get("brand"):
            self.problems.add(product, Flaw.NO_BRAND)
        return values

    def _gtin(self, product: Product, value: str) -> str:
        digits = value.replace("-", "").replace(" ", "")
        if gtin_is_valid(digits):
            return digits
        self.problems.add(product, Flaw.BAD_GTIN, value)
        return ""

    def _condition(self, _product: Product, value: str) -> str:
        return value.lower() if value.lower() in CONDITIONS else ""

    def _cut(self, product: Product, name: str, value: str, limit: int) -> str:
        if len(value) <= limit:
            return value
        self.problems.add(product, Flaw.TOO_LONG, f"{name}: {len(value)}")
        return identity.cut(value, limit)


CHECKED_VALUES: dict[str, Callable[[Normaliser, Product, str], str]] = {
    "gtin": Normaliser._gtin,
    "condition": Normaliser._condition,
}


def rounded(amount: Decimal, currency: str) -> Decimal:
    """``amount`` in whole units of the currency's smallest coin, halves away from zero."""
    return amount.quantize(SMALLEST_COINS[DECIMALS.get(currency, 2)], ROUND_HALF_UP)


def plain_text(value: str) -> str:
    """HTML as text: tags become spaces, entities characters. Markdown is text and stays as it is.

    A ``<`` that opens no tag stays a ``<``.
    """
    value = value[:LONGEST_SOURCE]
    if "<" in value:
        value = TAG.sub(" ", INVISIBLE.sub(" ", value))
    if "&" in value:
        value = html.unescape(value)
    return identity.one_line(value)
