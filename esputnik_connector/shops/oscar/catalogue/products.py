"""The whole catalogue as products of a feed, in keyset pages: the same queries for each page.

A page is: the products, the parents of its variations, stock records, pictures, links to
categories, values of the wanted attributes. The tree of categories, classes of products, partners
and names of options are read once. Nothing is held beyond a page. What is deleted meanwhile is
missing from the next page, or from the parts of this one: a product without a price is no error.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db.models import Q
from django.utils import translation
from oscar.apps.catalogue.abstract_models import AbstractProduct
from oscar.core.loading import get_model

from esputnik_connector.identity import one_line
from esputnik_connector.records import Availability, Category, Product
from esputnik_connector.shops.base import Assortment
from esputnik_connector.shops.bulk import (
    among,
    are_columns,
    fetched,
    present,
    text_of,
    with_translations,
)
from esputnik_connector.shops.oscar.catalogue import cards, categories, pictures
from esputnik_connector.shops.oscar.catalogue.offers import SiteOffers, sale_price
from esputnik_connector.shops.oscar.catalogue.pages import Pages
from esputnik_connector.shops.oscar.catalogue.pictures import Pictures, ProductPictures
from esputnik_connector.shops.oscar.catalogue.prices import NO_QUOTE, Prices, Quote, Quoter
from esputnik_connector.shops.oscar.catalogue.product_attributes import Values

PAGE = 1000  # products; larger pages are not faster, only larger
FIELDS = (
    "parent_id",
    "product_class_id",
    "title",
    "slug",
    "description",
    "upc",
    "code",
    "is_discountable",
)


def products(
    assortment: Assortment, prices: Prices, *, language: str, currency: str
) -> Iterator[Product]:
    """Every product that the assortment wants, by primary key."""
    with translation.override(language):
        reader = Reader(assortment, prices.quoter(currency))
    last: Any = None
    while True:
        with translation.override(language), collector_paused():  # never across a yield
            found = reader.page(last)
            records = [record for record in map(found.record, found.products) if record]
            release((*found.products, *found.parents.values()))
        yield from records
        if len(found.products) < PAGE:
            return
        last = found.products[-1].pk


@contextmanager
def collector_paused() -> Iterator[None]:
    """For a page, which holds many objects and leaves no cycle: looking for some takes a third of
    the time. Memory is freed all the same, as soon as nothing refers to it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def release(objects: Iterable[Any]) -> None:
    """Let a page go at once: these and their product refer to each other."""
    for product in objects:
        for name in ("attr", "_prefetched_objects_cache", "_translations_cache"):
            product.__dict__.pop(name, None)


