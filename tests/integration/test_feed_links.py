"""The address of a feed: whose storefront it leads to, and what it needs of the project."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.contrib.sites.models import Site
from django.test import override_settings

from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.feed.links import feed_url, fetch_trouble, storefront_url
from esputnik_connector.models import Feed

pytestmark = pytest.mark.django_db


@pytest.fixture
def feed(db):
    return Feed.objects.create(name="main", language="uk", currency="UAH")


@pytest.fixture
def no_shop_url(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": ""}


def test_the_feeds_own_storefront_goes_before_the_setting(feed):
    assert storefront_url(feed) == "https://shop.example"
    feed.shop_url = "https://other.example/"
    assert feed_url(feed).startswith("https://other.example/esputnik/feeds/")


@pytest.mark.usefixtures("no_shop_url")
def test_without_a_setting_the_current_site_is_the_storefront(feed):
    Site.objects.update(domain="site.example")
    Site.objects.clear_cache()
    assert storefront_url(feed) == "https://site.example"
    Site.objects.clear_cache()


@pytest.mark.usefixtures("no_shop_url")
@pytest.mark.parametrize("lacks", ["row", "app"])
def test_a_storefront_that_nothing_names_is_said_instead_of_fetched(feed, settings, lacks):
    if lacks == "row":
        Site.objects.all().delete()
        Site.objects.clear_cache()
    else:
        settings.INSTALLED_APPS = [
            app for app in settings.INSTALLED_APPS if app != "django.contrib.sites"
        ]
    assert storefront_url(feed) == ""
    assert "SHOP_URL is not set" in fetch_trouble(feed)


def test_a_project_without_our_addresses_is_told_what_to_add(feed):
    empty = ModuleType("urls")
    empty.urlpatterns = []
    with override_settings(ROOT_URLCONF=empty):
        with pytest.raises(ConfigurationError, match="Add to its urls"):
            feed_url(feed)
        assert "Add to its urls.py" in fetch_trouble(feed)
