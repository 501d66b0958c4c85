"""A shop of three dictionaries, for tests of the pipeline. (A shop of tables is in plainshop.)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, TypeVar

from django.utils import timezone

from esputnik_connector.records import Cart, Contact, Kind, Order, Product
from esputnik_connector.shops.base import (
    Assortment,
    Capture,
    Page,
    ShopAdapter,
    SupportsCarts,
    SupportsContactAttributes,
    SupportsFeed,
    SupportsHistory,
    SupportsOrderTimes,
    SupportsReconciliation,
    SupportsStaffLinks,
    SupportsStatuses,
    SupportsStatusOrders,
)

Record = TypeVar("Record")


class MemoryShop(
    ShopAdapter,
    SupportsCarts,
    SupportsHistory,
    SupportsReconciliation,
    SupportsFeed,
    SupportsStatuses,
    SupportsStatusOrders,
    SupportsContactAttributes,
    SupportsOrderTimes,
    SupportsStaffLinks,
):
    """What the tests put into the dictionaries is what the shop has now."""

    people: ClassVar[dict[str, Contact]] = {}
    purchases: ClassVar[dict[str, Order]] = {}
    baskets: ClassVar[dict[str, Cart]] = {}
    goods: ClassVar[list[Product]] = []
    before_reading: ClassVar[Callable[[Sequence[str]], None] | None] = None

    @classmethod
    def reset(cls) -> None:
        cls.people, cls.purchases, cls.baskets, cls.before_reading = {}, {}, {}, None
        cls.goods = []

    def connect(self, capture: Capture) -> None:
        """The tests report changes themselves."""

    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        return self._read(self.people, keys)

    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        return self._read(self.purchases, keys)

    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        return self._read(self.baskets, keys)

    def keys(
        self,
        kind: Kind,
        *,
        after: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        newest_first: bool = False,
    ) -> Page:
        """The cursor is the last key, padded, so that keys sort as numbers."""
        found = sorted(self._within(kind, since, until), key=_place, reverse=newest_first)
        if after:
            found = [key for key in found if _is_beyond(_place(key), after, newest_first)]
        page = tuple(found[:limit])
        return Page(keys=page, cursor=_place(page[-1]) if len(page) == limit else "")

    def placed(self, since: datetime) -> Mapping[str, datetime]:
        return {key: one.placed_at for key, one in self.purchases.items() if one.placed_at >= since}

    def versions(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, str]:
        """None: every record is built and compared."""
        return {}

    def existing(self, kind: Kind, keys: Sequence[str]) -> Collection[str]:
        table = {Kind.CONTACT: self.people, Kind.ORDER: self.purchases}[kind]
        return {key for key in keys if key in table}

    def fresh_carts(self, *, after: str = "", since: datetime, limit: int) -> Page:
        """All of them: a dictionary knows no moment."""
        return Page(keys=tuple(self.baskets))

    def count(
        self, kind: Kind, *, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        return len(self._within(kind, since, until))

    def products(
        self, *, language: str, currency: str, assortment: Assortment | None = None
    ) -> Iterator[Product]:
        yield from self.goods

    def statuses(self) -> list[str]:
        return ["New", "Done"]

    def count_by_status(self) -> dict[str, int]:
        return dict(Counter(one.status for one in self.purchases.values()))

    def keys_by_status(
        self, status: str, *, since: datetime | None = None, after: str = "", limit: int
    ) -> Page:
        page = self.keys(Kind.ORDER, since=since, after=after, limit=limit)
        keys = tuple(key for key in page.keys if self.purchases[key].status == status)
        return Page(keys=keys, cursor=page.cursor)

    def product_page_for_staff(self, key: str) -> str:
        return ""

    def attributes(self) -> Mapping[str, str]:
        return {"email": "e-mail"}

    def _within(self, kind: Kind, since: datetime | None, until: datetime | None) -> list[str]:
        moments = {
            Kind.CONTACT: {key: one.joined_at for key, one in self.people.items()},
            Kind.ORDER: {key: one.placed_at for key, one in self.purchases.items()},
        }[kind]
        since, until = aware(since), aware(until)
        return [
            key
            for key, moment in moments.items()
            if (not since or (moment and moment >= since))
            and (not until or (moment and moment < until))
        ]

    @classmethod
    def _read(cls, table: Mapping[str, Record], keys: Sequence[str]) -> dict[str, Record]:
        if cls.before_reading is not None:
            cls.before_reading(keys)
        return {key: table[key] for key in keys if key in table}


def aware(moment: datetime | None) -> datetime | None:
    """In a shop with ``USE_TZ = False`` the connector asks with naive moments."""
    is_naive = moment is not None and timezone.is_naive(moment)
    return timezone.make_aware(moment) if is_naive else moment


def _place(key: str) -> str:
    return key.rjust(12)


def _is_beyond(place: str, after: str, newest_first: bool) -> bool:
    return place < after if newest_first else place > after
