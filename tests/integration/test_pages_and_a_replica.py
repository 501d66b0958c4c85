"""A shop whose pages read from a replica that lags: what is told of a visitor is what they did."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client, RequestFactory
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.tracking.record import behaviour, record
from esputnik_connector.tracking.visitor import notes_of
from tests.integration.test_replica import freeze
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, SC, ask, storefront

__all__ = ["freeze"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="copies a database with TEMPLATE"),
    *OSCAR_WARNINGS,
]


@pytest.fixture
def thing():
    made = factories.create_product()
    factories.create_stockrecord(made, price=Decimal("12.50"), num_in_stock=50)
    return made


@pytest.fixture
def visitor():
    client = Client(headers={"user-agent": AGENT})
    client.force_login(factories.UserFactory())
    client.cookies["sc"] = SC
    return client


@pytest.fixture
def basket(visitor, thing):
    made = get_model("basket", "Basket").objects.create(owner=get_user_model().objects.get())
    made.strategy = factories.create_basket(empty=True).strategy
    made.add_product(thing, 1)
    return made


def test_the_cart_is_told_as_the_visitor_just_changed_it(visitor, basket, freeze):
    storefront(routes={"StatusCart": "browser"})
    freeze()
    basket.lines.using("default").update(quantity=3)
    told = ask(visitor).json()["cart"]
    assert [item["quantity"] for item in told["call"][2]["StatusCart"]] == ["3"]
    assert ask(visitor).json()["cart"]["id"] == told["id"]


def test_a_purchase_is_told_although_the_replica_does_not_know_the_order(basket, freeze):
    storefront()
    freeze()
    order = get_model("order", "Order").objects.using("default")
    placed = order.create(
        number="100042", basket=basket, currency="UAH", total_incl_tax=25, total_excl_tax=25,
        shipping_incl_tax=0, shipping_excl_tax=0,
    )  # fmt: skip
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    record(request, behaviour(BehaviourType.PURCHASED_ITEMS, order_number=placed.number))
    assert [call[1] for call in notes_of(request).calls] == ["PurchasedItems"]
