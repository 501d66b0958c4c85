"""What the connector reads of an order in an Oscar shop."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import translation
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Address, Note
from tests.oscar_rows import (
    MAY,
    OSCAR_WARNINGS,
    SHOP,
    lines_of,
    order_of,
    page_of,
    place,
    root,
    save_unchecked,
)

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")


def test_an_order_is_what_the_customer_paid():
    user = factories.UserFactory(email="ann@example.com")
    order = place(
        user,
        shipping_address=factories.ShippingAddressFactory(
            phone_number="+442083661177", first_name="Ann", last_name="Lee", state="Kent"
        ),
        shipping_method="Courier",
        shipping_incl_tax=Decimal("4.95"),
        status="Pending",
    )
    line = factories.OrderLineFactory(
        order=order,
        quantity=2,
        title="Книга 📚",
        line_price_incl_tax=Decimal("20.00"),
        line_price_before_discounts_incl_tax=Decimal("23.00"),
    )
    record = order_of(order)
    assert record.key == order.number
    assert record.placed_at == MAY
    assert (record.status, record.currency) == ("Pending", "GBP")
    assert (record.total, record.taxes) == (Decimal("24.95"), Decimal("4.95"))
    assert (record.shipping, record.discount) == (Decimal("4.95"), Decimal("3.00"))
    assert record.contact_key == str(user.pk)
    assert (record.email, record.phone) == ("ann@example.com", "+442083661177")
    assert (record.first_name, record.last_name) == ("Ann", "Lee")
    assert record.delivery_method == "Courier"
    assert record.address == Address(
        region="Kent", town="City", line="Streetname, 1a", postcode="1000 AA", country="GB"
    )
    assert record.cart_key == str(order.basket_id)
    (item,) = record.items
    assert item.product_key == str(line.product_id)
    assert (item.name, item.quantity, item.total) == ("Книга 📚", 2, Decimal("20.00"))
    assert item.url == page_of(line.product)
    assert record.notes == ()


def test_a_guest_order_never_gets_the_key_of_an_account_with_its_email():
    factories.UserFactory(email="guest@example.com")
    record = order_of(place(guest_email="guest@example.com"))
    assert (record.contact_key, record.email) == ("", "guest@example.com")


def test_an_order_survives_the_loss_of_all_around_it():
    user = factories.UserFactory()
    order = place(user, site_id=None)
    (line,) = lines_of(order, factories.ProductFactory(), title="As it was called")
    user.delete()
    line.stockrecord.delete()
    Product.objects.get(pk=line.product_id).delete()
    order.basket.delete()
    order.shipping_address.delete()
    order.billing_address.delete()
    record = order_of(order)
    assert (record.contact_key, record.cart_key, record.email, record.phone) == ("", "", "", "")
    assert record.address == Address()
    (item,) = record.items
    assert item.name == "As it was called"
    assert item.product_key == f"sku-{line.partner_sku}"
    assert (item.category, item.url, item.image_url) == ("", "", "")
    assert record.notes == ()


@pytest.mark.parametrize(
    ("sku", "upc", "key"),
    [("17", "4820", "sku-17"), ("", "4820", "upc-4820"), ("", None, "line-{pk}")],
)
def test_the_line_of_a_deleted_product_keeps_a_steady_key(sku, upc, key):
    order = place()
    (line,) = lines_of(order, factories.ProductFactory())
    save_unchecked(line, product=None, partner_sku=sku, upc=upc)
    assert order_of(order).items[0].product_key == key.format(pk=line.pk)


def test_a_free_order_has_a_total_of_zero():
    record = order_of(place(total_incl_tax=Decimal(0), total_excl_tax=Decimal(0)))
    assert (record.total, record.taxes) == (Decimal(0), Decimal(0))


def test_all_discounts_and_surcharges_are_summed():
    order = place()
    product = factories.ProductFactory()
    for before in ("12.00", "15.50"):
        factories.OrderLineFactory(
            order=order,
            product=product,
            line_price_incl_tax=Decimal("10.00"),
            line_price_before_discounts_incl_tax=Decimal(before),
        )
    for category, amount in (("Basket", 5), ("Basket", 2), ("Shipping", 3), ("Deferred", 0)):
        factories.OrderDiscountFactory(order=order, category=category, amount=Decimal(amount))
    for name in ("Card", "Night"):
        order.surcharges.create(name=name, code=name, incl_tax=Decimal("1.10"), excl_tax=1)
    record = order_of(order)
    assert record.discount == Decimal("10.50")
    assert record.surcharges == Decimal("2.20")


def test_a_variation_is_sold_under_its_own_key_with_what_it_borrows_from_its_parent():
    parent = factories.ProductFactory(
        structure="parent", title="Shirt", categories=None, stockrecords=None
    )
    ProductCategory.objects.create(
        product=parent, category=root("Clothes").add_child(name="Shirts")
    )
    ProductImage.objects.create(product=parent, original="second.jpg", display_order=1)
    ProductImage.objects.create(product=parent, original="images/перша.jpg", display_order=0)
    child = factories.ProductFactory(
        structure="child", parent=parent, title="", slug="shirt", product_class=None,
        categories=None,
    )  # fmt: skip
    order = place()
    lines_of(order, child, title="Shirt, blue")
    (item,) = order_of(order).items
    assert item.product_key == str(child.pk)
    assert item.name == "Shirt, blue"
    assert item.category == "Clothes > Shirts"
    assert item.url == page_of(child)
    assert item.image_url.startswith("https://shop.example/")
    assert item.image_url.endswith("/images/%D0%BF%D0%B5%D1%80%D1%88%D0%B0.jpg")


def test_a_hidden_category_is_not_named():
    product = factories.ProductFactory(categories=None)
    hidden = root("Secret", is_public=False).add_child(name="Inner")
    ProductCategory.objects.create(product=product, category=hidden)
    ProductCategory.objects.create(product=product, category=root("Shown"))
    order = place()
    lines_of(order, product)
    assert order_of(order).items[0].category == "Shown"


def widen_line_titles():
    """What a shop does that forks Oscar for longer names. SQLite does not mind the length."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE order_line ALTER COLUMN title TYPE text")


