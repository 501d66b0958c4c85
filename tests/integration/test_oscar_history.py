"""Walking over an Oscar shop: every user, guest and order once, whatever happens meanwhile."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop

pytestmark = pytest.mark.django_db

shop = OscarShop()
NOW = timezone.now()


def walk(kind: Kind, limit: int = 3, between=None, **options) -> list[str]:
    keys, cursor = [], ""
    while True:
        page = shop.keys(kind, after=cursor, limit=limit, **options)
        keys += page.keys
        cursor = page.cursor
        if between is not None:
            between()
        if not cursor:
            return keys


def users(count: int, **fields) -> list[str]:
    start = get_user_model().objects.count()
    return [
        str(get_user_model().objects.create(
            username=f"u{start + n}", email=f"u{start + n}@example.com", **fields).pk)
        for n in range(count)
    ]  # fmt: skip


def order(number: str, **fields):
    common = {
        "currency": "UAH", "total_incl_tax": Decimal(10), "total_excl_tax": Decimal(10),
        "shipping_incl_tax": 0, "shipping_excl_tax": 0, "date_placed": NOW, "status": "New",
    }  # fmt: skip
    return get_model("order", "Order").objects.create(number=number, **{**common, **fields})


def test_users_come_by_key_each_once():
    pks = users(7)
    assert walk(Kind.CONTACT) == pks
    assert shop.count(Kind.CONTACT) == 7


def test_newest_first_is_the_same_backwards():
    pks = users(7)
    numbers = [order(f"9{n}").number for n in range(5)]
    assert walk(Kind.CONTACT, newest_first=True) == pks[::-1]
    assert walk(Kind.ORDER, newest_first=True) == numbers[::-1]


def test_orders_come_by_primary_key_under_their_numbers():
    numbers = [order(number).number for number in ("900", "5", "B-7", "10", "2")]
    assert walk(Kind.ORDER, limit=2) == numbers
    assert shop.count(Kind.ORDER) == 5


def test_the_record_of_the_cursor_may_go():
    numbers = [order(str(n)).number for n in range(100, 108)]
    page = shop.keys(Kind.ORDER, limit=3)
    get_model("order", "Order").objects.filter(number=page.keys[-1]).delete()
    assert shop.keys(Kind.ORDER, after=page.cursor, limit=3).keys == tuple(numbers[3:6])


def test_deletions_before_the_cursor_skip_nobody():
    pks = users(9)
    model = get_user_model()

    def delete_the_first():
        model.objects.filter(pk=model.objects.order_by("pk").first().pk).delete()

    found = walk(Kind.CONTACT, between=delete_the_first)
    assert set(pks[3:]) <= set(found)
    assert len(found) == len(set(found))


def test_a_guest_is_one_person_however_often_they_ordered():
    pks = users(1)
    order("101", guest_email="Guest@example.com")
    order("102", guest_email="guest@example.com")
    order("103", guest_email="other@example.com")
    order("104", guest_email="U0@example.com")  # who has an account
    order("105", user_id=pks[0], guest_email="")
    assert walk(Kind.CONTACT) == [*pks, "guest:101", "guest:103"]
    assert walk(Kind.CONTACT, limit=1) == [*pks, "guest:101", "guest:103"]
    assert shop.count(Kind.CONTACT) == 3


def test_a_guest_is_read_from_the_first_order():
    address = get_model("order", "ShippingAddress").objects.create(
        first_name="Олена", last_name="Коваль", line1="Хрещатик, 1", line4="Київ",
        phone_number="+380501234567",
        country=get_model("address", "Country").objects.create(
            iso_3166_1_a2="UA", printable_name="Ukraine", name="Ukraine"
        ),
    )  # fmt: skip
    order("101", guest_email="Guest@EXAMPLE.com", shipping_address=address)
    guest = shop.contacts(["guest:101", "guest:404"])["guest:101"]
    assert guest.is_guest
    assert (guest.email, guest.phone) == ("Guest@example.com", "+380501234567")
    assert (guest.first_name, guest.address.town) == ("Олена", "Київ")


def test_a_guests_key_is_no_key_of_a_users_order():
    order("101", user_id=users(1)[0])
    assert shop.contacts(["guest:101"]) == {}


def test_a_range_counts_and_walks_the_same():
    old, new = NOW - timedelta(days=10), NOW - timedelta(days=1)
    users(2, date_joined=old)
    kept = users(3, date_joined=new)
    order("1", date_placed=old)
    order("2", date_placed=new)
    order("3", date_placed=old, guest_email="g@example.com")
    order("4", date_placed=new, guest_email="h@example.com")
    since = NOW - timedelta(days=5)
    assert walk(Kind.CONTACT, since=since) == [*kept, "guest:4"]
    assert shop.count(Kind.CONTACT, since=since) == 4
    assert walk(Kind.ORDER, since=since) == ["2", "4"]
    assert walk(Kind.ORDER, until=since) == ["1", "3"]
    assert shop.count(Kind.ORDER, until=since) == 2


def test_a_page_costs_one_query_wherever_it_is():
    for n in range(6):
        order(str(n))
    cursor = ""
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            cursor = shop.keys(Kind.ORDER, after=cursor, limit=3).cursor
        assert len(queries) == 1


def test_carts_have_no_history():
    assert shop.keys(Kind.CART, limit=3).keys == ()
    assert shop.count(Kind.CART) == 0


def guests(count: int) -> list[str]:
    numbers = [str(1001 + each) for each in range(count)]
    for number in numbers:
        order(number, guest_email=f"g{number}@example.com")
        order(f"{number}-again", guest_email=f"G{number}@example.com")
    return [f"guest:{number}" for number in numbers]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_long_walk_looks_for_its_guests_twice_however_many_pages_there_are(newest_first):
    """Once for all of them, and at the end for whoever ordered meanwhile."""
    expected = guests(30)[:: -1 if newest_first else 1]
    with shop.long_walk(), CaptureQueriesContext(connection) as queries:
        assert walk(Kind.CONTACT, limit=2, newest_first=newest_first) == expected
    passes = [one for one in queries if "GROUP BY" in one["sql"]]
    assert len(passes) == 2
    assert walk(Kind.CONTACT, limit=2, newest_first=newest_first) == expected


def test_a_long_walk_meets_a_guest_who_ordered_meanwhile():
    expected = guests(4)
    late = []

    def order_again():
        if not late:
            order("2001", guest_email="late@example.com")
            late.append("guest:2001")

    with shop.long_walk():
        assert walk(Kind.CONTACT, limit=2, between=order_again) == [*expected, *late]


def test_a_guest_whose_first_order_goes_during_a_long_walk_is_met_by_the_next():
    expected = guests(4)

    def delete_it():
        get_model("order", "Order").objects.filter(number="1003").delete()

    with shop.long_walk():
        found = walk(Kind.CONTACT, limit=2, between=delete_it)
    assert found == [*expected[:2], "guest:1003-again", "guest:1004"]


def test_two_ranges_of_one_long_walk_have_their_own_guests():
    old, new = NOW - timedelta(days=30), NOW
    order("1", date_placed=old, guest_email="a@example.com")
    order("2", date_placed=new, guest_email="b@example.com")
    with shop.long_walk():
        assert walk(Kind.CONTACT) == ["guest:1", "guest:2"]
        assert walk(Kind.CONTACT, since=NOW - timedelta(days=1)) == ["guest:2"]
