"""What the connector reads out of an Oscar shop."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import override_settings
from django.utils import translation
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Address, Note
from esputnik_connector.shops.oscar.adapter import OscarShop
from esputnik_connector.shops.oscar.catalogue import cards

pytestmark = [
    pytest.mark.django_db,
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")

MAY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
JUNE = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
shop = OscarShop()


@pytest.fixture(autouse=True)
def _shop_settings(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **getattr(settings, "ESPUTNIK_CONNECTOR", {}),
        "SHOP_URL": "https://shop.example",
        "CANCELLED_STATUSES": ["Cancelled"],
    }
    settings.PHONENUMBER_DEFAULT_REGION = None


def ukraine():
    return factories.CountryFactory(iso_3166_1_a2="UA", printable_name="Ukraine")


def lines_of(order, *products, **fields):
    return [
        factories.OrderLineFactory(order=order, product=product, **fields) for product in products
    ]


def place(user=None, **fields):
    """An order without lines; ``total_incl_tax`` and the rest as given."""
    defaults = {
        "user": user,
        "guest_email": "" if user else "guest@example.com",
        "total_incl_tax": Decimal("24.95"),
        "total_excl_tax": Decimal("20.00"),
        "date_placed": MAY,
        "currency": "GBP",
    }
    return factories.OrderFactory(**(defaults | fields))


def contact_of(user):
    return shop.contacts([str(user.pk)])[str(user.pk)]


def order_of(order):
    return shop.orders([order.number])[order.number]


def cart_of(basket):
    return shop.carts([str(basket.pk)])[str(basket.pk)]


def page_of(product):
    """The product's page in the default language, whatever language is active."""
    with translation.override(settings.LANGUAGE_CODE):
        return f"https://shop.example{product.get_absolute_url()}"


def save_unchecked(row, **fields):
    """Write what forms would refuse but old imports have left behind."""
    type(row)._base_manager.filter(pk=row.pk).update(**fields)


# Keys


@pytest.mark.parametrize("key", ["abc", "", "-1", "01", "9" * 30, "１", "a\x00b", "\ud800", "1.0"])
def test_a_malformed_key_is_simply_missing(key):
    assert shop.contacts([key]) == {}
    assert shop.orders([key]) == {}
    assert shop.carts([key]) == {}


def test_an_unknown_key_is_missing_beside_a_known_one():
    user = factories.UserFactory()
    assert set(shop.contacts([str(user.pk), "987654", "abc", str(user.pk)])) == {str(user.pk)}


