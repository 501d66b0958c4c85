"""Sale prices that are sure: what one piece costs everybody, whatever else is in the basket.

Oscar applies offers to a basket. Of one product alone the price is sure only while exactly one open
site offer touches it, and that one takes a percentage off every piece without a limit that may run
out. In any other case there is no sale price here: none is ever guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from oscar.core.loading import get_class

from esputnik_connector.shops.bulk import among, fetched
from esputnik_connector.shops.oscar.optional import model_or_none

HUNDRED = Decimal(100)


class SiteOffers:
    """The open offers of the moment this was made. Its queries per page: one per offer."""

    def __init__(self) -> None:
        self._sure: list[Any] = []
        self._unsure: list[Any] = []
        model = model_or_none("offer", "ConditionalOffer")
        applicator = get_class("offer.applicator", "Applicator") if model else None
        self._is_known = bool(applicator and applicator.__module__.startswith("oscar."))
        if self._is_known:
            offers = model.active.filter(offer_type=model.SITE).order_by("pk")
            for offer in offers.select_related("benefit__range", "condition__range"):
                self._sort(offer)

    def sale_percents(self, pks: Sequence[Any]) -> Mapping[Any, Any]:
        """Product pk → the benefit that takes a percentage off its price."""
        if not self._sure:
            return {}
        touched: dict[Any, list[Any]] = {pk: [] for pk in pks}
        for offer in (*self._sure, *self._unsure):
            is_sure = offer in self._sure
            for pk in _members(_ranges(offer), pks):
                touched[pk].append(offer.benefit if is_sure else None)
        return {
            pk: benefits[0]
            for pk, benefits in touched.items()
            if len(benefits) == 1 and benefits[0] is not None
        }

    def _sort(self, offer: Any) -> None:
        benefit, condition = offer.benefit, offer.condition
        if str(benefit.type).startswith("Shipping") or _needs_more_than_one(condition):
            return
        limits = (offer.max_discount, offer.max_global_applications, offer.max_user_applications)
        is_sure = (
            benefit.type == benefit.PERCENTAGE
            and condition.type == condition.COUNT
            and not benefit.proxy_class
            and not condition.proxy_class
            and benefit.range_id is not None
            and benefit.range_id == condition.range_id
            and not benefit.range.proxy_class
            and not any(limits)
        )
        (self._sure if is_sure else self._unsure).append(offer)


def sale_price(price: Decimal, benefit: Any, currency: str) -> Decimal | None:
    """The price less the offer, rounded as Oscar rounds discounts; ``None`` if that is no gain."""
    percent = min(benefit.value, HUNDRED)
    reduced = price - benefit.round(percent / HUNDRED * price, currency)
    return Decimal(reduced) if 0 < reduced < price else None


def _needs_more_than_one(condition: Any) -> bool:
    counted = condition.type in (condition.COUNT, condition.COVERAGE)
    return bool(counted and not condition.proxy_class and (condition.value or 0) > 1)


def _ranges(offer: Any) -> list[Any]:
    ranges = {one.pk: one for one in (offer.benefit.range, offer.condition.range) if one}
    return list(ranges.values())


def _members(ranges: Iterable[Any], pks: Sequence[Any]) -> set[Any]:
    """Those of ``pks`` that are in any of the ranges; all of them, where it cannot be known."""
    found: set[Any] = set()
    ranges = list(ranges)
    if not ranges or any(one.proxy_class for one in ranges):
        return set(pks)
    for one in ranges:
        found.update(_in_range(one, pks))
    return found


def _in_range(one: Any, pks: Sequence[Any]) -> Iterator[Any]:
    products = one.all_products().order_by()
    return fetched(
        lambda chunk: products.filter(among("pk", chunk)).values_list("pk", flat=True), pks
    )
