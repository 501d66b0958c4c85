"""What the connector reads of a customer in an Oscar shop."""

from __future__ import annotations

from decimal import Decimal

import pytest
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Address, Note
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.oscar_rows import (
    JUNE,
    MAY,
    OSCAR_WARNINGS,
    SHOP,
    contact_of,
    lines_of,
    place,
    root,
    save_unchecked,
    ukraine,
)

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")


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
    assert SHOP.attributes()["loyalty_card"] == "loyalty_card"


def test_every_attribute_of_a_contact_can_be_mapped():
    assert set(contact_of(factories.UserFactory()).attributes) == set(SHOP.attributes())
    assert all(isinstance(label, str) for label in SHOP.attributes().values())


def test_accounts_of_the_staff_are_held_back_unless_the_shop_wants_them():
    user = factories.UserFactory(is_staff=True, email="staff@example.com")
    basket = factories.BasketFactory(owner=user)
    key, cart = str(user.pk), str(basket.pk)

    assert "SEND_STAFF" in SHOP.contacts([key])[key].held_back
    assert "SEND_STAFF" in SHOP.carts([cart])[cart].held_back

    wanted = OscarShop({"SEND_STAFF": True})
    assert wanted.contacts([key])[key].held_back == ""
    assert wanted.carts([cart])[cart].held_back == ""


def test_customers_are_not_held_back():
    assert contact_of(factories.UserFactory(is_staff=False)).held_back == ""


def test_a_choice_about_staff_is_true_or_false():
    assert [one.id for one in OscarShop({"SEND_STAFF": "no"}).check()] == [
        "esputnik_connector.E021"
    ]
