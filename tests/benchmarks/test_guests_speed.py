"""The walk over the guests of a shop's history: one pass, however many pages it is cut into.

``GUESTS=5000,100000 make bench ARGS="-k guests"`` for the growth. With a pass for each page it was
the square of their number: 20,000 guests took 2 s, 100,000 took 19 s.
"""

from __future__ import annotations

import sys
import time

import pytest
from django.db import connection as database
from django.db.models import Min
from django.db.models.functions import Lower
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.benchmarks.big_shop import elsewhere, fill_guests
from tests.benchmarks.results import sizes

pytestmark = pytest.mark.django_db(transaction=True)

GUESTS = sizes("GUESTS", "5000,20000")
PAGE = 1000
PAIRS = 3  # of both ways, in turns


def walk() -> int:
    shop, cursor, found = OscarShop(), "guest:", 0
    with shop.long_walk():
        while cursor:
            page = shop.keys(Kind.CONTACT, after=cursor, limit=PAGE)
            found, cursor = found + len(page.keys), page.cursor
    return found


def plain_pass() -> int:
    """One pass over the same orders, grouped, and nothing else."""
    orders = get_model("order", "Order")._base_manager.filter(user_id=None)
    grouped = orders.annotate(address=Lower("guest_email")).values("address")
    return len(list(grouped.annotate(first=Min("pk")).order_by("first").values_list("first")))


@pytest.mark.parametrize("guests", GUESTS)
def test_the_walk_over_guests_grows_as_their_number(results, guests):
    elsewhere(fill_guests, guests)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    ours = plain = 0.0
    for _ in range(PAIRS):
        started = time.perf_counter()
        assert walk() == guests
        between = time.perf_counter()
        assert plain_pass() == guests
        ours += between - started
        plain += time.perf_counter() - between
    sys.stdout.write(f"\n{guests} guests: walk {ours / PAIRS:.2f} s, a pass {plain / PAIRS:.2f} s")
    results.add("walk over guests, times one plain pass", ours / plain, size=guests)
