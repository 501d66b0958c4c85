"""What a product costs and whether it can be bought: one function each, for carts and feeds.

Three ways to ask the shop's strategy for many products, by the option ``FEED_PRICES``:

``strategy``
    The default. Whole products, with their stock records in memory, go through the strategy. One
    query per page, unless the strategy asks the database more on its own: then it is slower, and
    right all the same.
``stock_records``
    No product is built and the strategy is not called. Only for a shop whose strategy, products
    and stock records compute nothing of their own (see :func:`is_plain`); otherwise as above.
``one_by_one``
    Each product is read again by itself, and nothing is prepared. For a strategy that does not
    bear prefetched stock records. Some forty times slower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from django.utils.module_loading import import_string
from oscar.apps.catalogue.abstract_models import AbstractProduct
from oscar.apps.partner import strategy as standard
from oscar.apps.partner.abstract_models import AbstractStockRecord
from oscar.core.loading import get_class, get_model

from esputnik_connector.records import Availability
from esputnik_connector.shops.bulk import among, are_columns, attribute, fetched
from esputnik_connector.shops.oscar.options import (
    FEED_PRICES,
    ONE_BY_ONE,
    PRICE_STRATEGY,
    STOCK_RECORDS,
    THROUGH_STRATEGY,
)


class Quote(NamedTuple):
    """What the strategy says of one product."""

    amount: Decimal | None
    currency: str
    availability: Availability
    sku: str = ""
    partner: str = ""


NO_QUOTE = Quote(None, "", Availability.OUT_OF_STOCK)


def stock_records() -> Any:
    """Stock records in the order in which a product's page sees them."""
    record = get_model("partner", "StockRecord")
    return record._default_manager.order_by(*(record._meta.ordering or ["pk"]))


def amount(price: Any) -> Decimal | None:
    """What one costs now: tax included if it is known, else without; ``None`` without a price."""
    paid = price.incl_tax if price.is_tax_known else price.excl_tax
    return None if paid is None else Decimal(paid)


def availability(policy: Any) -> Availability:
    """In stock means: one can be bought now. Without stock that is a back order."""
    if not policy.is_available_to_buy:
        return Availability.OUT_OF_STOCK
    number = getattr(policy, "num_available", None)
    if number is not None and number <= 0:
        return Availability.BACKORDER
    return Availability.IN_STOCK


def quote(info: Any) -> Quote:
    """A ``PurchaseInfo`` as a quote."""
    record = info.stockrecord
    partner = getattr(record, "partner", None)
    return Quote(
        amount(info.price),
        info.price.currency or "",
        availability(info.availability),
        getattr(record, "partner_sku", "") or "",
        getattr(partner, "name", "") or "",
    )


class Quoter(Protocol):
    """Asks for a page of products at a time."""

    needs_objects: bool

    def quotes(self, products: Sequence[Any]) -> Mapping[Any, Quote]:
        """Product pk → quote."""


class Prices:
    """How prices are read in one shop.

    :param options: of the adapter; see :mod:`esputnik_connector.shops.oscar.options`.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.strategy_path = options.get(PRICE_STRATEGY, "")
        self.way = options.get(FEED_PRICES, THROUGH_STRATEGY)

    def strategy(self) -> Any:
        """The shop's strategy for work without a request.

        :raises ImportError: the option ``PRICE_STRATEGY`` leads nowhere.
        """
        if self.strategy_path:
            return import_string(self.strategy_path)()
        return get_class("partner.strategy", "Selector")().strategy()

    def quoter(self, currency: str) -> Quoter:
        """For a feed: in the way that the options choose, as far as this shop allows it."""
        strategy = self.strategy()
        if self.way == ONE_BY_ONE:
            return OneByOne(strategy, currency)
        if self.way == STOCK_RECORDS and is_plain(strategy):
            return FromStockRecords(currency)
        return ThroughStrategy(strategy, currency)

    def live_quoter(self) -> Quoter:
        """As a product's page says it now, in its currency. For a few products, so without the way
        that skips the strategy."""
        kind = OneByOne if self.way == ONE_BY_ONE else ThroughStrategy
        return kind(self.strategy(), "")


# What of Oscar's own strategy decides about price and availability.
DECIDING = ("fetch_for_product", "select_stockrecord", "pricing_policy", "availability_policy")


def is_plain(its_strategy: Any) -> bool:
    """Is Oscar's own default at work, all the way down?"""
    chosen = type(its_strategy)
    return (
        all(getattr(chosen, name, None) is getattr(standard.Default, name) for name in DECIDING)
        and _are_standard_models()
        and _are_standard_policies()
    )


