"""The buttons of a feed: build, check the address, make a new one, accept a held build."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.links import feed_path
from esputnik_connector.models import Feed
from tests.feed_page import screen, texts
from tests.feeds import product

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(feed, plain_shop):
    """A build that lost too much to be published unseen."""
    Build(feed).run()
    plain_shop.goods = [product(key="1")]
    build = Build(feed).run()
    assert build.status == "held"
    return build


def press(client, feed, name, *args, **posted):
    return texts(client.post(screen(feed, name, *args), posted, follow=True))


def test_a_new_address_ends_the_old_one_after_a_page_that_says_so(merchant, client, feed):
    Build(feed).run()
    feed.refresh_from_db()
    old = feed_path(feed)
    page = merchant.get(screen(feed, "rotate")).content.decode()
    assert "The present address of the feed “main” answers 404" in page
    assert "Yes, make a new address" in page
    assert "Register it at the account" in press(merchant, feed, "rotate")
    feed.refresh_from_db()
    assert client.get(old).status_code == 404
    answer = client.get(feed_path(feed))
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content).startswith(b"<?xml")
    assert LogEntry.objects.get().change_message == "A new address was made."


def test_an_accepted_build_is_served(merchant, feed, held):
    page = merchant.get(screen(feed)).content.decode()
    assert "The build that waits has 1 items; 10 are served now." in page
    assert "is served from now on" in press(merchant, feed, "accept", held.pk, accept="1")
    feed.refresh_from_db()
    held.refresh_from_db()
    assert (feed.item_count, held.status) == (1, "published")
    assert LogEntry.objects.get().change_message == "A build was accepted."


def test_no_build_is_accepted_while_another_one_runs(merchant, feed, held):
    Feed.objects.update(holder="worker", leased_until=timezone.now() + timedelta(minutes=1))
    assert "is being built already" in press(merchant, feed, "accept", held.pk, accept="1")
    held.refresh_from_db()
    assert held.status == "held"


def test_a_held_build_without_its_file_is_not_served(merchant, feed, held):
    storage().delete(held.file)
    assert "Its file is gone" in press(merchant, feed, "accept", held.pk, accept="1")
    feed.refresh_from_db()
    assert feed.item_count == 10


def test_the_list_of_builds_leads_to_the_decision(merchant, feed, held):
    address = reverse("admin:esputnik_connector_feedbuild_change", args=[held.pk])
    page = merchant.get(address).content.decode()
    assert f'<a href="{screen(feed)}">Accept or discard it' in page


def test_a_feed_that_is_off_is_not_built(merchant, feed):
    later = timezone.now() + timedelta(hours=1)
    Feed.objects.update(is_enabled=False, due_at=later)
    assert "The feed is off" in press(merchant, feed, "build")
    feed.refresh_from_db()
    assert feed.due_at == later


def test_an_address_that_cannot_be_read_is_explained(merchant, feed):
    Feed.objects.update(shop_url="http://127.0.0.1:1")
    assert "http://127.0.0.1:1 cannot be read from here" in press(merchant, feed, "reach")


@pytest.mark.parametrize("name", ["build", "reach", "rotate"])
def test_a_feed_that_is_gone_is_not_found(merchant, feed, name):
    address = screen(feed, name)
    feed.delete()
    assert merchant.post(address).status_code == 404


def test_the_files_of_several_feeds_go_with_them(merchant, feed, held, tmp_path):
    other = Feed.objects.create(name="other", language="uk", currency="UAH", brand="K")
    Build(other).run()
    posted = {"action": "delete_selected", "post": "yes", "_selected_action": [feed.pk, other.pk]}
    merchant.post(reverse("admin:esputnik_connector_feed_changelist"), posted)
    assert not Feed.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
