"""Both shops keep the contract of an adapter; and the contract notices an adapter that does not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, override_settings
from django.utils import translation
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Availability, Kind, Product
from esputnik_connector.shops.base import Match, Page
from esputnik_connector.testing import shop_contract
from esputnik_connector.testing.shop_contract import (
    CartsContract,
    FeedContract,
    HistoryContract,
    ReconciliationContract,
    SearchContract,
    ShopContract,
    StatusOrdersContract,
)
from tests.plainshop.adapter import PlainShop
from tests.plainshop.tests import PlainShopTest as PlainShopContract

NUMBERS = count(1)


def with_shop(path: str):
    return override_settings(
        ESPUTNIK_CONNECTOR={**settings.ESPUTNIK_CONNECTOR, "SHOP": path, "SHOP_OPTIONS": {}}
    )


@with_shop("tests.plainshop.adapter.PlainShop")
class TestPlainShop(PlainShopContract):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        PlainShop().connect(capture)


del PlainShopContract  # it would be collected by itself, in a project whose shop is Oscar


class TestOscarShop(
    ShopContract,
    CartsContract,
    HistoryContract,
    ReconciliationContract,
    FeedContract,
    SearchContract,
    StatusOrdersContract,
    TestCase,
):
    def make(self, kind):
        number = next(NUMBERS)
        if kind is Kind.CONTACT:
            return str(self.make_user().pk)
        if kind is Kind.ORDER:
            return factories.create_order(number=f"C-{number}", user=self.make_user()).number
        basket = get_model("basket", "Basket").objects.create(owner=self.make_user())
        basket.strategy = registry.shop().prices.strategy()
        basket.add_product(factories.create_product(price=Decimal(10), num_in_stock=5))
        return str(basket.pk)

    def make_user(self):
        name = f"buyer{next(NUMBERS)}"
        return get_user_model().objects.create_user(name, f"{name}@example.com")

    def change(self, kind, key):
        if kind is Kind.CONTACT:
            user = get_user_model().objects.get(pk=key)
            user.first_name += "Olena"
            user.save()
        elif kind is Kind.ORDER:
            order = get_model("order", "Order").objects.get(number=key)
            order.shipping_method += "Courier"
            order.save()
        else:
            line = get_model("basket", "Line").objects.filter(basket=key).first()
            line.quantity += 1
            line.save()

    def delete(self, kind, key):
        if kind is Kind.ORDER:
            get_model("order", "Order").objects.get(number=key).delete()
        elif kind is Kind.CONTACT:
            get_user_model().objects.get(pk=key).delete()
        else:
            get_model("basket", "Basket").objects.get(pk=key).delete()

    def make_product(self):
        return str(factories.create_product(price=Decimal(10), num_in_stock=5).pk)


# An adapter that does not keep it


class OneByOne(PlainShop):
    def contacts(self, keys):
        return {
            key: one for each in keys for key, one in super(OneByOne, self).contacts([each]).items()
        }


class Forgetful(PlainShop):
    """Answers for what is not there."""

    def orders(self, keys):
        return dict.fromkeys(keys) | super().orders(keys)


class Careless(PlainShop):
    def orders(self, keys):
        found = super().orders(keys)
        return {key: replace(one, total=float(one.total)) for key, one in found.items()}


class Unwashed(PlainShop):
    def contacts(self, keys):
        found = super().contacts(keys)
        return {key: replace(one, phone="050 123 45 67") for key, one in found.items()}


class ByOffset(PlainShop):
    def keys(self, kind, *, after="", limit, newest_first=False, **span):
        found = super().keys(kind, limit=1000, newest_first=newest_first, **span).keys
        start = int(after or 0)
        more = str(start + limit) if start + limit < len(found) else ""
        return Page(keys=found[start : start + limit], cursor=more)


class Miscounting(PlainShop):
    def count(self, kind, **span):
        return super().count(kind, **span) + 1


class Sealed(PlainShop):
    def versions(self, kind, keys):
        return dict.fromkeys(keys, "1")


class Eternal(PlainShop):
    def existing(self, kind, keys):
        return set(keys)


class Wandering(PlainShop):
    def fresh_carts(self, *, after="", since, limit):
        return super().fresh_carts(after=after, since=since - timedelta(days=9), limit=limit)


class Talkative(PlainShop):
    """Answers with everybody, whatever was asked for."""

    def search(self, wanted, *, limit=20):
        return [
            Match(kind=Kind.CONTACT, key=key) for key in super().keys(Kind.CONTACT, limit=99).keys
        ]


class Deaf(PlainShop):
    def search(self, wanted, *, limit=20):
        return []


class Approximate(PlainShop, shop_contract.SupportsStatusOrders):
    """Rounds what it counts, and walks over all orders whatever their status."""

    def count_by_status(self):
        return {"New": 10}

    def keys_by_status(self, status, *, since=None, after="", limit):
        return super().keys(Kind.ORDER, since=since, after=after, limit=limit)


class Blabbing(PlainShop, shop_contract.SupportsFeed):
    """A feed whose language stays active, and whose product comes twice."""

    def products(self, *, language, currency, assortment=None):
        translation.activate(language)
        for key in ("1", "1"):
            yield Product(key=key, title="Cup", url="https://plain.example/1", price=Decimal(1),
                          currency=currency, availability=Availability.IN_STOCK)  # fmt: skip


class WithFeed(FeedContract, StatusOrdersContract):
    def make_product(self):
        return "1"


@pytest.fixture
def contract(db, request):
    """The plain shop's contract, run by hand over another adapter."""
    PlainShop().connect(capture)
    kind = type("Contract", (TestPlainShop, WithFeed), {})

    def run(adapter: type[PlainShop], test: str) -> None:
        with with_shop(f"{__name__}.{adapter.__name__}"):
            getattr(kind(test), test)()

    yield run
    translation.activate(settings.LANGUAGE_CODE)


