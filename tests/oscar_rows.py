"""Rows of an Oscar shop, and the records that the connector reads out of them."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import translation
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.shops.oscar.adapter import OscarShop

Category = get_model("catalogue", "Category")

OSCAR_WARNINGS = [
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

MAY = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
JUNE = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
SHOP = OscarShop()


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
    return SHOP.contacts([str(user.pk)])[str(user.pk)]


def order_of(order):
    return SHOP.orders([order.number])[order.number]


def cart_of(basket):
    return SHOP.carts([str(basket.pk)])[str(basket.pk)]


def page_of(product):
    """The product's page in the default language, whatever language is active."""
    with translation.override(settings.LANGUAGE_CODE):
        return f"https://shop.example{product.get_absolute_url()}"


def save_unchecked(row, **fields):
    """Write what forms would refuse but old imports have left behind."""
    type(row)._base_manager.filter(pk=row.pk).update(**fields)


def root(name, **fields):
    number = Category.objects.filter(depth=1).count() + 1
    return Category.objects.create(
        name=name, slug=name.lower(), depth=1, path=f"{9000 + number:04d}", **fields
    )
