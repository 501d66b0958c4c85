"""A django-oscar shop. Reaches it by ``get_model``, so forked apps work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from oscar.core.loading import get_model

from esputnik_connector.behaviour import Behaviour, ViewedProduct, Visitor
from esputnik_connector.records import (
    Cart,
    Category,
    Consent,
    Contact,
    Event,
    Kind,
    Order,
    Person,
    Product,
)
from esputnik_connector.shops.base import (
    Assortment,
    Capture,
    GuestTraces,
    Match,
    Page,
    ShopAdapter,
    ShopPage,
    SupportsBehaviour,
    SupportsCarts,
    SupportsConsent,
    SupportsContactAttributes,
    SupportsCurrencies,
    SupportsEvents,
    SupportsFeed,
    SupportsFieldOrigins,
    SupportsGuests,
    SupportsHistory,
    SupportsOrderTimes,
    SupportsReconciliation,
    SupportsSearch,
    SupportsShopPages,
    SupportsStaffLinks,
    SupportsStatuses,
    SupportsStatusOrders,
    Wanted,
    WishedPage,
)
from esputnik_connector.shops.bulk import text_of, with_translations
from esputnik_connector.shops.oscar import (
    carts,
    field_origins,
    options,
    orders,
    pages,
    receivers,
    search,
    shop_pages,
)
from esputnik_connector.shops.oscar.catalogue import cards, product_attributes, products
from esputnik_connector.shops.oscar.catalogue.categories import Tree
from esputnik_connector.shops.oscar.catalogue.prices import Prices
from esputnik_connector.shops.oscar.customers import attributes, consents, contacts, traces
from esputnik_connector.shops.oscar.events import events, scan
from esputnik_connector.shops.oscar.sync import guests, paging, versions
from esputnik_connector.shops.pages import PageContext
from esputnik_connector.shops.search import MOST_MATCHES

Shopper = TypeVar("Shopper", Contact, Cart)


class OscarShop(
    ShopAdapter,
    SupportsCarts,
    SupportsHistory,
    SupportsReconciliation,
    SupportsFeed,
    SupportsEvents,
    SupportsStatuses,
    SupportsStatusOrders,
    SupportsContactAttributes,
    SupportsConsent,
    SupportsGuests,
    SupportsCurrencies,
    SupportsOrderTimes,
    SupportsStaffLinks,
    SupportsFieldOrigins,
    SupportsSearch,
    SupportsShopPages,
    SupportsBehaviour,
):
    """Keys: the user's pk, the order's number, the basket's pk; ``guest:`` and the number of their
    first order for a customer who only ever ordered as a guest. An event begins with its name:
    ``back_in_stock:`` and the alert's pk; ``price_drop:`` and what
    :class:`~esputnik_connector.shops.base.PriceDrop` holds.

    A project may subclass it, change what it likes and name its class in ``SHOP``.
    """

    option_names = options.NAMES

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """:param given: ``SHOP_OPTIONS``: see :mod:`~esputnik_connector.shops.oscar.options`."""
        super().__init__(given)
        self.prices = Prices(self.options)

    def check(self) -> list[CheckMessage]:
        return [*super().check(), *options.problems(self.options)]

    def connect(self, capture: Capture) -> None:
        receivers.Receivers(capture).connect()

    def models(self) -> Collection[type[Model]]:
        return receivers.models()

    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        return self._with_staff(contacts.contacts(keys))

    def contacts_with(
        self, keys: Sequence[str], attributes: Collection[str]
    ) -> Mapping[str, Contact]:
        """A subclass that reads contacts in its own way may look at any attribute: it gets all."""
        if type(self).contacts is not OscarShop.contacts:
            return self.contacts(keys)
        return self._with_staff(contacts.contacts(keys, attributes))

    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        return orders.orders(keys)

    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        return self._with_staff(carts.carts(keys, self.prices))

    def _with_staff(self, found: Mapping[str, Shopper]) -> Mapping[str, Shopper]:
        if not self.options.get(options.SEND_STAFF, False):
            return found
        return {key: replace(one, held_back="") for key, one in found.items()}

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
        return paging.page(
            kind, after=after, since=since, until=until, limit=limit, newest_first=newest_first
        )

    def count(
        self, kind: Kind, *, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        return paging.count(kind, since=since, until=until)

    def placed(self, since: datetime) -> Mapping[str, datetime]:
        return paging.placed(since)

    @contextmanager
    def long_walk(self) -> Iterator[None]:
        with cards.cards_kept(), guests.guests_kept():
            yield

    def statuses(self) -> list[str]:
        """Those of the pipeline in its order, also those that are only led to, then those found on
        existing orders alone."""
        model = get_model("order", "Order")
        targets = (status for following in model.pipeline.values() for status in following)
        used = model._base_manager.order_by("status").values_list("status", flat=True).distinct()
        return [status for status in dict.fromkeys([*model.pipeline, *targets, *used]) if status]

    def count_by_status(self) -> Mapping[str, int]:
        return paging.count_by_status()

    def keys_by_status(
        self, status: str, *, since: datetime | None = None, after: str = "", limit: int
    ) -> Page:
        return paging.page_of_status(status, since=since, after=after, limit=limit)

    def attributes(self) -> Mapping[str, str]:
        return attributes.labels()

    def consents(self, people: Sequence[Person]) -> Mapping[Person, Consent]:
        return consents.consents(people, path=self.options.get(options.CONSENT, ""))

    def guest_traces(self, email: str) -> GuestTraces:
        return traces.traces_of_guest(email)

    def currencies(self) -> Collection[str]:
        orders = get_model("order", "Order")._base_manager.order_by("currency")
        return [code for code in orders.values_list("currency", flat=True).distinct() if code]

    def versions(self, kind: Kind, keys: Sequence[str]) -> Mapping[str, str]:
        """Of orders and contacts. A subclass that reads them in its own way has no versions but its
        own."""
        if kind is Kind.ORDER and type(self).orders is OscarShop.orders:
            return versions.order_versions(keys)
        is_plain = type(self).contacts is OscarShop.contacts
        if kind is Kind.CONTACT and is_plain and versions.reads_only_its_row(get_user_model()):
            return versions.contact_versions(keys)
        return {}

    def existing(self, kind: Kind, keys: Sequence[str]) -> Collection[str]:
        return scan.unsettled(keys) if kind is Kind.EVENT else versions.existing(kind, keys)

    def fresh_carts(self, *, after: str = "", since: datetime, limit: int) -> Page:
        return versions.fresh_carts(after=after, since=since, limit=limit)

    def events(self, keys: Sequence[str]) -> Mapping[str, Event]:
        return events.events(keys, self.prices)

    def answerable(self, *, after: str = "", limit: int) -> Page:
        return scan.answerable(prices=self.prices, after=after, limit=limit)

    def wished(self, *, after: str = "", limit: int) -> WishedPage:
        return scan.wished(prices=self.prices, after=after, limit=limit)

    def wishes(self, product_keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        return scan.wishes(product_keys)

    def sources(self, kind: Kind) -> Mapping[str, str]:
        return field_origins.SOURCES.get(kind, {})

    def products(
        self, *, language: str, currency: str, assortment: Assortment | None = None
    ) -> Iterator[Product]:
        wanted = assortment or Assortment()
        return products.products(wanted, self.prices, language=language, currency=currency)

    def product_count(self, assortment: Assortment | None = None) -> int | None:
        return int(products.chosen(assortment or Assortment()).count())

    def categories(self, *, language: str) -> Iterable[Category]:
        with translation.override(language):
            return list(Tree())

    def product_classes(self) -> Mapping[str, str]:
        classes = with_translations(get_model("catalogue", "ProductClass")._default_manager.all())
        named = ((text_of(one, "name"), str(one.slug)) for one in classes)
        return {slug: name for name, slug in sorted(named)}

    def product_attributes(self) -> Mapping[str, str]:
        return product_attributes.labels()

    def search(self, wanted: Wanted, *, limit: int = MOST_MATCHES) -> Sequence[Match]:
        return search.search(wanted, limit)

    def belongings(self, key: str, *, limit: int = MOST_MATCHES) -> Sequence[Match]:
        return search.belongings(key, limit)

    def shop_pages(self) -> Mapping[type[Model], ShopPage]:
        return shop_pages.shop_pages()

    def offer_panels(self) -> None:
        shop_pages.offer_panels()

    def shop_page(self, kind: Kind, key: str) -> str:
        return shop_pages.shop_page(kind, key)

    def product_page_for_staff(self, key: str) -> str:
        try:
            return reverse("dashboard:catalogue-product", kwargs={"pk": key})
        except NoReverseMatch:  # a shop without Oscar's dashboard
            return ""

    def page(self, request: HttpRequest, context: PageContext) -> Behaviour | None:
        return pages.page(request, context)

    def viewed(self, product_keys: Sequence[str]) -> Mapping[str, ViewedProduct]:
        return pages.viewed(product_keys, self.prices)

    def identity(self, request: HttpRequest, *, is_full: bool = False) -> Visitor:
        with_staff = bool(self.options.get(options.SEND_STAFF, False))
        return pages.identity_of(request, is_full=is_full, with_staff=with_staff)

    def cart(self, request: HttpRequest) -> Cart | None:
        key = pages.basket_key(request)
        return self.carts([key]).get(key) if key else None

    def acts(self, request: HttpRequest, response: HttpResponseBase) -> Sequence[Behaviour]:
        return pages.acts(request, response)
