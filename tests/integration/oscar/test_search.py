"""Support finds a person of an Oscar shop by what a person says on the phone."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Wanted
from tests.oscar_rows import OSCAR_WARNINGS, SHOP, place, ukraine

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]


def found(**wanted) -> list[tuple[str, str]]:
    return [(each.kind.value, each.key) for each in SHOP.search(Wanted(**wanted))]


@pytest.fixture
def olena():
    user = factories.UserFactory(
        username="olena", email="Olena@example.com", first_name="Олена", last_name="Шевченко"
    )
    factories.UserAddressFactory(user=user, country=ukraine(), phone_number="+380501234567")
    return user


@pytest.fixture
def guest_order(db):
    address = factories.ShippingAddressFactory(
        country=ukraine(), first_name="Тарас", last_name="Мельник", phone_number="+380671112233"
    )
    return place(number="200001", guest_email="taras@example.com", shipping_address=address)


@pytest.mark.parametrize("email", ["Olena@example.com", "olena@example.com", "OLENA@EXAMPLE.COM"])
def test_a_customer_by_e_mail_however_it_is_spelled(olena, email):
    assert found(email=email) == [("contact", str(olena.pk))]


def test_a_customer_by_a_phone_of_the_address_book(olena):
    assert found(phone="+380501234567") == [("contact", str(olena.pk))]
    assert found(phone="+380501234568") == []


@pytest.mark.parametrize("name", [("Олена",), ("шевч",), ("Шевченко", "Олена"), ("ол", "шев")])
def test_a_customer_by_parts_of_the_name(olena, name):
    factories.UserFactory(username="other", first_name="Олена", last_name="Бойко", email="b@x.com")
    assert ("contact", str(olena.pk)) in found(name=name)
    assert len(found(name=name)) == (2 if name == ("Олена",) else 1)


def test_a_guest_by_e_mail_with_their_orders_newest_first(guest_order):
    place(number="200002", guest_email="Taras@example.com")
    place(number="200003", guest_email="taras@example.com")
    keys = found(email="taras@example.com")
    assert keys[1:] == [("order", "200003"), ("order", "200002"), ("order", "200001")]
    assert keys[0] == ("contact", "guest:200001")


def test_a_guest_by_phone_and_by_name(guest_order):
    assert found(phone="+380671112233") == [("order", "200001")]
    assert found(name=("мельник",)) == [("order", "200001")]
    (match,) = SHOP.search(Wanted(name=("Тарас", "Мельник")))
    assert match.name == "Тарас Мельник"


def test_a_percent_sign_finds_nobody_but_who_is_called_so(olena, guest_order):
    assert found(name=("%",)) == []
    assert found(name=("_",)) == []


def test_no_more_are_found_than_a_person_reads():
    for number in range(25):
        factories.UserFactory(username=f"u{number}", first_name="Ганна", email=f"u{number}@x.com")
    assert len(found(name=("Ганна",))) == 20


@pytest.mark.parametrize(
    "wanted", [{"email": "nobody@x.com"}, {"phone": "+380501234567"}, {"name": ("Олена",)}]
)
def test_a_search_takes_a_few_queries_however_many_it_finds(olena, wanted):
    for number in range(15):
        place(number=str(number), guest_email="nobody@x.com")
    with CaptureQueriesContext(database) as captured:
        found(**wanted)
    assert len(captured) <= 4


def test_what_belongs_to_a_customer_and_to_a_guest(olena, guest_order):
    place(user=olena, number="100001")
    basket = factories.BasketFactory(owner=olena)
    place(number="200002", guest_email="TARAS@example.com")

    mine = [(each.kind, each.key) for each in SHOP.belongings(str(olena.pk))]
    guests = [each.key for each in SHOP.belongings("guest:200001")]

    assert mine == [(Kind.ORDER, "100001"), (Kind.CART, str(basket.pk))]
    assert guests == ["200002", "200001"]
    assert SHOP.belongings("no-such-key") == []


def test_a_search_names_nobody_in_its_repr(olena):
    (match,) = SHOP.search(Wanted(email="olena@example.com"))
    assert "Шевченко" not in repr(match)
    assert "olena" not in repr(Wanted(email="olena@example.com"))


def test_where_staff_looks_at_a_record(olena):
    assert SHOP.shop_page(Kind.ORDER, "100001").endswith("/dashboard/orders/100001/")
    assert SHOP.shop_page(Kind.CONTACT, str(olena.pk)).endswith(f"/dashboard/users/{olena.pk}/")
    assert SHOP.shop_page(Kind.CART, "7") == "/admin/basket/basket/7/change/"
    assert SHOP.shop_page(Kind.CONTACT, "guest:200001") == ""
    kinds = {model.__name__: page.kind for model, page in SHOP.shop_pages().items()}
    assert kinds == {"User": Kind.CONTACT, "Order": Kind.ORDER, "Basket": Kind.CART}
    assert get_model("order", "Order") in SHOP.shop_pages()
