"""What a shop's own adapter gives is brought into the records' types, or refused by name."""

from __future__ import annotations

import sys
from dataclasses import fields
from datetime import date, datetime, timezone
from decimal import Decimal
from types import FrameType
from typing import get_type_hints
from uuid import UUID

import pytest
from django.utils.functional import lazy

from esputnik_connector.event_names import PRICE_DROP
from esputnik_connector.exceptions import RecordError
from esputnik_connector.records import (
    Address,
    Availability,
    Cart,
    CartItem,
    Category,
    Contact,
    Event,
    Order,
    OrderItem,
    Product,
)
from esputnik_connector.shops.base import Page
from esputnik_connector.shops.canonical import canonical, key_of

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
NAIVE = datetime(2026, 5, 1, 12)
MOMENT = "it must be a datetime with a time zone."


def order(**values: object) -> Order:
    usual = {"key": "7", "placed_at": NOON, "status": "New", "currency": "UAH"}
    return Order(**{**usual, "total": Decimal("10.50"), **values})


def item(**values: object) -> OrderItem:
    return OrderItem(**{"product_key": "3", "quantity": 1, "total": Decimal(5), **values})


def refusal(record: object, expected: type) -> str:
    with pytest.raises(RecordError) as refused:
        canonical("order 7", record, expected)
    return str(refused.value)


def test_a_record_that_is_right_comes_back_itself():
    right = order(items=(item(),), address=Address(town="Lviv"), email="a@example.com")
    assert canonical("order 7", right, Order) is right


def test_integer_and_uuid_keys_become_text():
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    found = canonical("order 7", order(key=7, contact_key=uuid, cart_key=5), Order)
    assert (found.key, found.contact_key, found.cart_key) == ("7", str(uuid), "5")
    assert canonical("order 7", order(items=(item(product_key=3),)), Order).items[0] == item()


def test_nothing_is_the_empty_text_where_a_text_may_be_empty():
    found = canonical("order 7", order(email=None, contact_key=None, delivery_method=None), Order)
    assert found == order()


def test_lists_become_tuples_and_lazy_texts_become_texts():
    found = canonical("order 7", order(items=[item()], status=lazy(lambda: "New", str)()), Order)
    assert found == order(items=(item(),))
    assert type(found.status) is str


def test_whole_numbers_are_money():
    assert canonical("order 7", order(total=10), Order).total == Decimal(10)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"total": 10.5}, "order 7: total is of type float; it must be a finite Decimal."),
        ({"total": "10.5"}, "order 7: total is of type str; it must be a finite Decimal."),
        ({"total": None}, "order 7: total is None; it must be a finite Decimal."),
        ({"total": True}, "order 7: total is of type bool; it must be a finite Decimal."),
        ({"taxes": Decimal("NaN")}, "order 7: taxes is NaN; it must be a finite Decimal."),
        ({"placed_at": NAIVE}, f"order 7: placed_at is a moment without time zone; {MOMENT}"),
        ({"placed_at": date(2026, 5, 1)}, f"order 7: placed_at is of type date; {MOMENT}"),
        ({"status": None}, "order 7: status is None; it must be text."),
        ({"phone": 380501234567}, "order 7: phone is of type int; it must be text."),
        ({"address": "Lviv"}, "order 7: address is of type str; it must be Address."),
        (
            {"address": Address(postcode=79000)},
            "order 7: address.postcode is of type int; it must be text.",
        ),
        (
            {"items": (item(), item(total=0.5))},
            "order 7: items[1].total is of type float; it must be a finite Decimal.",
        ),
        (
            {"items": (item(quantity=Decimal(1)),)},
            "order 7: items[0].quantity is of type Decimal; it must be a whole number.",
        ),
        (
            {"items": (item(product_key=None),)},
            "order 7: items[0].product_key is None; it must be text, a whole number or a UUID.",
        ),
        ({"items": None}, "order 7: items is None; it must be a tuple."),
        ({"notes": ("odd",)}, "order 7: notes[0] is of type str; it must be Note."),
    ],
)
def test_what_cannot_be_used_is_refused_by_record_and_field(values, words):
    assert refusal(order(**values), Order) == words


