"""Keys, addresses, statuses and times of an Oscar shop."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.test import override_settings
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.shops.oscar.catalogue import cards
from tests.oscar_rows import (
    OSCAR_WARNINGS,
    SHOP,
    contact_of,
    place,
)

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Order = get_model("order", "Order")
Basket = get_model("basket", "Basket")
Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductImage = get_model("catalogue", "ProductImage")


@pytest.mark.parametrize("key", ["abc", "", "-1", "01", "9" * 30, "１", "a\x00b", "\ud800", "1.0"])
def test_a_malformed_key_is_simply_missing(key):
    assert SHOP.contacts([key]) == {}
    assert SHOP.orders([key]) == {}
    assert SHOP.carts([key]) == {}


def test_an_unknown_key_is_missing_beside_a_known_one():
    user = factories.UserFactory()
    assert set(SHOP.contacts([str(user.pk), "987654", "abc", str(user.pk)])) == {str(user.pk)}


def test_nothing_is_asked_for_no_keys(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert (SHOP.contacts([]), SHOP.orders([]), SHOP.carts([])) == ({}, {}, {})


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
    site = {"domain": "current.example", "name": "The shop"}
    Site.objects.update_or_create(pk=settings.SITE_ID, defaults=site)
    assert cards.shop_url() == "https://current.example"


def test_statuses_are_those_of_the_pipeline_and_of_old_orders():
    place(status="Довозимо")
    place(status="")
    place(status="Cancelled")
    pipeline = list(Order.pipeline)
    expected = [*pipeline, *(s for s in ("Cancelled", "Довозимо") if s not in pipeline)]
    assert SHOP.statuses() == expected


def test_a_record_does_not_show_its_person():
    user = factories.UserFactory(email="ann@example.com")
    assert "ann" not in repr(contact_of(user))


@override_settings(USE_TZ=False)
def test_times_are_aware_in_a_shop_that_keeps_naive_ones():
    user = get_user_model().objects.create(username="n", date_joined=datetime(2026, 5, 1))
    assert contact_of(user).joined_at.tzinfo is not None
