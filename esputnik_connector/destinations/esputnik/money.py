"""Money on its way into JSON: exact to the cent, a float only in the last line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
LARGEST = Decimal(10) ** 13  # up to here a float names every cent exactly


@dataclass(frozen=True, kw_only=True)
class Portion:
    """So many pieces at one price in whole cents."""

    quantity: int
    cost: Decimal


def cents(amount: Decimal) -> Decimal:
    """``amount`` in whole cents, halves away from zero.

    :raises ValueError: it is not a finite amount of a sane size.
    """
    if not amount.is_finite() or abs(amount) > LARGEST:
        raise ValueError(f"{amount} is not an amount of money")
    return amount.quantize(CENT, rounding=ROUND_HALF_UP) + Decimal(0)  # + 0: no "-0.00"


def portions(total: Decimal, quantity: int) -> list[Portion]:
    """A line's total as unit prices in whole cents that add up to it exactly.

    10.00 for 3 is two at 3.33 and one at 3.34; what divides evenly is one portion.
    """
    base, dearer = divmod(int(cents(total) / CENT), quantity)
    split = [
        Portion(quantity=quantity - dearer, cost=base * CENT),
        Portion(quantity=dearer, cost=(base + 1) * CENT),
    ]
    return [portion for portion in split if portion.quantity]


def number(amount: Decimal) -> float:
    """``amount`` as a JSON number; its ``repr`` is the amount to the cent."""
    return float(cents(amount))
