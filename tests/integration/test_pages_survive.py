"""Whatever is broken of ours, the shop shows its page, with as much of ours as still works."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import clear_url_caches
from oscar.test import factories

from esputnik_connector.models import Storefront
from esputnik_connector.shops.oscar.adapter import OscarShop
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, VISIT, ask, block, browser, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
FORM = "{% load esputnik %}before{% esputnik_subscribe_form %}after"
urlpatterns: list[object] = []  # of a project that has left ours out
TRACKING = "{% load esputnik %}before{% esputnik_tracking %}after"


@pytest.fixture
def visitor():
    return browser()


def rendered(text):
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.resolver_match = None
    return Template(text).render(Context({"request": request}))


@pytest.fixture
def nothing_collected(settings, tmp_path):
    """As after an upgrade whose static files were not collected."""
    settings.STATIC_ROOT = str(tmp_path)
    settings.DEBUG = False
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": MANIFEST}}


def test_a_page_with_the_form_is_shown_without_our_static_files(nothing_collected, caplog):
    page = rendered(FORM)
    assert page.startswith("before<form")
    assert page.endswith("after")
    assert "<script" not in page
    assert "subscribe.js" in caplog.text


def test_a_tracked_page_is_shown_without_our_static_files(nothing_collected, caplog):
    storefront()
    assert rendered(TRACKING) == "beforeafter"
    assert "is not tracked" in caplog.text


@pytest.fixture
def without_our_urls(settings):
    settings.ROOT_URLCONF = __name__
    clear_url_caches()
    yield
    clear_url_caches()


def test_a_form_without_our_addresses_is_left_out_and_said(without_our_urls, caplog):
    assert rendered(FORM) == "beforeafter"
    assert "esputnik_connector.urls" in caplog.text


def test_what_cannot_be_told_of_a_page_leaves_esputniks_script_in_it(visitor, monkeypatch, caplog):
    def broken(*_given, **_more):
        raise DatabaseError("olena@example.com is locked")

    site = storefront()
    seen = factories.create_product()
    monkeypatch.setattr(OscarShop, "viewed", broken)
    page = visitor.get(seen.get_absolute_url())
    assert block(page)["script"] == site.script
    assert "events" not in block(page)
    assert "ProductPage" in caplog.text
    assert "olena" not in caplog.text


def test_a_page_is_shown_when_nobody_knows_the_storefronts(visitor, monkeypatch, caplog):
    def broken(*_given, **_more):
        raise DatabaseError("gone away")

    storefront()
    monkeypatch.setattr("esputnik_connector.models.storefront.StorefrontQuerySet.kept", broken)
    page = visitor.get(factories.create_product().get_absolute_url())
    assert page.status_code == 200
    assert "gone away" not in caplog.text


@pytest.mark.parametrize(
    "values",
    [{"site_id": ""}, {"script": ""}, {"script": "", "site_id": ""}, {"is_push": True}],
)
def test_a_storefront_that_is_half_set_up_breaks_no_page(visitor, values):
    storefront(**values)
    page = visitor.get(factories.create_product().get_absolute_url())
    assert page.status_code == 200
    assert block(page)["events"]


def test_a_connection_that_is_switched_off_leaves_nothing_in_a_page(visitor):
    site = storefront()
    site.connection.is_enabled = False
    site.connection.save()
    page = visitor.get(factories.create_product().get_absolute_url())
    assert b"esputnik-page" not in page.content
    assert ask(visitor).status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 15_000, 400),
        ('{"seen": ' + "[" * 15_000, 400),
        ('{"seen": {"a": 1}, "product": {"b": 2}, "url": ["c"]}', 200),
        ('{"product": "\\u0000"}', 200),
        ('{"product": "\\ud800"}', 200),
        ('{"seen": ["\\ud800:x:y"]}', 200),
        ('{"url": "http://[oops"}', 200),
        ('{"url": "http://testserver/\\ud800"}', 200),
        (json.dumps({"seen": ["x" * 100] * 100}), 200),
    ],
)
def test_the_endpoint_never_fails_for_what_somebody_makes_up(visitor, body, status):
    storefront(routes={"ProductPage": "tracker"})
    headers = {"sec-fetch-site": "same-origin"}
    answer = visitor.post(VISIT, body, content_type="application/json", headers=headers)
    assert answer.status_code == status


def test_a_host_that_is_none_of_the_shops_is_no_storefront(settings, visitor):
    settings.ALLOWED_HOSTS = ["testserver"]
    storefront(domain="evil.example")
    asked = {"sec-fetch-site": "same-origin", "host": "evil.example"}
    answer = visitor.post(VISIT, "{}", content_type="application/json", headers=asked)
    assert answer.status_code == 400


def test_a_host_with_a_dot_at_its_end_is_the_same_host():
    storefront(domain="shop.example")
    assert Storefront.objects.for_host("shop.example.") is not None
    assert Storefront.objects.for_host("evilshop.example") is None
    assert Storefront.objects.for_host("shop.example.evil.example") is None
