"""Money on its way into JSON: whole cents, a float only in the last line."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

LARGEST = Decimal(10) ** 13  # up to here a float names every cent exactly


class Portion(NamedTuple):
    """So many pieces at one price."""

    quantity: int
    cost: int  # in cents


@lru_cache(maxsize=1024)  # zeros, prices and what delivery costs: a batch holds few, many times
def cents(amount: Decimal) -> int:
    """``amount`` in whole cents, halves away from zero.

    :raises ValueError: it is not a finite amount of a sane size.
    """
    if not amount.is_finite() or abs(amount) > LARGEST:
        raise ValueError(f"{amount} is not an amount of money")
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def portions(total: int, quantity: int) -> list[Portion]:
    """A line's total as unit prices that add up to it exactly, all in cents.

    10.00 for 3 is two at 3.33 and one at 3.34; what divides evenly is one portion.
    """
    base, dearer = divmod(total, quantity)
    split = (Portion(quantity - dearer, base), Portion(dearer, base + 1))
    return [portion for portion in split if portion.quantity]


def number(amount: Decimal) -> float:
    """``amount`` as a JSON number; its ``repr`` is the amount to the cent."""
    return units(cents(amount))


def adjusted(amount: object) -> int:
    """Cents of an amount that stands in a payload already, as a number or a text."""
    return cents(Decimal(str(amount)))


def units(amount: int) -> float:
    """Cents as a JSON number of whole units."""
    return amount / 100
