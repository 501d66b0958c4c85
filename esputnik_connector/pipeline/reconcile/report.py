"""How much the shop has of each day, and how much of it eSputnik has just so.

A delivery leaves a digest behind, no amounts. So an order counts as delivered, with the amount the
shop has now, when its payload now is the very payload that was accepted; otherwise it stands among
the differences, with the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.utils import timezone

from esputnik_connector.records import Kind, Order, Reason

from .compare import Comparison, born_at

COLUMNS = (
    "kind",
    "day",
    "currency",
    "shop_count",
    "shop_sum",
    "delivered_count",
    "delivered_sum",
    "differences",
)


@dataclass
class Line:
    """One day of one kind in one currency."""

    kind: Kind
    day: date | None
    currency: str = ""
    shop_count: int = 0
    shop_sum: Decimal = Decimal(0)
    delivered_count: int = 0
    delivered_sum: Decimal = Decimal(0)
    differences: Counter[str] = field(default_factory=Counter)

    @property
    def row(self) -> dict[str, object]:
        """As a row of a CSV file, in the order of :data:`COLUMNS`."""
        differences = ", ".join(f"{name}: {n}" for name, n in sorted(self.differences.items()))
        values = (
            self.kind.value,
            self.day.isoformat() if self.day else "",
            self.currency,
            self.shop_count,
            self._sum(self.shop_sum),
            self.delivered_count,
            self._sum(self.delivered_sum),
            differences,
        )
        return dict(zip(COLUMNS, values, strict=True))

    def _sum(self, amount: Decimal) -> str:
        return str(amount) if self.kind is Kind.ORDER else ""


class Report:
    """Collects comparisons; hand :meth:`add` to a thorough run, which builds every record."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str, str], Line] = {}

    def add(self, kind: Kind, found: Comparison) -> None:
        for key, verdict in found.verdicts.items():
            record = found.records.get(key)
            born = born_at(record) if record is not None else None
            day = timezone.localtime(born).date() if born else None
            currency = record.currency if isinstance(record, Order) else ""
            place = (kind.value, day.isoformat() if day else "", currency)
            line = self._lines.setdefault(place, Line(kind, day, currency))
            amount = record.total if isinstance(record, Order) else Decimal(0)
            line.shop_count += 1
            line.shop_sum += amount
            if verdict == Reason.UNCHANGED.value:
                line.delivered_count += 1
                line.delivered_sum += amount
            else:
                line.differences[verdict] += 1

    @property
    def lines(self) -> list[Line]:
        return [self._lines[place] for place in sorted(self._lines)]