def chosen(assortment: Assortment) -> Any:
    """Public products: sellable ones, or those that have a page of their own."""
    model = get_model("catalogue", "Product")
    kinds = [model.STANDALONE, model.PARENT if assortment.is_one_per_parent else model.CHILD]
    found = model._default_manager.filter(structure__in=kinds, is_public=True).filter(
        Q(parent=None) | Q(parent__is_public=True)
    )
    if assortment.categories:
        through = model.categories.through
        links = through._default_manager.order_by().filter(
            category_id__in=categories.below(assortment.categories)
        )
        inside = links.values("product_id")
        found = found.filter(Q(pk__in=inside) | Q(parent_id__in=inside))
    if assortment.product_classes:
        keys = list(assortment.product_classes)
        found = found.filter(
            Q(product_class__slug__in=keys) | Q(parent__product_class__slug__in=keys)
        )
    return found.order_by("pk")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One page, and all that belongs to it."""

    reader: Reader
    products: Sequence[Any]
    parents: Mapping[Any, Any] = field(default_factory=dict)
    quotes: Mapping[Any, Quote] = field(default_factory=dict)
    images: Mapping[Any, ProductPictures] = field(default_factory=dict)
    categories: Mapping[Any, tuple[Category, ...]] = field(default_factory=dict)
    values: Mapping[Any, Mapping[str, str]] = field(default_factory=dict)
    benefits: Mapping[Any, Any] = field(default_factory=dict)

    def record(self, product: Any) -> Product | None:
        pk, parent_pk = product.pk, product.parent_id  # Django looks for a pk each time
        parent = self.parents.get(parent_pk)
        if parent_pk is not None and parent is None:
            return None  # deleted a moment ago
        quote = self.quotes.get(pk, NO_QUOTE)
        shown = self.images.get(pk) or self.images.get(parent_pk, pictures.NONE)
        return Product(
            key=str(pk),
            title=self._title(product, parent),
            url=self.reader.pages.address(product),
            price=quote.amount,
            currency=quote.currency,
            availability=quote.availability,
            sale_price=self._sale_price(product, parent, quote),
            description=text_of(product, "description") or text_of(parent, "description"),
            image_urls=shown.urls,
            missing_images=shown.missing,
            categories=self.categories.get(pk) or self.categories.get(parent_pk, ()),
            group_key="" if parent_pk is None else str(parent_pk),
            attributes=self._attributes(product, parent, quote),
        )

    def _title(self, product: Any, parent: Any) -> str:
        if self.reader.has_own_titles:
            return one_line(product.get_title())
        return one_line(text_of(product, "title") or text_of(parent, "title"))

    def _sale_price(self, product: Any, parent: Any, quote: Quote) -> Decimal | None:
        if not self.benefits:
            return None
        benefit = self.benefits.get(product.pk)
        can_be_reduced = product.is_discountable and (parent is None or parent.is_discountable)
        if benefit is None or not can_be_reduced or not quote.amount:
            return None
        return sale_price(quote.amount, benefit, quote.currency)

    def _attributes(self, product: Any, parent: Any, quote: Quote) -> dict[str, str]:
        if not self.reader.wanted:
            return {}
        source = parent or product
        known = {
            **self.values.get(product.parent_id, {}),
            **self.values.get(product.pk, {}),
            "product.upc": product.upc or "",
            "product.code": getattr(product, "code", None) or "",
            "product.class": self.reader.class_names.get(source.product_class_id, ""),
            "stock.sku": quote.sku,
            "stock.partner": quote.partner,
        }
        return {name: value for name in self.reader.wanted if (value := known.get(name))}


class Reader:
    """What a whole build needs once, and the queries of a page."""

    def __init__(self, assortment: Assortment, quoter: Quoter) -> None:
        self.assortment, self.wanted = assortment, assortment.attributes
        self.queryset = chosen(assortment)
        self.model = self.queryset.model
        self.has_own_titles = self.model.get_title is not AbstractProduct.get_title
        self.quoter = quoter
        self.classes = {
            one.pk: one
            for one in with_translations(
                get_model("catalogue", "ProductClass")._default_manager.order_by()
            )
        }
        self.class_names = {pk: text_of(one, "name") for pk, one in self.classes.items()}
        self.tree = categories.Tree()
        self.values = Values(assortment.attributes)
        self.offers = SiteOffers() if assortment.with_offers else None
        base = assortment.shop_url.rstrip("/") or cards.shop_url()
        self.pages = Pages(base)
        self.needs_objects = (
            self.quoter.needs_objects
            or self.pages.needs_objects
            or self.has_own_titles
            or not are_columns(self.model, "title", "description", "slug")
        )
        self.pictures = Pictures(base, asks_remote=assortment.checks_images)

    def page(self, last: Any) -> Found:
        queryset = self.queryset if last is None else self.queryset.filter(pk__gt=last)
        found = self._read(queryset[:PAGE])
        parents = self._parents(found)
        pks = [product.pk for product in found]
        both = [*pks, *parents]
        return Found(
            reader=self,
            products=found,
            parents=parents,
            quotes=self._quotes(found),
            images={pk: self.pictures.of(names) for pk, names in cards.image_names(both).items()},
            categories=self.tree.of(both),
            values=self.values.of(both),
            benefits=self.offers.sale_percents(pks) if self.offers else {},
        )

    def _read(self, queryset: Any) -> list[Any]:
        """Whole products; rows with the same names where no product is needed."""
        if self.needs_objects:
            read = list(with_translations(queryset))
            for product in read:
                self._attach(product, "product_class", self.classes.get(product.product_class_id))
            return read
        names = present(self.model, FIELDS)
        return [SimpleNamespace(**row) for row in queryset.values("pk", *names)]

    def _parents(self, found: Sequence[Any]) -> dict[Any, Any]:
        pks = {product.parent_id for product in found} - {None}
        manager = self.model._default_manager.order_by()
        parents: dict[Any, Any] = {}
        for parent in fetched(lambda chunk: self._read(manager.filter(among("pk", chunk))), pks):
            parents[parent.pk] = parent
        for product in found:
            parent = parents.get(product.parent_id)
            if isinstance(product, SimpleNamespace):
                kind = self.classes.get((parent or product).product_class_id)
                product.tracks_stock = bool(kind is None or kind.track_stock)
            else:
                self._attach(product, "parent", parent)
        return parents

    @staticmethod
    def _attach(product: Any, name: str, other: Any) -> None:
        if other is not None:
            product._state.fields_cache[name] = other

    def _quotes(self, found: Sequence[Any]) -> Mapping[Any, Quote]:
        if not self.assortment.is_one_per_parent:
            return self.quoter.quotes([product for product in found if self._is_whole(product)])
        parents = {one.pk: one for one in found}
        children = self._children(parents)
        singles = self.quoter.quotes([one for one in found if one.pk not in children])
        quotes = dict(singles)
        for pk, group in children.items():
            offered = self.quoter.quotes(group)
            quotes[pk] = cheapest(offered.values())
        return quotes

    def _is_whole(self, product: Any) -> bool:
        """Its parent may have been deleted a moment ago; a strategy would stumble over that."""
        if isinstance(product, SimpleNamespace) or product.parent_id is None:
            return True
        return "parent" in product._state.fields_cache

    def _children(self, parents: Mapping[Any, Any]) -> dict[Any, list[Any]]:
        manager = self.model._default_manager.filter(is_public=True).order_by("pk")
        groups: dict[Any, list[Any]] = {}
        for child in fetched(
            lambda chunk: self._read(manager.filter(among("parent_id", chunk))), parents
        ):
            parent = parents[child.parent_id]
            if isinstance(child, SimpleNamespace):
                kind = self.classes.get(parent.product_class_id)
                child.tracks_stock = bool(kind is None or kind.track_stock)
            else:
                self._attach(child, "parent", parent)
            groups.setdefault(child.parent_id, []).append(child)
        return groups


def cheapest(quotes: Iterable[Quote]) -> Quote:
    """What a parent shows: the lowest price of what can be bought, else of what has a price."""
    priced = [quote for quote in quotes if quote.amount is not None]
    buyable = [one for one in priced if one.availability is not Availability.OUT_OF_STOCK]
    return min(buyable or priced, key=lambda one: one.amount or Decimal(0), default=NO_QUOTE)
