"""A whole build of a feed, with its comparison, checks, gzip and storage: in the memory of a page,
and in time that grows as the products do.

``FEED_BUILD_PRODUCTS=10000,1000000 make bench ARGS="-k whole_build"`` for a million. The *plain
limit* writes the same items and nothing else. Memory is that of the first build of the process; the
time is that of later ones, which find what the first one loaded, in turns with the plain limit.
"""

from __future__ import annotations

import sys

import pytest

from esputnik_connector.feed.build import Build
from esputnik_connector.models.feed_build import BuildStatus
from tests.benchmarks.big_shop import elsewhere
from tests.benchmarks.feed_shop import fill, lay_out_pictures
from tests.benchmarks.feed_turns import big_feed, builds_and_plain_writes
from tests.benchmarks.memory import forget_peak, memory_mb
from tests.benchmarks.results import sizes
from tests.benchmarks.turns import ROUNDS, ratio, typical

PRODUCTS = sizes("FEED_BUILD_PRODUCTS", "2000,10000")
MANY = 50_000  # more than so many are long enough to be measured once
MOST_MEMORY = 100.0  # MB above the start, whatever the number of products

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a child fills the shop
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.mark.parametrize("products", PRODUCTS)
def test_a_whole_build_grows_as_the_products_and_its_memory_does_not(
    settings, tmp_path, results, products
):
    settings.MEDIA_ROOT = tmp_path
    options = {  # Oscar's own strategy, which stock_records can replace
        "FEED_PRICES": "stock_records",
        "PRICE_STRATEGY": "oscar.apps.partner.strategy.Default",
    }
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_OPTIONS": options}
    elsewhere(fill, products)
    lay_out_pictures(tmp_path)
    feed = big_feed()
    forget_peak()
    before = memory_mb("VmRSS")
    built = Build(feed).run()
    grown = memory_mb("VmHWM") - before
    assert built.status == BuildStatus.PUBLISHED
    rounds = 1 if products > MANY else ROUNDS
    builds, writes = builds_and_plain_writes(feed, tmp_path / "plain.xml", rounds=rounds)
    ours, plain = typical(builds), typical(writes)
    sys.stdout.write(
        f"\n{built.item_count:,} items: {ours.seconds:.2f} s (processor {ours.processor:.2f}), "
        f"plain limit {plain.seconds:.2f} s ({plain.processor:.2f}), memory {grown:+.0f} MB"
    )
    assert grown <= MOST_MEMORY
    results.add(
        "whole build of a feed, times the plain limit", ratio(builds, writes), size=products
    )
