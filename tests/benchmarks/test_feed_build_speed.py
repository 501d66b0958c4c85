"""A whole build of a feed, with its comparison, checks, gzip and storage: in the memory of a page,
and in time that grows as the products do.

``FEED_BUILD_PRODUCTS=10000,1000000 make bench ARGS="-k whole_build"`` for a million. The *plain
limit* writes the same items and nothing else.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from django.utils import translation

from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from tests.benchmarks.big_shop import elsewhere
from tests.benchmarks.feed_rivals import plain_limit
from tests.benchmarks.feed_shop import FIELDS, fill, lay_out_pictures
from tests.benchmarks.memory import forget_peak, memory_mb
from tests.benchmarks.results import sizes

PRODUCTS = sizes("FEED_BUILD_PRODUCTS", "2000,10000")
MOST_MEMORY = 100.0  # MB above the start, whatever the number of products

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a child fills the shop
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def seconds_of_plain(path: Path) -> float:
    started = time.perf_counter()
    with translation.override("en"):
        for _items in plain_limit(path):
            pass
    return time.perf_counter() - started


@pytest.mark.parametrize("products", PRODUCTS)
def test_a_whole_build_grows_as_the_products_and_its_memory_does_not(
    settings, tmp_path, results, products
):
    settings.MEDIA_ROOT = tmp_path
    options = {"FEED_PRICES": "stock_records"}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_OPTIONS": options}
    elsewhere(fill, products)
    lay_out_pictures(tmp_path)
    feed = Feed.objects.create(name="bench", language="en", currency="UAH", with_offers=True)
    for name in FIELDS:
        feed.attributes.create(field=name, attribute=name)
    forget_peak()
    before = memory_mb("VmRSS")
    started = time.perf_counter()
    built = Build(feed).run()
    seconds = time.perf_counter() - started
    grown = memory_mb("VmHWM") - before
    assert built.status == BuildStatus.PUBLISHED
    plain = seconds_of_plain(tmp_path / "plain.xml")
    sys.stdout.write(
        f"\n{built.item_count:,} items: {seconds:.1f} s, plain limit {plain:.1f} s, "
        f"memory {grown:+.0f} MB"
    )
    assert grown <= MOST_MEMORY
    results.add("whole build of a feed, times the plain limit", seconds / plain, size=products)