def test_a_long_name_is_cut_and_control_characters_are_removed():
    widen_line_titles()
    order = place()
    (line,) = lines_of(order, factories.ProductFactory())
    save_unchecked(line, title="\x07\x1b" + "n" * 299 + "👍🏽")
    record = order_of(order)
    assert record.items[0].name == "n" * 255
    assert record.notes == (Note.TEXT_CUT,)


def test_a_line_without_quantity_is_dropped_with_a_note():
    order = place()
    lines_of(order, factories.ProductFactory(), quantity=0)
    record = order_of(order)
    assert record.items == ()
    assert record.notes == (Note.ITEM_DROPPED,)


def test_the_currency_is_that_of_the_order():
    assert order_of(place(currency="UAH")).currency == "UAH"


def test_payment_methods_are_named_in_the_order_of_their_use():
    order = place()
    for name in ("Gift card", "Visa", "Gift card"):
        source_type, _ = get_model("payment", "SourceType").objects.get_or_create(name=name)
        get_model("payment", "Source").objects.create(order=order, source_type=source_type)
    assert order_of(order).payment_method == "Gift card, Visa"


def test_names_come_from_the_billing_address_or_the_user_when_there_is_no_delivery():
    user = factories.UserFactory(first_name="User", last_name="Name")
    billed = place(user, shipping_address=None)
    bare = place(user, shipping_address=None, guest_email="", billing_address=None)
    assert order_of(billed).first_name == "John"
    assert order_of(bare).first_name == "User"


def test_a_user_model_with_a_full_name_of_its_own_is_asked_for_it(monkeypatch):
    bare = place(factories.UserFactory(first_name="", last_name=""), shipping_address=None)
    bare.billing_address = None
    bare.save()
    assert order_of(bare).first_name == ""
    monkeypatch.setattr(get_user_model(), "get_full_name", lambda user: f"No. {user.pk}")
    assert order_of(bare).first_name == f"No. {bare.user_id}"


def test_an_order_has_no_line_of_its_neighbours(django_assert_num_queries):
    goods = [factories.ProductFactory() for _ in range(3)]
    placed = [place() for _ in goods]
    for order, product in zip(placed, goods, strict=True):
        lines_of(order, product)
    first, _between, last = placed
    found = SHOP.orders([first.number, last.number])
    keys = [[item.product_key for item in order.items] for order in found.values()]
    assert keys == [[str(goods[0].pk)], [str(goods[2].pk)]]


def test_addresses_are_in_the_default_language_whatever_is_active():
    order = place()
    lines_of(order, factories.ProductFactory())
    expected = order_of(order)
    with translation.override("uk"):
        assert order_of(order) == expected