def test_what_is_no_record_is_refused():
    assert refusal({"key": "7"}, Order) == "order 7 is of type dict; it must be Order."
    assert refusal(None, Order) == "order 7 is None; it must be Order."


def test_a_refusal_quotes_no_value():
    assert "olena" not in refusal(order(first_name=["olena"]), Order)


def test_a_naive_moment_is_the_shops_own_where_it_has_no_time_zones(settings):
    settings.USE_TZ, settings.TIME_ZONE = False, "Europe/Kyiv"
    found = canonical("order 7", order(placed_at=NAIVE), Order)
    assert found.placed_at.isoformat() == "2026-05-01T12:00:00+03:00"


def test_attributes_are_read_generously():
    given = {
        "score": 4.5, "tags": ["a", "b"], "born": date(1990, 1, 2), "seen": NAIVE, "none": None,
        "sum": Decimal("1.10"), "count": 3,
    }  # fmt: skip
    found = canonical("contact 1", Contact(key="1", attributes=given), Contact).attributes
    assert found["score"] == Decimal("4.5")
    assert found["tags"] == ("a", "b")
    assert found["born"] == "1990-01-02"
    assert found["seen"].tzinfo is not None
    assert (found["none"], found["sum"], found["count"]) == (None, Decimal("1.10"), 3)


def test_an_attribute_that_is_no_value_is_named():
    words = refusal(Contact(key="1", attributes={"who": object()}), Contact)
    assert words.startswith("order 7: attributes['who'] is of type object; it must be text")


@pytest.mark.parametrize(
    "record",
    [
        Contact(key="1", joined_at=NOON),
        Cart(key="1", currency="", items=(CartItem(product_key="1", quantity=1,
                                                   unit_price=Decimal(1)),)),
        Event(key="price_drop:1", name=PRICE_DROP, product_key="1", is_in_stock=True),
        Product(key="1", title="", url="", price=None, currency="",
                availability=Availability.IN_STOCK, attributes={"a": "b"}),
    ],
    ids=lambda record: type(record).__name__,
)  # fmt: skip
def test_every_field_of_every_record_is_looked_at(record):
    """``object()`` is right nowhere, and a field that nobody looked at would let it through."""
    kind = type(record)
    assert canonical("it", record, kind) is record
    assert set(get_type_hints(kind)) == {one.name for one in fields(kind)}
    for one in fields(kind):
        values = {other.name: getattr(record, other.name) for other in fields(kind)}
        assert f": {one.name} is of type object" in refusal(
            kind(**{**values, one.name: object()}), kind
        )


def test_a_page_makes_its_keys_text():
    assert Page(keys=[1, "2"], cursor="2") == Page(keys=("1", "2"), cursor="2")
    assert Page(keys=[]).cursor == ""


@pytest.mark.parametrize("value", [None, True, 1.0, "", b"1"])
def test_a_key_is_text_or_a_whole_number_or_a_uuid(value):
    with pytest.raises(RecordError, match="a key must be text, a whole number or a UUID"):
        key_of(value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ""}, "key"),
        ({"total": Decimal("NaN")}, "total"),
        ({"taxes": Decimal("Infinity")}, "taxes"),
        ({"placed_at": NAIVE}, "placed_at"),
        ({"items": (item(), item(total=Decimal("NaN")))}, "items[1].total"),
        ({"items": (item(product_key=""),)}, "items[0].product_key"),
        ({"notes": ("no note",)}, "notes[0]"),
    ],
)
def test_a_bad_value_of_the_right_type_is_seen_behind_many_good_ones(change, field):
    good = order(items=(item(), item()), taxes=Decimal(1))
    for _ in range(3):
        assert canonical("order 7", good, Order) is good
    assert f"order 7: {field} is " in refusal(order(**{"taxes": Decimal(1), **change}), Order)


