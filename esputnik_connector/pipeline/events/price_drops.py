"""Find which wished products got cheaper: whose price fell far enough since people were last told?

First the events of a drop are enqueued, page by page, and with them the day; only when all of them
are there is the lower price remembered. A scan that breaks off in between is repeated by later
ones, today's or next week's: they find the same keys by that day, and they are one event each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from logging import getLogger

from django.db import router, transaction
from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.event_types import ScanRun
from esputnik_connector.models import WatchedPrice
from esputnik_connector.models.price import CURRENCY_LENGTH, HIGHEST_PRICE, KEY_LENGTH, PRICE_STEP
from esputnik_connector.records import Event
from esputnik_connector.shops.base import Offer, PriceDrop, SupportsEvents, WishedPage
from esputnik_connector.shops.bulk import among

from .enqueue import CHUNK, PAGE

logger = getLogger(__name__)

FORGOTTEN_AFTER = timedelta(days=3)  # without a scan: no customer is told of what fell meanwhile
TOUCHED_AFTER = timedelta(days=1)  # so that a price that stays costs no write per scan

Unit = tuple[str, str]  # key of a product and currency: another currency is another price


def is_drop(before: Decimal | None, price: Decimal | None) -> bool:
    """Is the price by ``PRICE_DROP_PERCENT`` lower? One of zero is taken for a mistake."""
    if before is None or price is None or price <= 0:
        return False
    return price * 100 <= before * (100 - conf.PRICE_DROP_PERCENT)


def is_still_cheaper(event: Event) -> bool:
    """Does the product of a price drop cost that much less in the moment of sending, too?"""
    return is_drop(event.price_before, event.price)


def scan_price_drops(run: ScanRun) -> int:
    """How many events were enqueued. None in a shop that knows no customer who waits."""
    return PriceDropScan(run, run.shop).find() if isinstance(run.shop, SupportsEvents) else 0


class PriceDropScan:
    """One scan over all wished products."""

    def __init__(self, run: ScanRun, shop: SupportsEvents) -> None:
        self.run = run
        self.shop = shop
        self.now = run.now
        self.today = timezone.localdate(run.now) if timezone.is_aware(run.now) else run.now.date()
        self._fallen: dict[Unit, WatchedPrice] = {}
        self._reached: set[tuple[str, str]] = set()  # person, key of the sellable unit

    def find(self) -> int:
        """Enqueue what is found; how many events that were."""
        count, after = 0, ""
        while True:
            page = self.shop.wished(after=after, limit=PAGE)
            count += self._look_at(page)
            if not (after := page.cursor):
                break
        self._remember(self._fallen.values())
        return count

    def _look_at(self, page: WishedPage) -> int:
        groups = {product: _priced(offers) for product, offers in page.offers.items()}
        units = {unit_of(offer): offer for group in groups.values() for offer in group}
        known = self._known(units)
        self._remember(
            price
            for unit, offer in units.items()
            if (price := self._changed(offer, known.get(unit))) is not None
        )
        drops = {
            product: drop
            for product, group in groups.items()
            if (drop := self._drop(group, known)) is not None
        }
        wishes = self.shop.wishes(list(drops)) if drops else {}
        keys = [
            replace(drop, wish=wish).key
            for product, drop in drops.items()
            for person, wish in wishes.get(product, {}).items()
            if self._is_first(person, drop)
        ]
        fallen = [price for unit, price in known.items() if unit in self._fallen]
        if not (keys or fallen):
            return 0
        with transaction.atomic(using=router.db_for_write(WatchedPrice)):
            if not self.run.is_dry:
                WatchedPrice.objects.mark_noted(fallen, self.today)
            return self.run.enqueue(keys)

    def _is_first(self, person: str, drop: PriceDrop) -> bool:
        """A customer may wish for a product and for its variation, perhaps pages apart. Products
        come in the same order in every scan, so it is always the same wish that is answered."""
        pair = person, drop.product_key
        is_first = pair not in self._reached
        self._reached.add(pair)
        return is_first

    def _known(self, units: Mapping[Unit, Offer]) -> dict[Unit, WatchedPrice]:
        fresh = WatchedPrice.objects.filter(seen_at__gte=self.now - FORGOTTEN_AFTER)
        keys = list({key for key, _currency in units})
        return {
            (price.product_key, price.currency): price
            for start in range(0, len(keys), CHUNK)
            for price in fresh.filter(among("product_key", keys[start : start + CHUNK]))
        }

    def _changed(self, offer: Offer, known: WatchedPrice | None) -> WatchedPrice | None:
        """What is to be remembered without an event; ``None`` if nothing is new."""
        price = offer.price or Decimal(0)
        if known is None:
            return self._watched(offer, price)
        if known.noted_on and not is_drop(known.price, price):  # enqueued before, and over
            fresh = self._watched(offer, price)
            fresh.announced_on = known.noted_on
            return fresh
        if price > known.price or known.seen_at < self.now - TOUCHED_AFTER:
            fresh = self._watched(offer, max(price, known.price))
            fresh.announced_on, fresh.noted_on = known.announced_on, known.noted_on
            return fresh
        return None

    def _drop(self, group: Sequence[Offer], known: Mapping[Unit, WatchedPrice]) -> PriceDrop | None:
        """The drop of which those who wish for this product are told, once a day: of several
        variations that fell, the cheapest. The others count as told too."""
        before = {offer: known[unit_of(offer)] for offer in group if unit_of(offer) in known}
        if any(price.announced_on == self.today for price in before.values()):
            return None
        fallen = [
            offer
            for offer, price in before.items()
            if offer.is_in_stock and is_drop(price.price, offer.price)
        ]
        for offer in fallen:
            self._fallen[unit_of(offer)] = self._watched(offer, offer.price or Decimal(0))
            self._fallen[unit_of(offer)].announced_on = self.today
        if not fallen:
            return None
        cheapest = min(fallen, key=lambda offer: offer.price or Decimal(0))
        return PriceDrop(
            wish="",
            day=before[cheapest].noted_on or self.today,
            product_key=cheapest.product_key,
            price_before=before[cheapest].price,
            currency=cheapest.currency,
        )

    def _watched(self, offer: Offer, price: Decimal) -> WatchedPrice:
        return WatchedPrice(
            product_key=offer.product_key, currency=offer.currency, price=price, seen_at=self.now
        )

    def _remember(self, prices: Iterable[WatchedPrice]) -> None:
        if not self.run.is_dry:
            WatchedPrice.objects.remember(list(prices))


def unit_of(offer: Offer) -> Unit:
    return offer.product_key, offer.currency


def _priced(offers: Iterable[Offer]) -> list[Offer]:
    """Those with a price, in steps that the memory has. A price of zero is taken for none."""
    step = Decimal(PRICE_STEP)
    return [
        replace(offer, price=offer.price.quantize(step))
        for offer in offers
        if offer.price is not None and _has_room(offer, offer.price) and offer.price > 0
    ]


def _has_room(offer: Offer, price: Decimal) -> bool:
    """One odd product must not stop the scan for all others."""
    has_room = (
        price.is_finite()
        and price <= HIGHEST_PRICE
        and len(offer.product_key) <= KEY_LENGTH
        and len(offer.currency) <= CURRENCY_LENGTH
    )
    if not has_room:
        logger.warning("the price of product %s cannot be remembered", offer.product_key)
    return has_room
