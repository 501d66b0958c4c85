"""The number of queries per batch: pinned, and the same whatever a batch holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.sites.models import Site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.shops.oscar.adapter import OscarShop

pytestmark = [
    pytest.mark.django_db,
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

CONTACT_QUERIES = 6
ORDER_QUERIES = 10
CART_QUERIES = 9

shop = OscarShop()


@pytest.fixture(autouse=True)
def _warm_site_cache():
    Site.objects.get_current()


def variation(title=""):
    parent = factories.ProductFactory(structure="parent", stockrecords=None)
    get_model("catalogue", "ProductImage").objects.create(product=parent, original="a.jpg")
    return factories.ProductFactory(
        structure="child", parent=parent, title=title, product_class=None, categories=None
    )


def products():
    return [factories.ProductFactory(), variation(), variation("Named")]


def user(addresses=2):
    made = factories.UserFactory()
    for number in range(addresses):
        factories.UserAddressFactory(user=made, line1=f"Street {number}")
    return made


def order(owner, repeat=1, **fields):
    """An order with everything on it."""
    made = factories.OrderFactory(
        user=owner,
        total_incl_tax=Decimal(20),
        total_excl_tax=Decimal(20),
        currency="GBP",
        **fields,
    )
    for product in products() * repeat:
        factories.OrderLineFactory(order=made, product=product)
    made.surcharges.create(name="Night", code="night", incl_tax=1, excl_tax=1)
    factories.OrderDiscountFactory(order=made, category="Shipping", amount=1)
    for name in ("Visa", f"Gift card {made.pk}"):
        source_type, _ = get_model("payment", "SourceType").objects.get_or_create(name=name)
        made.sources.create(source_type=source_type)
    return made


def basket(owner, status="Open", repeat=1):
    made = factories.BasketFactory(owner=owner)
    for product in products() * repeat:
        made.add_product(product)
    type(made).objects.filter(pk=made.pk).update(status=status)
    return made


def queries(read, keys):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        found = read(keys)
    assert len(found) == len(keys)
    return len(captured)


def test_contacts_cost_the_same_for_two_and_for_twelve():
    def made(count):
        people = [user(addresses=number % 4) for number in range(count)]
        for person in people[: max(1, count // 2)]:
            order(person, repeat=2)
        return [str(person.pk) for person in people]

    assert queries(shop.contacts, made(2)) == CONTACT_QUERIES
    assert queries(shop.contacts, made(12)) == CONTACT_QUERIES


def test_orders_cost_the_same_for_two_and_for_twelve():
    def made(count):
        whole = [order(user()) for _ in range(count // 2)]
        guests = [order(None, shipping_address=None) for _ in range(count - count // 2)]
        for line in guests[0].lines.all()[:1]:
            line.product.delete()
        return [made.number for made in (*whole, *guests)]

    assert queries(shop.orders, made(2)) == ORDER_QUERIES
    assert queries(shop.orders, made(12)) == ORDER_QUERIES


def test_carts_cost_the_same_for_two_and_for_twelve():
    statuses = ("Open", "Saved", "Frozen", "Submitted")

    def made(count):
        owners = [user() if number % 2 == 0 else None for number in range(count)]
        baskets = [basket(who, statuses[number % 4]) for number, who in enumerate(owners)]
        return [str(made.pk) for made in baskets]

    assert queries(shop.carts, made(2)) == CART_QUERIES
    assert queries(shop.carts, made(12)) == CART_QUERIES


def test_poor_content_never_costs_more():
    bare_user = factories.UserFactory()
    bare_order = factories.OrderFactory(user=None, shipping_address=None)
    bare_basket = factories.BasketFactory()
    assert queries(shop.contacts, [str(bare_user.pk)]) <= CONTACT_QUERIES
    assert queries(shop.orders, [bare_order.number]) <= ORDER_QUERIES
    assert queries(shop.carts, [str(bare_basket.pk)]) <= CART_QUERIES


def test_more_keys_than_a_database_takes_parameters_are_asked_for_in_parts():
    made = factories.UserFactory()
    keys = [str(number) for number in range(made.pk + 40_000)]
    assert set(shop.contacts(keys)) == {str(made.pk)}
