"""What a feed costs: beside the plain limit and beside the loop a newcomer would write, in one run.

``FEED_BENCH_PRODUCTS`` (default 10,000; the promise is about 100,000) is how many products there
are; several numbers show the growth. All ways write the same items and take turns, page by page:
whatever else this machine does meanwhile slows each of them alike. A whole build takes turns with
the plain limit, each from end to end, after the first one, by which memory and queries are judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import translation
from lxml import etree

from esputnik_connector.feed import source
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.formats import google
from esputnik_connector.feed.formats.base import stream
from esputnik_connector.feed.problems import Problems
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from tests.benchmarks.big_shop import elsewhere
from tests.benchmarks.feed_rivals import naive_loop, plain_limit
from tests.benchmarks.feed_shop import Product, fill, lay_out_pictures
from tests.benchmarks.feed_turns import big_feed, builds_and_plain_writes
from tests.benchmarks.memory import forget_peak, memory_mb
from tests.benchmarks.results import sizes
from tests.benchmarks.turns import ratio, typical

PRODUCTS = sizes("FEED_BENCH_PRODUCTS", "10000")
NAIVE_SAMPLE = 400  # evenly over the catalogue: the loop takes many minutes for all of it
MEMORY_MB = 80
QUERIES_PER_PAGE = 9
PAGE = 1000
BUILDS = 3  # warm ones, in turns with the plain limit

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a child fills the shop
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(params=PRODUCTS)
def shelves(request, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {  # as the naive loop: the one that stock_records can replace
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP_OPTIONS": {"PRICE_STRATEGY": "oscar.apps.partner.strategy.Default"},
    }
    elsewhere(fill, request.param)
    lay_out_pictures(tmp_path)
    return big_feed()


class Asked:
    """Counts queries, and costs nothing itself."""

    count = 0

    def __call__(self, execute, sql, params, many, context):
        self.count += 1
        return execute(sql, params, many, context)


class Runner:
    """One way to write the feed, step by step, and the time it took."""

    def __init__(self, steps: Iterator[int]) -> None:
        self.steps, self.items, self.seconds, self.cpu = steps, 0, 0.0, 0.0

    def step(self) -> bool:
        """False when it has come to its end."""
        with translation.override("en"):
            wall, cpu = time.perf_counter(), time.process_time()
            done = next(self.steps, 0)
            self.seconds += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu
        self.items += done
        return done > 0

    @property
    def rate(self) -> float:
        return self.items / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Of this process alone, without the database's."""
        return self.items / self.cpu


def ours(feed: Feed, path: Path) -> Iterator[int]:
    """Products → fitted → written, as a build does; without its checks and the storage."""
    pieces = stream(
        google, source.channel(feed, feed.created_at), source.products(feed, Problems())
    )
    count = 0
    with path.open("wb") as file:
        for piece, number in pieces:
            file.write(piece)
            count += number
            if count >= PAGE:
                yield count
                count = 0
        if count:
            yield count


def sample() -> list[int]:
    pks = list(Product.objects.exclude(structure="parent").values_list("pk", flat=True))
    return pks[:: max(1, len(pks) // NAIVE_SAMPLE)]


def said(path: Path, pks: set[str]) -> dict[str, list[tuple[str, str]]]:
    """What a file says of some items, tag by tag."""
    found = {}
    for _event, element in etree.iterparse(str(path), tag="item"):
        told = sorted((child.tag, child.text) for child in element)
        key = dict(told)["{http://base.google.com/ns/1.0}id"]
        if key in pks:
            found[key] = told
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return found


def test_a_feed_is_near_the_plain_limit_and_far_from_the_naive_loop(
    shelves, settings, tmp_path, results
):
    def way(name):
        options = {**settings.ESPUTNIK_CONNECTOR["SHOP_OPTIONS"], "FEED_PRICES": name}
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_OPTIONS": options}

    asked = Asked()
    forget_peak()
    before = memory_mb("VmRSS")
    with connection.execute_wrapper(asked):
        row = Build(shelves).run()
    grown = memory_mb("VmHWM") - before
    assert row.status == BuildStatus.PUBLISHED
    per_page = asked.count / (row.item_count / PAGE + 1)

    pks = sample()
    files = {name: tmp_path / f"{name}.xml" for name in ("limit", "naive", "usual", "fast")}
    limit = Runner(plain_limit(files["limit"]))
    naive = Runner(naive_loop(files["naive"], pks, max(1, len(pks) * PAGE // row.item_count)))
    usual, fast = Runner(ours(shelves, files["usual"])), Runner(ours(shelves, files["fast"]))
    is_going = True
    while is_going:
        steps = [limit.step(), naive.step()]
        way("strategy")
        steps.append(usual.step())
        way("stock_records")  # read when a run begins
        steps.append(fast.step())
        is_going = any(steps)
    way("strategy")
    builds, writes = builds_and_plain_writes(shelves, tmp_path / "plain.xml", rounds=BUILDS)
    whole, plain = typical(builds), typical(writes)
    print(  # noqa: T201
        f"\n{row.item_count:,} items, per second (and per second of this process alone): "
        f"plain limit {limit.rate:,.0f} ({limit.cpu_rate:,.0f}); "
        f"strategy {usual.rate:,.0f} ({usual.cpu_rate:,.0f}), "
        f"{limit.rate / usual.rate:.2f} times the time of plain; "
        f"stock_records {fast.rate:,.0f} ({fast.cpu_rate:,.0f}), {limit.rate / fast.rate:.2f}; "
        f"naive {naive.rate:,.0f} ({naive.cpu_rate:,.0f}), {usual.rate / naive.rate:.0f} times "
        f"slower than strategy; {per_page:.1f} queries per page; a whole build with comparison, "
        f"checks, gzip and storage {row.item_count / whole.seconds:,.0f} "
        f"({row.item_count / whole.processor:,.0f}), {ratio(builds, writes):.2f} times the "
        f"processor time of plain from end to end, {row.item_count / plain.seconds:,.0f} "
        f"({row.item_count / plain.processor:,.0f}); memory +{grown:.0f} MB"
    )
    assert limit.items == usual.items == fast.items == row.item_count
    assert files["fast"].read_bytes() == files["usual"].read_bytes()
    wanted = set(map(str, pks))
    items = said(files["usual"], wanted)
    assert items == said(files["naive"], wanted) == said(files["limit"], wanted)
    assert len(items) == len(pks)
    assert per_page <= QUERIES_PER_PAGE
    assert grown <= MEMORY_MB
    size = row.item_count
    results.add("feed by strategy, share of the plain limit", usual.rate / limit.rate, size=size)
    results.add("feed by stock records, share of the same", fast.rate / limit.rate, size=size)
    results.add("feed, times faster than a naive loop", usual.rate / naive.rate, size=size)
    results.add("warm build of a feed by strategy, times plain", ratio(builds, writes), size=size)
