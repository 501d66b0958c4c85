"""Oscar's baskets → carts, in nine queries per batch.

A unit price is what the shop's strategy asks now. Offers and vouchers are left out: Oscar applies
them to one basket at a time, with queries for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch
from oscar.core.loading import get_model
from oscar.core.utils import get_default_currency

from esputnik_connector.records import Cart, CartItem, Contact, Note
from esputnik_connector.shops.bulk import fetched, values_of
from esputnik_connector.shops.normalise import Cleaner
from esputnik_connector.shops.oscar.catalogue.cards import NO_CARD, Card, cards
from esputnik_connector.shops.oscar.catalogue.prices import Prices, amount, stock_records
from esputnik_connector.shops.oscar.customers.contacts import named, owners_of

NOBODY = Contact(key="")


def carts(keys: Sequence[str], prices: Prices) -> dict[str, Cart]:
    """Key → cart for the baskets that exist."""
    baskets = _baskets(values_of(get_model("basket", "Basket")._meta.pk, keys))
    owners = owners_of({basket.owner_id for basket in baskets} - {None})
    lines = _lines([basket for basket in baskets if not _is_closed(basket)], prices.strategy())
    shown = cards(line.product_id for group in lines.values() for line in group)
    return {
        str(basket.pk): _cart(basket, owners, lines.get(basket.pk, []), shown) for basket in baskets
    }


def _baskets(pks: Iterable[Any]) -> list[Any]:
    placed = get_model("order", "Order")._base_manager.filter(basket_id=OuterRef("pk"))
    baskets = get_model("basket", "Basket")._base_manager.annotate(is_ordered=Exists(placed))
    return list(fetched(lambda chunk: baskets.filter(pk__in=chunk), pks))


def _is_closed(basket: Any) -> bool:
    """Ordered or merged away. Frozen alone is not enough: a payment may fail and thaw it; and
    django-oscar-api freezes the basket of an order and never submits it."""
    if basket.status == basket.FROZEN:
        return bool(basket.is_ordered)
    return basket.status in (basket.SUBMITTED, basket.MERGED)


def _is_ordered(basket: Any) -> bool:
    return _is_closed(basket) and basket.status != basket.MERGED


def _lines(baskets: Iterable[Any], strategy: Any) -> dict[Any, list[Any]]:
    """Basket pk → lines, ready for a strategy: it finds all it usually asks for in memory."""
    by_pk = {basket.pk: basket for basket in baskets}
    stock = stock_records().select_related("partner")
    lines = (
        get_model("basket", "Line")
        ._base_manager.order_by("date_created", "pk")
        .select_related(
            "stockrecord__partner", "product__product_class", "product__parent__product_class"
        )
        .prefetch_related(Prefetch("product__stockrecords", queryset=stock))
    )
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for line in fetched(lambda chunk: lines.filter(basket_id__in=chunk), by_pk):
        line.basket = by_pk[line.basket_id]
        line.basket.strategy = strategy
        groups[line.basket_id].append(line)
    return dict(groups)


def _cart(
    basket: Any,
    owners: Mapping[Any, Contact],
    lines: Sequence[Any],
    shown: Mapping[Any, Card],
) -> Cart:
    clean = Cleaner()
    owner = owners.get(basket.owner_id, NOBODY)
    prices = {line.pk: _price(line) for line in lines}
    currency = _currency(prices.values())
    items = tuple(
        _item(line, amount, shown.get(line.product_id, NO_CARD), clean)
        for line in lines
        for amount, its_currency in [prices[line.pk]]
        if amount is not None and its_currency == currency and line.quantity > 0
    )
    if len(items) < len(lines):  # no price, another currency, no quantity
        clean.note(Note.ITEM_DROPPED)
    return Cart(
        key=str(basket.pk),
        currency=currency,
        items=items,
        is_live=basket.status != basket.SAVED,
        is_ordered=_is_ordered(basket),
        notes=clean.notes,
        held_back=owner.held_back,
        **named(owner),
    )


def _item(line: Any, amount: Decimal, card: Card, clean: Cleaner) -> CartItem:
    return CartItem(
        product_key=str(line.product_id),
        quantity=line.quantity,
        unit_price=amount,
        name=clean.text(card.name),
        category=clean.text(card.category),
        url=card.url,
        image_url=card.image_url,
    )


def _price(line: Any) -> tuple[Decimal | None, str]:
    """What one costs now, tax included if known; else what it cost when it was put in."""
    price = line.purchase_info.price
    now = amount(price)
    if now is not None:
        return now, price.currency or line.price_currency
    then = line.price_incl_tax if line.price_incl_tax is not None else line.price_excl_tax
    return then, line.price_currency


def _currency(prices: Iterable[tuple[Decimal | None, str]]) -> str:
    """A basket has one currency: that of its first line with a price."""
    known = (currency for amount, currency in prices if amount is not None)
    return next(known, get_default_currency())
