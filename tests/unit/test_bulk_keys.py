"""Keys that a database could not even compare never reach it."""

from __future__ import annotations

import pytest
from django.db.models import CharField, IntegerField

from esputnik_connector.shops.bulk import values_of

NUMBER = CharField(max_length=10)


@pytest.mark.parametrize("key", ["1001", "ORD-1", "замовлення", "注文1", "a b", "x\u200by", "🛒1"])
def test_a_key_is_found_in_whatever_letters(key):
    assert values_of(NUMBER, [key]) == [key]


@pytest.mark.parametrize("key", ["\x00", "a\x00b", "\ud800", "зам\udfff", "12345678901"])
def test_what_no_row_can_have_is_left_out(key):
    assert values_of(NUMBER, [key, "1001"]) == ["1001"]


def test_each_key_is_asked_for_once():
    assert values_of(NUMBER, ["1", "2", "1"]) == ["1", "2"]


def test_a_number_is_taken_as_it_would_be_written():
    assert values_of(IntegerField(), ["7", "07", " 7", "+7", "seven"]) == [7]
