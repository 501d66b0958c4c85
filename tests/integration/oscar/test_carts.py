"""What the connector reads of a cart in an Oscar shop."""

from __future__ import annotations

from decimal import Decimal

import pytest
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Note
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.oscar_rows import (
    OSCAR_WARNINGS,
    cart_of,
    page_of,
    place,
    save_unchecked,
)

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")


def basket_with(*products, owner=None, quantity=1):
    basket = factories.BasketFactory(owner=owner)
    for product in products:
        basket.add_product(product, quantity=quantity)
    return basket


def test_a_cart_is_the_owners_and_priced_by_the_shops_strategy():
    owner = factories.UserFactory(email="ann@example.com")
    factories.UserAddressFactory(user=owner, phone_number="+380501234567")
    product = factories.ProductFactory(title="Book")
    basket = basket_with(product, owner=owner, quantity=3)
    product.stockrecords.update(price=Decimal("7.50"))
    cart = cart_of(basket)
    assert (cart.contact_key, cart.email, cart.phone) == (
        str(owner.pk),
        "ann@example.com",
        "+380501234567",
    )
    assert (cart.currency, cart.is_live) == ("GBP", True)
    (item,) = cart.items
    assert (item.product_key, item.quantity) == (str(product.pk), 3)
    assert (item.name, item.unit_price) == ("Book", Decimal("7.50"))
    assert item.url == page_of(product)


def uk_strategy():
    from oscar.apps.partner.strategy import UK

    return UK()


def us_strategy():
    from oscar.apps.partner.strategy import US

    return US()


@pytest.mark.parametrize(
    ("strategy", "price"), [("uk_strategy", "12.00"), ("us_strategy", "10.00")]
)
def test_a_shop_may_name_its_strategy(strategy, price):
    own = OscarShop({"PRICE_STRATEGY": f"{__name__}.{strategy}"})
    product = factories.ProductFactory(stockrecords__price=Decimal("10.00"))
    key = str(basket_with(product).pk)
    assert own.carts([key])[key].items[0].unit_price == Decimal(price)


def test_an_anonymous_cart_names_nobody():
    cart = cart_of(basket_with(factories.ProductFactory()))
    assert (cart.contact_key, cart.email, cart.phone) == ("", "", "")


def test_an_item_without_a_present_price_keeps_the_price_it_was_put_in_for():
    product = factories.ProductFactory(stockrecords__price=Decimal("9.99"))
    basket = basket_with(product)
    product.stockrecords.update(price=None)
    assert cart_of(basket).items[0].unit_price == Decimal("9.99")


def test_an_item_without_any_price_is_dropped_with_a_note():
    product = factories.ProductFactory()
    basket = basket_with(product)
    product.stockrecords.update(price=None)
    basket.lines.update(price_incl_tax=None, price_excl_tax=None)
    cart = cart_of(basket)
    assert cart.items == ()
    assert cart.notes == (Note.ITEM_DROPPED,)


def test_an_unpublished_product_stays_in_the_cart():
    product = factories.ProductFactory()
    basket = basket_with(product)
    Product.objects.filter(pk=product.pk).update(is_public=False)
    assert len(cart_of(basket).items) == 1


def test_a_variation_in_a_cart_is_named_after_its_parent_when_it_has_no_name():
    parent = factories.ProductFactory(structure="parent", title="Shirt", stockrecords=None)
    child = factories.ProductFactory(
        structure="child", parent=parent, title="", product_class=None, categories=None
    )
    (item,) = cart_of(basket_with(child)).items
    assert (item.product_key, item.name) == (str(child.pk), "Shirt")


@pytest.mark.parametrize("status", ["Submitted", "Merged"])
def test_an_ordered_or_merged_cart_is_closed(status):
    basket = basket_with(factories.ProductFactory())
    save_unchecked(basket, status=status)
    assert cart_of(basket).items == ()


def test_a_frozen_cart_is_live_until_its_order_exists():
    basket = basket_with(factories.ProductFactory())
    basket.freeze()
    assert len(cart_of(basket).items) == 1
    place(basket=basket)
    assert cart_of(basket).items == ()


def test_a_cart_saved_for_later_is_not_live():
    basket = basket_with(factories.ProductFactory())
    save_unchecked(basket, status="Saved")
    cart = cart_of(basket)
    assert not cart.is_live
    assert len(cart.items) == 1


def test_an_item_in_another_currency_is_not_added_up():
    euro = factories.ProductFactory(stockrecords__price_currency="EUR")
    basket = basket_with(factories.ProductFactory())
    line, _ = basket.add_product(factories.ProductFactory())
    line.product.stockrecords.update(price_currency="EUR")
    cart = cart_of(basket)
    assert (cart.currency, len(cart.items)) == ("GBP", 1)
    assert cart.notes == (Note.ITEM_DROPPED,)
    assert cart_of(basket_with(euro)).currency == "EUR"