@pytest.mark.parametrize(
    ("adapter", "test", "words"),
    [
        (OneByOne, "test_contacts_are_read_in_bulk", "read them in bulk"),
        (Forgetful, "test_a_missing_order_is_left_out", "only 'A-"),
        (Careless, "test_orders_are_canonical", "total is of type float"),
        (Unwashed, "test_contacts_are_canonical", "phone is not canonical"),
        (ByOffset, "test_a_walk_bears_what_happens_meanwhile", "not by offset"),
        (Miscounting, "test_a_walk_meets_each_record_once", "counted"),
        (Sealed, "test_a_version_changes_when_the_record_does", "same version"),
        (Eternal, "test_what_exists_is_told_from_what_does_not", "exists"),
        (Wandering, "test_a_cart_that_was_just_changed_is_fresh", "nothing touched"),
        (Talkative, "test_nothing_is_found_by_what_nobody_has", "nobody has"),
        (Talkative, "test_a_search_is_short_and_takes_few_queries", "were asked for"),
        (Approximate, "test_orders_are_counted_and_walked_by_their_status", "'New': 10, 7"),
        (Deaf, "test_a_customer_is_found_by_e_mail_and_by_name", "is not found"),
        (Blabbing, "test_each_product_comes_once", "comes twice"),
        (Blabbing, "test_no_language_leaks_out_of_the_walk", "is active after product 1"),
        (PlainShop, "test_there_is_a_contract_for_each_capability", "SupportsFeed: False"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_contract_notices(contract, adapter, test, words):
    with pytest.raises(AssertionError, match=words):
        contract(adapter, test)


def test_the_contract_notices_a_change_that_is_not_reported(contract, monkeypatch):
    monkeypatch.setattr(capture, "order_changed", lambda *_args, **_kwargs: None)
    monkeypatch.setattr(type(capture), "order_changed", lambda *_args, **_kwargs: None)
    with pytest.raises(AssertionError, match="a new order is not reported"):
        contract(PlainShop, "test_orders_are_noted_in_their_transaction")


def test_pytest_is_not_needed_to_import_the_contract():
    code = (
        "import sys; sys.modules['pytest'] = None; import django; django.setup(); "
        "import esputnik_connector.testing.shop_contract"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
