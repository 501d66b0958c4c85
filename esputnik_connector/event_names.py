"""How events are named, and what their parameters may be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Union


class EventName(str):
    """The name of an event type, such as ``back_in_stock``: the first part of its events' keys."""

    __slots__ = ()

    def key(self, rest: str) -> str:
        """The key of one event: ``back_in_stock:17``. It stands in logs: no personal data."""
        return f"{self}:{rest}"

    def rest(self, key: str) -> str:
        """What :meth:`key` was made of."""
        return key.removeprefix(f"{self}:")

    def is_of(self, key: str) -> bool:
        """Is this the key of such an event?"""
        return key.startswith(f"{self}:")

    @classmethod
    def of(cls, key: str) -> EventName:
        """The name that a key begins with; whether there is such a type is another question."""
        return cls(key.partition(":")[0])


BACK_IN_STOCK = EventName("back_in_stock")
PRICE_DROP = EventName("price_drop")

EventValue = Union[
    None,
    bool,
    int,
    float,
    str,
    Decimal,
    datetime,
    "tuple[EventValue, ...]",
    "Mapping[str, EventValue]",
]
"""What a parameter of an event may be. A :class:`~decimal.Decimal` is money, to the cent; a moment
is aware."""
