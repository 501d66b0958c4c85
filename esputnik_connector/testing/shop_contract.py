"""What the connector relies on in a shop's adapter, as tests that its author runs.

Subclass :class:`ShopContract` and, for each capability that the adapter names, the class of that
capability, together with ``django.test.TestCase``; write how to make, change and delete a record::

    class MyShopTest(ShopContract, HistoryContract, TestCase):
        def make(self, kind): ...
        def change(self, kind, key): ...
        def delete(self, kind, key): ...

It runs under ``manage.py test`` and under pytest. Needs a database, the settings of the project
with its ``SHOP``, and no destination: nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from django.conf import settings
from django.utils import translation

from esputnik_connector.records import Kind, Product
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import (
    Capability,
    SupportsCarts,
    SupportsFeed,
    SupportsHistory,
    SupportsReconciliation,
    SupportsSearch,
    SupportsStatusOrders,
    Wanted,
)
from esputnik_connector.shops.canonical import canonical

from .shop_assertions import FEW, MANY, PAGE, UNKNOWN, Contract, count_queries


class ShopContract(Contract):
    """What every adapter does."""

    def test_there_is_a_contract_for_each_capability(self) -> None:
        for capability, contract in CONTRACTS.items():
            is_tested, is_there = isinstance(self, contract), isinstance(self.shop, capability)
            assert is_tested == is_there, (
                f"{type(self.shop).__name__} and {capability.__name__}: {is_there}; "
                f"{type(self).__name__} and {contract.__name__}: {is_tested}"
            )

    def test_the_adapter_finds_nothing_wrong_with_its_options(self) -> None:
        assert self.shop.check() == []

    def test_contacts_are_read_in_bulk(self) -> None:
        self.assert_read_in_bulk(Kind.CONTACT, self.shop.contacts)

    def test_orders_are_read_in_bulk(self) -> None:
        self.assert_read_in_bulk(Kind.ORDER, self.shop.orders)

    def test_a_missing_contact_is_left_out(self) -> None:
        self.assert_missing_is_left_out(Kind.CONTACT, self.shop.contacts)

    def test_a_missing_order_is_left_out(self) -> None:
        self.assert_missing_is_left_out(Kind.ORDER, self.shop.orders)

    def test_contacts_are_canonical(self) -> None:
        self.assert_canonical(Kind.CONTACT)

    def test_orders_are_canonical(self) -> None:
        self.assert_canonical(Kind.ORDER)

    def test_contacts_are_noted_in_their_transaction(self) -> None:
        self.assert_noted(Kind.CONTACT)

    def test_orders_are_noted_in_their_transaction(self) -> None:
        self.assert_noted(Kind.ORDER)


class CartsContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsCarts` promises."""

    def test_carts_are_read_in_bulk(self) -> None:
        self.assert_read_in_bulk(Kind.CART, SupportsCarts.of(self.shop).carts)

    def test_a_missing_cart_is_left_out(self) -> None:
        self.assert_missing_is_left_out(Kind.CART, SupportsCarts.of(self.shop).carts)

    def test_carts_are_canonical(self) -> None:
        self.assert_canonical(Kind.CART)

    def test_carts_are_noted_in_their_transaction(self) -> None:
        self.assert_noted(Kind.CART)


class HistoryContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsHistory` promises."""

    def test_a_walk_meets_each_record_once(self) -> None:
        for kind in (Kind.CONTACT, Kind.ORDER):
            keys = self.several(kind, MANY)
            for newest_first in (False, True):
                met = [key for page in self._walk(kind, newest_first) for key in page]
                assert len(met) == len(set(met)), f"a walk over {kind.value}s repeats keys"
                assert set(keys) <= set(met), f"a walk over {kind.value}s leaves keys out"
                count = SupportsHistory.of(self.shop).count(kind)
                assert count == len(met), f"{kind.value}s: counted {count}, met {len(met)}"

    def test_a_walk_bears_what_happens_meanwhile(self) -> None:
        for kind in (Kind.CONTACT, Kind.ORDER):
            for newest_first in (False, True):
                keys, met = self.several(kind, MANY), list[str]()
                for page in self._walk(kind, newest_first):
                    met += page
                    for key in {page[0], page[-1]} & set(keys) if len(met) <= PAGE else ():
                        keys.remove(key)
                        self.delete(kind, key)
                        self.make(kind)
                assert all(met.count(key) == 1 for key in keys), (
                    f"{kind.value}s that stay are skipped or repeated when others come and go "
                    "during a walk: page by key, not by offset"
                )

    def test_a_range_of_time_leaves_out_what_is_not_in_it(self) -> None:
        later = datetime.now(timezone.utc) + timedelta(days=400)
        since = later if settings.USE_TZ else later.replace(tzinfo=None)
        shop = SupportsHistory.of(self.shop)
        for kind in (Kind.CONTACT, Kind.ORDER):
            key = self.make(kind)
            assert shop.count(kind, since=since) == 0, f"{kind.value}s of the future"
            assert key not in shop.keys(kind, since=since, limit=PAGE).keys
            everything = [key for page in self._walk(kind, until=since) for key in page]
            assert key in everything, f"a {kind.value} of today is not before {since}"

    def _walk(self, kind: Kind, newest_first: bool = False, **span: Any) -> Iterator[Sequence[str]]:
        shop, cursor = SupportsHistory.of(self.shop), ""
        while True:
            page = shop.keys(kind, after=cursor, limit=PAGE, newest_first=newest_first, **span)
            if page.keys:
                yield page.keys
            if not (cursor := page.cursor):
                return


class ReconciliationContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsReconciliation` promises."""

    def test_a_version_changes_when_the_record_does(self) -> None:
        for kind in self._kinds():
            changed, other = self.several(kind, 2)
            before = reading.versions(self.shop, kind, [changed, other])
            assert reading.versions(self.shop, kind, [changed, other]) == before, (
                f"a version of a {kind.value} changes by itself"
            )
            self.change(kind, changed)
            after = reading.versions(self.shop, kind, [changed, other])
            if changed in before:
                assert after[changed] != before[changed], f"{kind.value} {changed}: same version"
            assert after.get(other) == before.get(other), f"{kind.value} {other}: other version"

    def test_what_exists_is_told_from_what_does_not(self) -> None:
        for kind in self._kinds():
            kept, deleted = self.several(kind, 2)
            self.delete(kind, deleted)
            found = reading.existing(self.shop, kind, [kept, deleted, UNKNOWN])
            assert found == {kept}, f"of {kind.value}s only {kept!r} exists, not {found}"

    def test_a_cart_that_was_just_changed_is_fresh(self) -> None:
        shop = SupportsReconciliation.of(self.shop)
        if Kind.CART not in self._kinds():
            return
        key = self.make(Kind.CART)
        hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
        since = hour_ago if settings.USE_TZ else hour_ago.replace(tzinfo=None)
        assert key in shop.fresh_carts(since=since, limit=1000).keys, "a new cart is not fresh"
        later = shop.fresh_carts(since=since + timedelta(days=1), limit=1000)
        assert key not in later.keys, "a cart is fresh that nothing touched since"

    def _kinds(self) -> list[Kind]:
        has_carts = isinstance(self.shop, SupportsCarts)
        return [Kind.CONTACT, Kind.ORDER, *([Kind.CART] if has_carts else [])]


class FeedContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsFeed` promises."""

    currency = "UAH"
    """In which :meth:`make_product` gives a price."""

    def make_product(self) -> str:
        """Make a product that everybody may buy. :returns: its key."""
        raise NotImplementedError

    def test_each_product_comes_once(self) -> None:
        keys = [self.make_product() for _ in range(MANY)]
        met = [product.key for product in self._products(settings.LANGUAGE_CODE)]
        assert len(met) == len(set(met)), "a product comes twice"
        assert set(keys) <= set(met), f"products are left out: {set(keys) - set(met)}"
        count = SupportsFeed.of(self.shop).product_count()
        assert count in (None, len(met)), f"counted {count} products, met {len(met)}"

    def test_products_are_canonical(self) -> None:
        self.make_product()
        for product in self._products(settings.LANGUAGE_CODE):
            same = canonical(f"product {product.key}", product, Product)
            assert same is product, f"product {product.key} is changed: see canonical values"

    def test_no_language_leaks_out_of_the_walk(self) -> None:
        for _ in range(2):
            self.make_product()
        present = translation.get_language()
        for language, _name in settings.LANGUAGES:
            for product in self._products(language):
                active = translation.get_language()
                assert active == present, f"{language} is active after product {product.key}"

    def _products(self, language: str) -> Iterator[Product]:
        return SupportsFeed.of(self.shop).products(language=language, currency=self.currency)


class SearchContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsSearch` promises."""

    def test_a_customer_is_found_by_e_mail_and_by_name(self) -> None:
        self.several(Kind.CONTACT, FEW)
        key = self.make(Kind.CONTACT)
        record = reading.records(self.shop, Kind.CONTACT, [key])[0][key]
        for wanted in _wanted(record):
            met = [each.key for each in SupportsSearch.of(self.shop).search(wanted)]
            assert key in met, f"contact {key} is not found, although it has what is wanted"

    def test_a_search_is_short_and_takes_few_queries(self) -> None:
        name = ("a",)
        self.several(Kind.CONTACT, FEW)
        few = count_queries(lambda: SupportsSearch.of(self.shop).search(Wanted(name=name)))
        self.several(Kind.CONTACT, MANY)
        many = count_queries(lambda: SupportsSearch.of(self.shop).search(Wanted(name=name)))
        assert few == many, f"a search cost {few} queries, among more records {many}"
        met = SupportsSearch.of(self.shop).search(Wanted(name=name), limit=PAGE)
        assert len(met) <= PAGE, f"{len(met)} matches, although {PAGE} were asked for"

    def test_an_order_belongs_to_its_customer(self) -> None:
        key = self.make(Kind.ORDER)
        order = reading.records(self.shop, Kind.ORDER, [key])[0][key]
        owner = getattr(order, "contact_key", "")
        mine = SupportsSearch.of(self.shop).belongings(owner)
        assert not mine or key in [each.key for each in mine], f"order {key} is not {owner}'s"

    def test_nothing_is_found_by_what_nobody_has(self) -> None:
        self.make(Kind.CONTACT)
        for wanted in (Wanted(email="nobody@nowhere.example"), Wanted(name=("%",))):
            met = SupportsSearch.of(self.shop).search(wanted)
            assert not met, f"{len(met)} matches of what nobody has"


class StatusOrdersContract(Contract):
    """What :class:`~esputnik_connector.shops.base.SupportsStatusOrders` promises."""

    def test_orders_are_counted_and_walked_by_their_status(self) -> None:
        keys = self.several(Kind.ORDER, MANY)
        found = reading.records(self.shop, Kind.ORDER, keys)[0]
        shop = SupportsStatusOrders.of(self.shop)
        counts = shop.count_by_status()
        for status in {getattr(found[key], "status", "") for key in keys}:
            mine = {key for key in keys if getattr(found[key], "status", "") == status}
            page = shop.keys_by_status(status, limit=PAGE)
            met = list(page.keys)
            while page.cursor:
                page = shop.keys_by_status(status, after=page.cursor, limit=PAGE)
                met += page.keys
            assert len(met) == len(set(met)), f"an order comes twice among those of {status!r}"
            assert mine <= set(met), f"{status!r} is left out of: {mine - set(met)}"
            assert counts.get(status) == len(met), f"{status!r}: {counts.get(status)}, {len(met)}"
        assert count_queries(shop.count_by_status) == 1, "to count the orders costs queries"


def _wanted(record: Any) -> Iterator[Wanted]:
    """What support would type to find this contact."""
    if record.email:
        yield Wanted(email=record.email)
        yield Wanted(email=record.email.upper())
    if record.first_name:
        yield Wanted(name=(record.first_name.lower(),))


CONTRACTS: Mapping[type[Capability], type[Contract]] = {
    SupportsCarts: CartsContract,
    SupportsHistory: HistoryContract,
    SupportsReconciliation: ReconciliationContract,
    SupportsFeed: FeedContract,
    SupportsSearch: SearchContract,
    SupportsStatusOrders: StatusOrdersContract,
}
"""The capabilities that have a contract of their own."""
