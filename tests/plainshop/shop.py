"""A shop that is not Oscar: three dictionaries. Proves that the pipeline needs nothing of Oscar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

from esputnik_connector.records import Cart, Contact, Order
from esputnik_connector.shops.base import Capture, ShopAdapter

Record = TypeVar("Record")


class PlainShop(ShopAdapter):
    """What the tests put into the dictionaries is what the shop has now."""

    people: ClassVar[dict[str, Contact]] = {}
    purchases: ClassVar[dict[str, Order]] = {}
    baskets: ClassVar[dict[str, Cart]] = {}
    before_reading: ClassVar[Callable[[Sequence[str]], None] | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.people, cls.purchases, cls.baskets, cls.before_reading = {}, {}, {}, None

    def connect(self, capture: Capture) -> None:
        """The tests report changes themselves."""

    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        return self._read(self.people, keys)

    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        return self._read(self.purchases, keys)

    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        return self._read(self.baskets, keys)

    def statuses(self) -> list[str]:
        return ["New", "Done"]

    def attributes(self) -> Mapping[str, str]:
        return {"email": "e-mail"}

    @classmethod
    def _read(cls, table: Mapping[str, Record], keys: Sequence[str]) -> dict[str, Record]:
        if cls.before_reading is not None:
            cls.before_reading(keys)
        return {key: table[key] for key in keys if key in table}