def test_nothing_is_asked_for_no_keys(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert (shop.contacts([]), shop.orders([]), shop.carts([])) == ({}, {}, {})


# Contacts


def test_a_contact_is_the_user_and_the_default_shipping_address():
    user = factories.UserFactory(
        first_name=" Олена ", last_name="Шевченко", email="Olena@Example.COM"
    )
    factories.UserAddressFactory(user=user, line1="Elsewhere 1", phone_number="+442083661177")
    factories.UserAddressFactory(
        user=user,
        is_default_for_shipping=True,
        country=ukraine(),
        line1="вул. Хрещатик, 1",
        line2="кв. 5",
        line4="Київ",
        state="Київська",
        postcode="01001",
        phone_number="+380501234567",
    )
    contact = contact_of(user)
    assert contact.email == "Olena@example.com"
    assert contact.phone == "+380501234567"
    assert (contact.first_name, contact.last_name) == ("Олена", "Шевченко")
    assert contact.address == Address(
        region="Київська",
        town="Київ",
        line="вул. Хрещатик, 1, кв. 5",
        postcode="01001",
        country="UA",
    )
    assert contact.joined_at == user.date_joined
    assert contact.language == ""
    assert contact.notes == ()


def test_a_user_without_email_and_phone_is_a_contact_still():
    user = factories.UserFactory(email="", first_name="", last_name="")
    contact = contact_of(user)
    assert (contact.email, contact.phone, contact.first_name) == ("", "", "")
    assert contact.address == Address()
    assert contact.notes == ()


def test_an_inactive_user_is_a_contact():
    assert contact_of(factories.UserFactory(is_active=False))


def test_an_unusable_email_is_dropped_with_a_note():
    contact = contact_of(factories.UserFactory(email="not an address"))
    assert contact.email == ""
    assert contact.notes == (Note.EMAIL_DROPPED,)


def test_an_unparsable_phone_is_dropped_with_a_note():
    address = factories.UserAddressFactory(phone_number="")
    save_unchecked(address, phone_number="call me")
    contact = contact_of(address.user)
    assert contact.phone == ""
    assert contact.notes == (Note.PHONE_DROPPED,)


def test_a_later_usable_phone_replaces_an_unparsable_one():
    user = factories.UserFactory()
    first = factories.UserAddressFactory(user=user, line1="1", is_default_for_shipping=True)
    save_unchecked(first, phone_number="call me")
    factories.UserAddressFactory(user=user, line1="2", phone_number="+380501234567")
    contact = contact_of(user)
    assert contact.phone == "+380501234567"
    assert contact.notes == ()


def test_a_national_phone_is_read_by_the_region_of_the_shop(settings):
    settings.PHONENUMBER_DEFAULT_REGION = "UA"
    address = factories.UserAddressFactory()  # in GB
    save_unchecked(address, phone_number="050 123 45 67")
    assert contact_of(address.user).phone == "+380501234567"


def test_a_national_phone_is_else_read_by_the_country_of_the_address():
    address = factories.UserAddressFactory(country=ukraine())
    save_unchecked(address, phone_number="050 123 45 67")
    assert contact_of(address.user).phone == "+380501234567"


def test_the_newest_address_counts_when_none_is_the_default():
    user = factories.UserFactory()
    factories.UserAddressFactory(user=user, line1="Old 1", num_orders_as_shipping_address=9)
    factories.UserAddressFactory(user=user, line1="New 1", phone_number="")
    contact = contact_of(user)
    assert contact.address.line == "New 1"
    assert contact.phone == "+493513296645"  # the newest that has one


def test_the_default_billing_address_goes_before_the_newest():
    user = factories.UserFactory()
    factories.UserAddressFactory(user=user, line1="Billing 1", is_default_for_billing=True)
    factories.UserAddressFactory(user=user, line1="New 1")
    assert contact_of(user).address.line == "Billing 1"


def test_text_is_cleaned_and_cut_with_a_note():
    user = factories.UserFactory(last_name="O\x1b'Neil\x07 😀")
    factories.UserAddressFactory(user=user, line1="a" * 255, line2="b" * 45)
    contact = contact_of(user)
    assert contact.last_name == "O'Neil 😀"
    assert len(contact.address.line) == 255
    assert contact.notes == (Note.TEXT_CUT,)


def test_a_contact_without_orders_has_empty_totals():
    assert (
        contact_of(factories.UserFactory()).attributes.items()
        >= {
            "order_count": 0,
            "total_spent": Decimal(0),
            "average_order": None,
            "first_order_date": None,
            "last_order_date": None,
            "currency": "",
            "purchased_categories": (),
        }.items()
    )


def test_totals_leave_out_cancelled_orders():
    user = factories.UserFactory()
    place(user, total_incl_tax=Decimal("10.00"), date_placed=MAY)
    place(user, total_incl_tax=Decimal("10.01"), date_placed=JUNE)
    cancelled = place(user, total_incl_tax=Decimal("99.00"), status="Cancelled")
    lines_of(cancelled, factories.ProductFactory())
    assert (
        contact_of(user).attributes.items()
        >= {
            "order_count": 2,
            "total_spent": Decimal("20.01"),
            "average_order": Decimal("10.01"),
            "first_order_date": MAY,
            "last_order_date": JUNE,
            "currency": "GBP",
            "purchased_categories": (),
        }.items()
    )


def test_money_is_summed_in_the_currency_of_most_orders_only():
    user = factories.UserFactory()
    place(user, currency="UAH", total_incl_tax=Decimal("100.00"))
    place(user, currency="UAH", total_incl_tax=Decimal("300.00"))
    place(user, currency="EUR", total_incl_tax=Decimal("900.00"), date_placed=JUNE)
    attributes = contact_of(user).attributes
    assert attributes["order_count"] == 3
    assert attributes["last_order_date"] == JUNE
    assert (attributes["total_spent"], attributes["currency"]) == (Decimal("400.00"), "UAH")
    assert attributes["average_order"] == Decimal("200.00")


def test_of_equally_many_orders_the_currency_used_last_counts():
    user = factories.UserFactory()
    place(user, currency="UAH", total_incl_tax=Decimal("100.00"), date_placed=MAY)
    place(user, currency="EUR", total_incl_tax=Decimal("9.00"), date_placed=JUNE)
    assert contact_of(user).attributes["currency"] == "EUR"


def test_purchased_categories_are_full_paths_sorted_and_without_repeats():
    clothes = root("Clothes")
    shirts = clothes.add_child(name="Shirts")
    parent = factories.ProductFactory(structure="parent", categories=None, stockrecords=None)
    ProductCategory.objects.create(product=parent, category=shirts)
    child = factories.ProductFactory(
        structure="child", parent=parent, product_class=None, categories=None
    )
    book = factories.ProductFactory(categories=None)
    ProductCategory.objects.create(product=book, category=root("Books"))
    user = factories.UserFactory()
    lines_of(place(user), child, book, book)
    assert contact_of(user).attributes["purchased_categories"] == ("Books", "Clothes > Shirts")


def loyal(users):
    return {str(user.pk): f"card-{user.pk}" for user in users}


def test_a_shop_adds_attributes_of_its_own(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "CONTACT_ATTRIBUTES": {"loyalty_card": f"{__name__}.loyal"},
    }
    user = factories.UserFactory()
    assert contact_of(user).attributes["loyalty_card"] == f"card-{user.pk}"
    assert shop.attributes()["loyalty_card"] == "loyalty_card"


def test_every_attribute_of_a_contact_can_be_mapped():
    assert set(contact_of(factories.UserFactory()).attributes) == set(shop.attributes())
    assert all(isinstance(label, str) for label in shop.attributes().values())


# Orders


def root(name, **fields):
    number = Category.objects.filter(depth=1).count() + 1
    return Category.objects.create(
        name=name, slug=name.lower(), depth=1, path=f"{9000 + number:04d}", **fields
    )


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
    found = shop.orders([first.number, last.number])
    keys = [[item.product_key for item in order.items] for order in found.values()]
    assert keys == [[str(goods[0].pk)], [str(goods[2].pk)]]


def test_addresses_are_in_the_default_language_whatever_is_active():
    order = place()
    lines_of(order, factories.ProductFactory())
    expected = order_of(order)
    with translation.override("uk"):
        assert order_of(order) == expected


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("/media/a.jpg", "https://shop.example/media/a.jpg"),
        ("media/a.jpg", "https://shop.example/media/a.jpg"),
        ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("", ""),
    ],
)
def test_an_address_is_made_absolute_once(stored, sent):
    assert cards.absolute(stored, "https://shop.example") == sent


def test_a_relative_address_is_left_out_when_the_shop_is_unknown():
    assert cards.absolute("/media/a.jpg", "") == ""


def test_the_current_site_stands_in_for_the_shop_url(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": ""}
    assert cards.shop_url() == "https://example.com"


def test_statuses_are_those_of_the_pipeline_and_of_old_orders():
    place(status="Довозимо")
    place(status="")
    place(status="Cancelled")
    pipeline = list(Order.pipeline)
    expected = [*pipeline, *(s for s in ("Cancelled", "Довозимо") if s not in pipeline)]
    assert shop.statuses() == expected


# Carts


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


def test_a_record_does_not_show_its_person():
    user = factories.UserFactory(email="ann@example.com")
    assert "ann" not in repr(contact_of(user))


@override_settings(USE_TZ=False)
def test_times_are_aware_in_a_shop_that_keeps_naive_ones():
    user = get_user_model().objects.create(username="n", date_joined=datetime(2026, 5, 1))
    assert contact_of(user).joined_at.tzinfo is not None
