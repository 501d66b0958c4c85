"""What is sold of a product now, and for how much: the product itself, or its variations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from logging import getLogger
from typing import Any

from django.db import InterfaceError, OperationalError
from oscar.core.loading import get_model

from esputnik_connector.exceptions import without_message
from esputnik_connector.halving import Halving
from esputnik_connector.records import Availability
from esputnik_connector.shops.base import Offer
from esputnik_connector.shops.bulk import among, fetched
from esputnik_connector.shops.oscar.catalogue.prices import NO_QUOTE, Prices, Quote, Quoter

logger = getLogger(__name__)


def offers(product_pks: Iterable[Any], quoter: Quoter) -> dict[Any, tuple[Offer, ...]]:
    """Product pk → what it is sold as, in four queries. What is not public is not sold."""
    groups = _sellable(product_pks)
    units = {unit.pk: unit for group in groups.values() for unit in group}
    quotes = quoter.quotes(list(units.values())) if units else {}
    return {
        pk: tuple(_offer(unit.pk, quotes.get(unit.pk, NO_QUOTE)) for unit in group)
        for pk, group in groups.items()
    }


def sound_offers(product_pks: Iterable[Any], prices: Prices) -> dict[Any, tuple[Offer, ...]]:
    """:func:`offers`, but a product for which the shop's own code raises is logged and left out.

    A strategy that cannot even be made raises: that is no fault of a product.
    """
    pks = list(dict.fromkeys(product_pks))
    return _sound(pks, prices.live_quoter()) if pks else {}


def _sound(pks: Sequence[Any], quoter: Quoter) -> dict[Any, tuple[Offer, ...]]:
    found: dict[Any, tuple[Offer, ...]] = {}
    parts = Halving(pks)
    for part in parts:
        try:
            found |= offers(part, quoter)
        except (OperationalError, InterfaceError):  # the database is away, and for every product
            raise
        except Exception as error:  # whatever the shop's code raises
            if not parts.halve(part):
                logger.error("product %s cannot be priced: %s", part[0], without_message(error))
    return found


def cheapest_in_stock(found: Sequence[Offer]) -> Offer | None:
    """The variation that stands for its parent; one without a price comes last."""
    there = [offer for offer in found if offer.is_in_stock]
    return min(
        there,
        key=lambda offer: (offer.price is None, offer.price or Decimal(0)),
        default=None,
    )


def _sellable(product_pks: Iterable[Any]) -> dict[Any, list[Any]]:
    model = get_model("catalogue", "Product")
    public = model._default_manager.filter(is_public=True).order_by("pk")
    whole = public.select_related("product_class", "parent__product_class")
    groups: dict[Any, list[Any]] = {}
    parents = []
    for product in fetched(lambda chunk: whole.filter(among("pk", chunk)), product_pks):
        if product.structure == model.PARENT:
            parents.append(product.pk)
        elif product.parent_id is None or product.parent.is_public:
            groups[product.pk] = [product]
    for child in fetched(lambda chunk: whole.filter(among("parent_id", chunk)), parents):
        groups.setdefault(child.parent_id, []).append(child)
    return groups


def _offer(pk: Any, quote: Quote) -> Offer:
    is_number = quote.amount is not None and quote.amount.is_finite()  # NaN cannot be compared
    return Offer(
        product_key=str(pk),
        is_in_stock=quote.availability is not Availability.OUT_OF_STOCK,
        price=quote.amount if is_number else None,
        currency=quote.currency,
    )