def _are_standard_models() -> bool:
    product, record = get_model("catalogue", "Product"), get_model("partner", "StockRecord")
    return (
        all(
            vars(AbstractStockRecord)[name] is attribute(record, name)
            for name in ("net_stock_level", "can_track_allocations")
        )
        and attribute(product, "get_product_class") is vars(AbstractProduct)["get_product_class"]
        and product.get_absolute_url is AbstractProduct.get_absolute_url
        and product.get_title is AbstractProduct.get_title
        and are_columns(product, "title", "description", "slug")
    )


def _are_standard_policies() -> bool:
    policies = (standard.Available, standard.StockRequiredAvailability, standard.FixedPrice)
    return all(policy.__module__.startswith("oscar.") for policy in policies)


class ThroughStrategy:
    needs_objects = True

    def __init__(self, its_strategy: Any, currency: str) -> None:
        self.strategy, self.currency = its_strategy, currency
        partners = get_model("partner", "Partner")._default_manager.order_by()
        self.partners = {partner.pk: partner for partner in partners}
        self._unread = stock_records()

    def quotes(self, products: Sequence[Any]) -> dict[Any, Quote]:
        records = self._records([product.pk for product in products])
        return {product.pk: self._quote(product, records[product.pk]) for product in products}

    def _records(self, pks: Iterable[Any]) -> defaultdict[Any, list[Any]]:
        groups: defaultdict[Any, list[Any]] = defaultdict(list)
        ordered = stock_records()
        for record in fetched(lambda chunk: ordered.filter(among("product_id", chunk)), pks):
            if record.partner_id in self.partners:  # one that is newer than this build: a query
                record._state.fields_cache["partner"] = self.partners[record.partner_id]
            groups[record.product_id].append(record)
        return groups

    def _quote(self, product: Any, records: Sequence[Any]) -> Quote:
        """As on the product's page; if that is another currency, as in a shop of this one."""
        asked = self._ask(product, records)
        if asked.amount is None or asked.currency == self.currency or not self.currency:
            return asked
        matching = [record for record in records if record.price_currency == self.currency]
        return self._ask(product, matching) if matching else asked

    def _ask(self, product: Any, records: Sequence[Any]) -> Quote:
        known = self._unread._chain()
        known._deferred_filter = False, (), {"product": product}  # if the strategy filters further
        known._result_cache, known._prefetch_done = list(records), True
        for record in records:
            record._state.fields_cache["product"] = product
        cache = product.__dict__.setdefault("_prefetched_objects_cache", {})
        cache["stockrecords"] = known
        found = quote(self.strategy.fetch_for_product(product))
        cache.pop("stockrecords", None)  # a cycle; what else was read ahead stays
        for record in records:
            record._state.fields_cache.pop("product", None)
        return found


class OneByOne:
    needs_objects = True

    def __init__(self, its_strategy: Any, currency: str) -> None:
        self.strategy, self.currency = its_strategy, currency
        self.prepared = ThroughStrategy(its_strategy, currency)
        self.model = get_model("catalogue", "Product")

    def quotes(self, products: Sequence[Any]) -> dict[Any, Quote]:
        found = {}
        for product in products:
            alone = self.model._base_manager.filter(pk=product.pk).first()
            if alone is not None:
                asked = quote(self.strategy.fetch_for_product(alone))
                if self.currency in ("", asked.currency) or asked.amount is None:
                    found[product.pk] = asked
                else:
                    found |= self.prepared.quotes([alone])
        return found


class FromStockRecords:
    needs_objects = False
    FIELDS = (
        "product_id",
        "price_currency",
        "price",
        "num_in_stock",
        "num_allocated",
        "partner_sku",
        "partner_id",
    )

    def __init__(self, currency: str) -> None:
        self.currency = currency
        partners = get_model("partner", "Partner")._default_manager.order_by()
        self.partners = dict(partners.values_list("pk", "name"))

    def quotes(self, products: Sequence[Any]) -> dict[Any, Quote]:
        ordered = stock_records()
        rows: dict[Any, Any] = {}
        matching: dict[Any, Any] = {}
        read = fetched(
            lambda chunk: ordered.filter(among("product_id", chunk)).values_list(*self.FIELDS),
            (product.pk for product in products),
        )
        for row in read:
            rows.setdefault(row[0], row)
            if row[1] == self.currency:
                matching.setdefault(row[0], row)
        return {
            product.pk: self._quote(product, rows[product.pk], matching.get(product.pk))
            for product in products
            if product.pk in rows
        }

    def _quote(self, product: Any, first: Any, matching: Any) -> Quote:
        is_other = first[2] is not None and self.currency not in ("", first[1])
        row = matching if is_other and matching else first
        _pk, currency, price, in_stock, allocated, sku, partner_pk = row
        is_there = not product.tracks_stock or (in_stock or 0) - (allocated or 0) > 0
        return Quote(
            price,
            currency if price is not None else "",
            Availability.IN_STOCK if is_there else Availability.OUT_OF_STOCK,
            sku or "",
            self.partners.get(partner_pk, ""),
        )
