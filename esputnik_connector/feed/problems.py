"""What is wrong with products, counted by reason, with examples that the merchant can follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from esputnik_connector import identity
from esputnik_connector.models.feed_build import SERIOUS, Flaw
from esputnik_connector.records import Product

EXAMPLES = 500  # of each reason; the merchant needs no million rows
LARGEST_BITMAP = 1 << 30  # the highest numeric key held as a bit (128 MiB)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One flaw of one product."""

    product_key: str
    title: str
    url: str
    flaw: Flaw
    detail: str


class Problems:
    """The problems of one build. :attr:`counts` is complete, :attr:`examples` is not."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: list[Problem] = []
        self.flawed = 0  # products
        self.serious = 0  # those of them that are left out, refused or shown wrongly
        self.left_out = 0
        self._last_key = self._last_serious = ""

    def add(self, product: Product, flaw: Flaw, detail: str = "") -> None:
        if product.key != self._last_key:  # all problems of a product come together
            self._last_key = product.key
            self.flawed += 1
        if flaw in SERIOUS and product.key != self._last_serious:
            self._last_serious = product.key
            self.serious += 1
        self.counts[flaw.value] += 1
        if self.counts[flaw.value] <= EXAMPLES:
            title = identity.text(product.title, limit=150)
            self.examples.append(
                Problem(
                    product_key=product.key[:255],
                    title=title,
                    url=product.url[:2000],
                    flaw=flaw,
                    detail=identity.text(detail, limit=300),
                )
            )

    def exclude(self, product: Product, flaw: Flaw, detail: str = "") -> None:
        """The product is left out of the feed because of this flaw."""
        self.add(product, flaw, detail)
        self.left_out += 1
        self.serious += 1


class SeenKeys:
    """Has this key come before? A bit for each numeric key: a million are 125 kB."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._others: set[str] = set()

    def add(self, key: str) -> bool:
        """Remember the key; True when it is new."""
        number = int(key) if key.isascii() and key.isdigit() and len(key) < 11 else -1
        if not 0 <= number < LARGEST_BITMAP or str(number) != key:
            is_new = key not in self._others
            self._others.add(key)
            return is_new
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place - len(self._bits) + 4096))
        is_new = not self._bits[place] & bit
        self._bits[place] |= bit
        return is_new


def gtin_is_valid(value: str) -> bool:
    """Eight, twelve, thirteen or fourteen digits of which the last one is the check digit."""
    if len(value) not in (8, 12, 13, 14) or not (value.isascii() and value.isdigit()):
        return False
    weighted = sum(
        int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(value))
    )
    return weighted % 10 == 0 and int(value) > 0


def differences(counts: dict[str, int], former: dict[str, int]) -> Iterator[tuple[str, int, int]]:
    """(reason, now, before) of every reason that either build has."""
    for reason in sorted({*counts, *former}):
        yield reason, counts.get(reason, 0), former.get(reason, 0)
