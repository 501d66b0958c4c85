"""One judgement of a feed: the doctor, the feed's pages, the Overview and monitors say the same."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from esputnik_connector.feed.build import Build
from esputnik_connector.feed.publish import accept_build
from esputnik_connector.models import Connection, Feed, FeedBuild, Heartbeat
from esputnik_connector.models.feed_build import BuildStatus
from tests.feed_page import screen, staff
from tests.feeds import product

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-a-monitor"


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop) -> None:
    """A shop of a hundred products, in which feeds are all that may be wrong."""
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "HEALTH_TOKEN": TOKEN}
    Connection.objects.create(name="main", api_key="a key").accept_key("Kobzar", "1")
    for task in ("sweep", "feeds", "reconcile", "prune"):
        Heartbeat.beat(task)


@pytest.fixture
def feed() -> Feed:
    return Feed.objects.create(name="uk", language="uk", currency="UAH", brand="K")


@pytest.fixture
def merchant(client: Client) -> Client:
    client.force_login(staff(is_superuser=True))
    return client


@pytest.fixture
def build(feed: Feed, plain_shop) -> Callable[..., FeedBuild]:
    """Build it of a hundred products, of which so many have this wrong with them."""

    def built(count: int = 0, **wrong: object) -> FeedBuild:
        plain_shop.goods = [
            product(key=str(key), **(wrong if key <= count else {})) for key in range(1, 101)
        ]
        row = Build(feed).run()
        feed.refresh_from_db()
        return row

    return built


def doctor() -> tuple[str, str, str]:
    """Level, code and text of the first thing that the doctor says of the feed."""
    output = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("esputnik_doctor", "--json", "--offline", stdout=output)
    found = next(one for one in json.loads(output.getvalue()) if one["feed"] == "uk")
    return found["level"], found["code"], found["text"]


def monitor(client: Client, path: str = "health"):
    return client.get(
        reverse(f"esputnik_connector:{path}"), headers={"Authorization": f"Bearer {TOKEN}"}
    )


def all_agree(client: Client, feed: Feed, level: str, code: str, text: str) -> None:
    """The doctor, the feed's page, the list, the Overview, the health address, the metrics."""
    assert doctor() == (level, code, text)
    page = unescape(client.get(screen(feed)).content.decode())
    assert f"esputnik-is-{level}" in page
    assert text in page
    shown = reverse("admin:esputnik_connector_feed_changelist")
    listed = unescape(client.get(shown).content.decode())
    assert text in listed
    assert f"esputnik-is-{level}" in listed
    overview = unescape(client.get(reverse("admin:esputnik_connector_overview")).content.decode())
    health = monitor(client).json()
    findings = [(one["level"], one["code"]) for one in health["findings"] if one["feed"] == "uk"]
    metrics = monitor(client, "metrics").content.decode()
    metric = f'esputnik_finding{{level="{level}",code="{code}",connection="",feed="uk"'
    if level == "ok":
        assert findings == []
        assert "feed “uk”" not in overview
        assert metric not in metrics
    else:
        assert findings[0] == (level, code)
        assert f"feed “uk”: {text}" in overview
        assert metric in metrics


def test_a_feed_that_was_never_built_is_not_green(merchant, feed):
    all_agree(merchant, feed, "warning", "feed_not_built_yet", "Not built yet")


def test_a_first_build_under_way_is_not_green_either(merchant, feed):
    lease = feed.lease("worker", seconds=60)
    assert lease is not None
    all_agree(merchant, feed, "warning", "feed_not_built_yet", "Being built")


def test_a_feed_that_should_have_been_built_long_ago_is_a_problem(merchant, feed):
    Feed.objects.update(created_at=timezone.now() - timedelta(hours=49))
    all_agree(merchant, feed, "problem", "feed_never_built", "Not built yet")


def test_a_feed_built_long_ago_says_since_when_it_is_out_of_date(merchant, feed, build, settings):
    settings.TIME_ZONE = "UTC"
    build()
    long_ago = timezone.now().replace(year=2025, month=3, day=4, hour=5, minute=6)
    Feed.objects.update(built_at=long_ago)
    text = "Out of date since March 6, 2025, 5:06 a.m."
    all_agree(merchant, feed, "problem", "feed_too_old", text)


