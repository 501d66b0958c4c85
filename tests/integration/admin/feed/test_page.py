"""The screens of feeds: who may see the address, and that nothing acts without a POST."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from esputnik_connector.feed.build import Build
from esputnik_connector.fields import reveal
from esputnik_connector.models import Feed, FeedProblem
from tests.feed_page import screen, staff
from tests.feeds import product

pytestmark = pytest.mark.django_db


def test_who_may_only_look_sees_neither_address_nor_password(client, feed):
    client.force_login(staff("view_feed"))
    shown = client.get(screen(feed)).content.decode()
    assert feed.secret not in shown
    assert "new_password" not in shown
    for name in ("build", "reach", "rotate"):
        assert client.post(screen(feed, name)).status_code == 403


def test_the_page_has_the_address_and_the_steps(client, feed):
    client.force_login(staff(is_superuser=True))
    shown = client.get(screen(feed)).content.decode()
    assert f"https://shop.example/esputnik/feeds/{feed.token}/uk.xml" in shown
    assert "How to post it in eSputnik by hand" in shown
    assert "Upload a product data feed" in shown


def test_nothing_acts_without_a_post(client, feed):
    client.force_login(staff(is_superuser=True))
    for name in ("build", "reach"):
        assert client.get(screen(feed, name)).status_code == 405
    assert client.get(screen(feed, "accept", 1)).status_code == 405
    secret = feed.secret
    assert client.get(screen(feed, "rotate")).status_code == 200
    feed.refresh_from_db()
    assert feed.secret == secret


def form(**values):
    tables = {
        f"{table}-{name}": number
        for table in ("attributes", "google_categories")
        for name, number in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return {
        "name": "new", "is_enabled": "on", "format": "google", "language": "uk",
        "currency": "UAH", "every_hours": 24, "stale_hours": 48, "largest_shrink": 20,
        **tables, **values,
    }  # fmt: skip


def test_a_password_goes_in_and_never_comes_out(client):
    client.force_login(staff(is_superuser=True))
    add = reverse("admin:esputnik_connector_feed_add")
    refused = client.post(add, form(auth_user="e"))
    assert "A user name needs a password" in refused.content.decode()
    client.post(add, form(auth_user="e", new_password="the-secret-word"))
    feed = Feed.objects.get()
    assert reveal(feed.auth_password) == "the-secret-word"
    assert "the-secret-word" not in client.get(screen(feed)).content.decode()
    client.post(screen(feed), form(auth_user="e", title="Renamed"))
    feed.refresh_from_db()
    assert (feed.title, reveal(feed.auth_password)) == ("Renamed", "the-secret-word")


def test_a_user_name_cannot_hold_a_colon(merchant):
    add = reverse("admin:esputnik_connector_feed_add")
    refused = merchant.post(add, form(auth_user="e:sputnik", new_password="the-secret-word"))
    assert "cannot hold a colon" in refused.content.decode()
    assert not Feed.objects.exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"is_enabled": False}, "Off: the address answers 410"),
        ({}, "Not built yet"),
        ({"holder": "w", "leased_until": timedelta(minutes=9)}, "Being built"),
        ({"created_at": -timedelta(days=9)}, "Not built yet"),
    ],
)
def test_the_list_says_how_each_feed_is_going(merchant, feed, change, text):
    now = timezone.now()
    Feed.objects.filter(pk=feed.pk).update(
        **{name: now + to if isinstance(to, timedelta) else to for name, to in change.items()}
    )
    page = merchant.get(reverse("admin:esputnik_connector_feed_changelist")).content.decode()
    assert text in page
    assert "uk · UAH · google" in page


@pytest.mark.parametrize(("currency", "is_right"), [("UAH", True), ("uah", False), ("", False)])
def test_a_currency_is_three_capital_letters(client, currency, is_right):
    client.force_login(staff(is_superuser=True))
    client.post(reverse("admin:esputnik_connector_feed_add"), form(currency=currency))
    assert Feed.objects.exists() == is_right


def test_build_now_makes_it_due(client, feed):
    Build(feed).run()
    client.force_login(staff(is_superuser=True))
    client.post(screen(feed, "build"))
    assert Feed.objects.due(timezone.now()).count() == 1


def test_a_held_build_may_be_discarded(client, feed, plain_shop):
    Build(feed).run()
    plain_shop.goods = []
    held = Build(feed).run()
    client.force_login(staff(is_superuser=True))
    client.post(screen(feed, "accept", held.pk), {"discard": "1"})
    held.refresh_from_db()
    assert (held.status, held.file) == ("discarded", "")
    again = client.post(screen(feed, "accept", held.pk), {"accept": "1"}, follow=True)
    assert "A newer build has been made meanwhile" in again.content.decode()


def test_problems_never_link_to_anything_but_a_web_page(client, feed):
    FeedProblem.objects.create(
        feed=feed, product_key="1", flaw="not_absolute", url="javascript:alert(1)", title="<b>"
    )
    client.force_login(staff(is_superuser=True))
    shown = client.get(reverse("admin:esputnik_connector_feedproblem_changelist")).content.decode()
    assert 'href="javascript:' not in shown
    assert "&lt;b&gt;" in shown


def test_the_files_of_a_deleted_feed_go_with_it(client, feed, tmp_path):
    Build(feed).run()
    client.force_login(staff(is_superuser=True))
    client.post(screen(feed, "delete"), {"post": "yes"})
    assert not Feed.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_links_of_the_page_hold_where_numbers_are_grouped(client, feed, plain_shop, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    Feed.objects.filter(pk=feed.pk).update(id=12345)
    plain_shop.goods = [product(key="1", image_urls=())]
    Build(Feed.objects.get()).run()
    client.force_login(staff(is_superuser=True))
    page = client.get(screen(Feed.objects.get())).content.decode()
    assert page.count("?feed__id__exact=12345") == 2
    assert "12,345" not in page


@pytest.mark.parametrize(
    ("language", "rate", "seconds"), [("en", "33.3%", "2.5"), ("uk", "33,3%", "2,5")]
)
def test_shares_and_seconds_are_written_as_the_reader_writes_them(
    client, feed, plain_shop, settings, language, rate, seconds
):
    settings.LANGUAGE_CODE = language
    plain_shop.goods = [product(key=str(key)) for key in range(3)]
    plain_shop.goods[0] = product(key="0", image_urls=())
    Build(feed).run()
    build = feed.builds.get()
    build.finished_at = build.started_at + timedelta(seconds=2.46)
    build.save()
    client.force_login(staff(is_superuser=True))
    assert rate in client.get(screen(feed)).content.decode()
    for name, arguments in (("changelist", []), ("change", [build.pk])):
        address = reverse(f"admin:esputnik_connector_feedbuild_{name}", args=arguments)
        page = client.get(address).content.decode()
        assert rate in page
    assert f">{seconds}<" in page