SHIRTS = Category(keys=("1",), names=("Shirts",))


def offered(**values: object) -> Product:
    usual = {"key": "7", "title": "Shirt", "url": "https://shop.example/7", "currency": "UAH"}
    return Product(
        **{**usual, "price": Decimal(1), "availability": Availability.IN_STOCK, **values}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_urls": ("a", 5)}, "image_urls[1] is of type int; it must be text."),
        ({"image_urls": ("a", None)}, "image_urls[1] is None; it must be text."),
        ({"categories": (SHIRTS, "2")}, "categories[1] is of type str; it must be Category."),
        ({"attributes": {"a": "b", "c": 5}}, "attributes['c'] is of type int; it must be text."),
        ({"attributes": {"a": "b", 5: "c"}}, "attributes[5] is of type int; it must be text."),
        ({"attributes": ("a", "b")}, "attributes is of type tuple; it must be a mapping"),
    ],
)
def test_one_bad_part_is_seen_among_good_ones_of_a_product(change, words):
    good = offered(image_urls=("a", "b"), categories=(SHIRTS,), attributes={"a": "b"})
    for _ in range(3):
        assert canonical("product 7", good, Product) is good
    refused = refusal(offered(**{"image_urls": ("a",), "categories": (SHIRTS,), **change}), Product)
    assert refused.startswith(f"order 7: {words}")


def test_parts_that_mean_the_same_are_made_the_same_behind_good_ones():
    lazy_text = lazy(lambda: "b", str)
    good = offered(image_urls=("a", "b"), attributes={"a": "b"})
    assert canonical("product 7", good, Product) is good
    assert canonical("product 7", offered(image_urls=["a"]), Product).image_urls == ("a",)
    given = offered(image_urls=("a", lazy_text()), attributes={lazy_text(): lazy_text()})
    found = canonical("product 7", given, Product)
    assert found == offered(image_urls=("a", "b"), attributes={"b": "b"})
    assert [type(one) for one in (*found.image_urls, *found.attributes)] == [str, str, str]


def test_attributes_of_a_contact_that_need_a_look_get_one_each_time():
    for _ in range(3):
        given = Contact(key="1", attributes={"vip": True, "seen": NAIVE, "sum": Decimal("1.10")})
        found = canonical("contact 1", given, Contact).attributes
        assert found["seen"].tzinfo is not None
    assert refusal(Contact(key="1", attributes={"sum": Decimal("NaN")}), Contact) == (
        "order 7: attributes['sum'] is NaN; it must be a finite Decimal."
    )


def calls_to_check(record: Product) -> int:
    """Of Python's own functions, in this package."""
    found: list[str] = []

    def hear(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "esputnik_connector/shops" in frame.f_code.co_filename:
            found.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(hear)
    try:
        canonical("product 7", record, Product)
    finally:
        sys.setprofile(before)
    return len(found)


def test_a_right_product_costs_the_same_however_much_it_holds():
    """A feed checks a hundred thousand of them, each with pictures and a dozen attributes."""
    small = offered(image_urls=("a",), categories=(SHIRTS,), attributes={"a": "b"})
    large = offered(
        image_urls=("a",) * 10,
        categories=(SHIRTS,) * 5,
        attributes={str(number): "b" for number in range(50)},
    )
    calls_to_check(small)
    assert calls_to_check(small) == calls_to_check(large) < 15


def test_a_text_of_another_class_is_mended_behind_plain_ones():
    assert canonical("order 7", order(), Order) == order()
    assert type(canonical("order 7", order(status=lazy(lambda: "New", str)()), Order).status) is str
    assert canonical("order 7", order(key=7), Order).key == "7"
