"""Versions of contacts: another one as soon as anything that a contact is made of is another."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop
from esputnik_connector.shops.oscar.sync.versions import reads_only_its_row
from tests.translations import translated

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

shop = OscarShop()
User = get_user_model()
Order, Line = get_model("order", "Order"), get_model("order", "Line")
Product, Category = get_model("catalogue", "Product"), get_model("catalogue", "Category")
UserAddress = get_model("address", "UserAddress")
points: dict[str, int] = {}


def points_of(users: Any) -> dict[str, int]:
    return {str(user.pk): points.get(str(user.pk), 0) for user in users}


def buyer(name: str) -> Any:
    """A customer with an address and an order of a product in a category of its own."""
    user = User.objects.create(username=name, email=f"{name}@example.com", first_name="Ада")
    factories.UserAddressFactory(user=user, line4="Львів")
    product = factories.ProductFactory(upc=f"upc-{name}", categories=[])
    product.categories.add(Category.add_root(name=f"Shelf of {name}", slug=name))
    made = factories.OrderFactory(
        user=user, number=f"order-{name}", total_incl_tax=Decimal("20.00"),
        total_excl_tax=Decimal("20.00"), currency="UAH", date_placed=timezone.now(), basket=None,
    )  # fmt: skip
    factories.OrderLineFactory(order=made, product=product)
    return user


@pytest.fixture
def ada(db) -> Any:
    return buyer("ada")


@pytest.fixture
def bob(db) -> Any:
    return buyer("bob")


def version(user: Any) -> str:
    return versions([str(user.pk)])[str(user.pk)]


def versions(keys: list[str]) -> dict[str, str]:
    return dict(shop.versions(Kind.CONTACT, keys))


def of(user: Any) -> SimpleNamespace:
    return SimpleNamespace(
        row=User.objects.filter(pk=user.pk),
        book=UserAddress.objects.filter(user=user),
        orders=Order.objects.filter(user=user),
        lines=Line.objects.filter(order__user=user),
        product=Product.objects.get(upc=f"upc-{user.username}"),
    )


CHANGES = {
    "e-mail": lambda his: his.row.update(email="new@example.com"),
    "first name": lambda his: his.row.update(first_name="Лада"),
    "registration": lambda his: his.row.update(date_joined=timezone.now()),
    "town": lambda his: his.book.update(line4="Одеса"),
    "phone": lambda his: his.book.update(phone_number="+380671112233"),
    "default address": lambda his: his.book.update(is_default_for_shipping=True),
    "no address": lambda his: his.book.delete(),
    "total": lambda his: his.orders.update(total_incl_tax=Decimal("21.00")),
    "currency": lambda his: his.orders.update(currency="EUR"),
    "order day": lambda his: his.orders.update(date_placed=timezone.now()),
    "order lost": lambda his: his.orders.update(user=None, guest_email="x@example.com"),
    "line lost": lambda his: his.lines.delete(),
    "category": lambda his: his.product.categories.add(Category.objects.create_other()),
    "no category": lambda his: his.product.categories.clear(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_changes_with_every_part_of_the_contact_and_of_nobody_else(
    change, ada, bob, monkeypatch
):
    other = Category.add_root(name="Other", slug="other")
    monkeypatch.setattr(type(Category.objects), "create_other", lambda _: other, raising=False)
    before, of_bob = version(ada), version(bob)
    assert version(ada) == before
    record = shop.contacts([str(ada.pk)])[str(ada.pk)]
    change(of(ada))
    if change is not CHANGES["default address"]:  # the only one he has: it is the first anyway
        assert shop.contacts([str(ada.pk)])[str(ada.pk)] != record
    assert version(ada) != before
    assert version(bob) == of_bob


def test_a_renamed_category_tells_on_who_bought_below_it(ada):
    before = version(ada)
    Category.objects.filter(slug="ada").update(name="Renamed")
    assert version(ada) != before
    assert shop.contacts([str(ada.pk)])[str(ada.pk)].attributes["purchased_categories"] == (
        "Renamed",
    )


def test_a_category_that_is_renamed_in_a_table_of_its_own_tells_too(ada, settings):
    (shelf,) = Category.objects.filter(slug="ada")
    with translated(Category, "name") as names:
        for language in (settings.LANGUAGE_CODE, "uk"):
            names.objects.create(master=shelf, language_code=language, name="Shelf")
        before = version(ada)
        assert version(ada) == before
        names.objects.filter(language_code=settings.LANGUAGE_CODE).update(name="Renamed")
        assert version(ada) != before
        found = shop.contacts([str(ada.pk)])[str(ada.pk)].attributes["purchased_categories"]
        assert found == ("Renamed",)


def test_a_variation_stands_in_its_parents_categories(ada):
    parent = factories.ProductFactory(structure="parent", upc="parent", categories=[])
    child = factories.ProductFactory(structure="child", parent=parent, upc="child", categories=[])
    Line.objects.filter(order__user=ada).update(product=child)
    before = version(ada)
    parent.categories.add(Category.add_root(name="Shirts", slug="shirts"))
    moved = version(ada)
    assert moved != before
    parent.categories.clear()
    assert version(ada) != moved


def test_an_order_that_does_not_count_does_not_count(ada, settings):
    before = version(ada)
    Order.objects.filter(user=ada).update(status="Cancelled")
    assert version(ada) == before
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "CANCELLED_STATUSES": ["Cancelled"]
    }  # fmt: skip
    assert version(ada) != before


def test_neither_a_login_nor_a_password_changes_it(ada):
    before = version(ada)
    User.objects.update(last_login=timezone.now(), password="another")
    assert version(ada) == before


def test_a_guest_is_told_by_the_order(ada):
    Order.objects.filter(user=ada).update(
        user=None, guest_email="guest@example.com",
        shipping_address=factories.ShippingAddressFactory(line4="Львів"),
    )  # fmt: skip
    key = "guest:order-ada"
    before = versions([key])
    assert versions([key]) == before
    assert list(before) == [key]
    get_model("order", "ShippingAddress").objects.update(line4="Одеса")
    assert versions([key]) != before


def test_what_the_shops_own_attributes_answer_is_part_of_it(ada, bob, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "CONTACT_ATTRIBUTES": {"points": f"{__name__}.points_of"},
    }
    points.clear()
    before, of_bob = version(ada), version(bob)
    points[str(ada.pk)] = 5
    assert version(ada) != before
    assert version(bob) == of_bob


def test_a_shop_that_reads_contacts_in_its_own_way_has_no_versions_of_ours(ada):
    class OwnShop(OscarShop):
        def contacts(self, keys):
            return {}

    assert OwnShop().versions(Kind.CONTACT, [str(ada.pk)]) == {}


def test_a_user_model_that_reads_elsewhere_has_no_versions():
    class Plain(AbstractUser):
        class Meta:
            abstract = True

    class WithProfile(Plain):
        def get_full_name(self) -> str:
            return "from a profile"

        class Meta:
            abstract = True

    assert reads_only_its_row(User)
    assert reads_only_its_row(Plain)
    assert not reads_only_its_row(WithProfile)


def test_it_costs_the_same_for_two_and_for_twelve():
    def queries_for(count: int) -> int:
        keys = [str(buyer(f"buyer{count}-{number}").pk) for number in range(count)]
        with CaptureQueriesContext(database) as queries:
            assert len(versions(keys)) == count
        return len(queries)

    assert queries_for(2) == queries_for(12) == 5
