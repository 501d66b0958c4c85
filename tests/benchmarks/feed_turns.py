"""A whole build of a feed and the plain limit, in turns: both once they are warm."""

from __future__ import annotations

from pathlib import Path

from django.utils import translation

from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed, FeedBuild
from esputnik_connector.models.feed_build import BuildStatus
from tests.benchmarks.feed_rivals import plain_limit
from tests.benchmarks.feed_shop import FIELDS
from tests.benchmarks.turns import Spent, Turns, in_turns, spent


def big_feed() -> Feed:
    """A feed of the whole catalogue, with as many attributes as a product has."""
    feed = Feed.objects.create(name="bench", language="en", currency="UAH", with_offers=True)
    for name in FIELDS:
        feed.attributes.create(field=name, attribute=name)
    return feed


def builds_and_plain_writes(feed: Feed, path: Path, *, rounds: int) -> list[Turns]:
    """What both took. The feed has been built before: a first build loads what later ones find."""
    write_plainly(path)
    return in_turns(lambda: build_again(feed), lambda: write_plainly(path), rounds=rounds)


def build_again(feed: Feed) -> Spent:
    """A whole build: the file that is served is said to be another one, so that it is compared item
    by item, checked, packed and stored."""
    Feed.objects.filter(pk=feed.pk).update(digest="another")
    feed.refresh_from_db()
    built: list[FeedBuild] = []
    took = spent(lambda: built.append(Build(feed).run()))
    assert (built[0].status, built[0].changes) == (BuildStatus.PUBLISHED, {})
    return took


def write_plainly(path: Path) -> Spent:
    """The same items, and nothing else."""
    with translation.override("en"):
        return spent(lambda: sum(plain_limit(path)))