def test_a_first_build_without_products_waits_and_is_not_green(merchant, feed, plain_shop):
    plain_shop.goods = []
    Build(feed).run()
    text = "A build waits for your decision: The feed would be empty."
    all_agree(merchant, feed, "problem", "feed_build_held", text)


def test_an_empty_feed_that_the_merchant_accepted_is_not_green(merchant, feed, plain_shop):
    plain_shop.goods = []
    assert accept_build(Build(feed).run())
    feed.refresh_from_db()
    all_agree(merchant, feed, "warning", "feed_empty", "It holds no products")


def test_a_feed_without_a_problem_is_in_order(merchant, feed, build):
    build()
    all_agree(merchant, feed, "ok", "feed_in_order", "In order")


def test_a_few_products_with_problems_are_told_and_keep_the_light_green(merchant, feed, build):
    build(3, image_urls=())
    text = "In order, but 3 of 100 products have problems"
    all_agree(merchant, feed, "ok", "feed_in_order", text)


def test_hints_on_every_product_never_make_the_light_yellow(merchant, feed, build):
    build(100, description="", title="A shirt " * 30)
    assert FeedBuild.objects.get().flawed == 100
    all_agree(merchant, feed, "ok", "feed_in_order", "In order")
    page = merchant.get(screen(feed)).content.decode()
    assert "have problems" not in page
    assert "no description</a> · hint" in page


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"image_urls": ()}, "no picture"),
        ({"price": None}, "no price; left out"),
        ({"url": ""}, "no page in the shop; left out"),
        ({"price": 0}, "the price is 0"),
        ({"categories": ()}, "no category"),
    ],
)
def test_what_esputnik_refuses_or_shows_wrongly_on_every_product(
    merchant, feed, build, wrong, reason
):
    if build(99, **wrong).status == BuildStatus.HELD:
        raise AssertionError("one product is left, so it must be published")
    text = f"99 of 100 products have problems, most often: {reason}"
    all_agree(merchant, feed, "warning", "feed_products_flawed", text)
    health = monitor(merchant).json()
    (found,) = [one for one in health["findings"] if one["feed"] == "uk"]
    assert found["numbers"] == {"flawed": 99, "products": 100}


def test_a_product_with_two_problems_is_one_product(merchant, feed, build):
    build(10, image_urls=(), categories=())
    text = "10 of 100 products have problems, most often: no picture"
    assert FeedBuild.objects.get().serious == 10
    all_agree(merchant, feed, "warning", "feed_products_flawed", text)


def test_a_failed_build_does_not_hide_what_is_served(merchant, feed, build, plain_shop):
    """The share is that of the file which eSputnik reads."""
    build(50, image_urls=())
    plain_shop.goods = None
    with pytest.raises(TypeError):
        Build(feed).run()
    page = unescape(merchant.get(screen(feed)).content.decode())
    assert "The last build failed: TypeError" in page
    assert "50 of 100 products have problems" in page
    assert doctor()[1] == "feed_build_failed"


def test_a_build_of_the_release_before_is_judged_by_its_reasons(merchant, feed, build):
    """It did not count the products, but what was wrong with them."""
    build(50, image_urls=())
    FeedBuild.objects.update(serious=None)
    text = "50 of 100 products have problems, most often: no picture"
    all_agree(merchant, feed, "warning", "feed_products_flawed", text)


def test_the_command_ends_well_with_a_hint_and_badly_with_a_problem(feed, build):
    def check() -> tuple[str, int]:
        output = io.StringIO()
        try:
            call_command("esputnik_feed", "check", "--offline", stdout=output)
        except SystemExit as end:
            return output.getvalue(), int(end.code or 0)
        return output.getvalue(), 0

    build(99, image_urls=())
    said, code = check()
    assert ("99 of 100 products have problems" in said, code) == (True, 0)
    Feed.objects.update(built_at=timezone.now() - timedelta(hours=49))
    said, code = check()
    assert ("Out of date since" in said, code) == (True, 1)
