"""What the world gets at a feed's address."""

from __future__ import annotations

import gzip
from base64 import b64encode
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.links import CHECK_AGENT, feed_path, fetch_trouble
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from tests.feeds import google_items, product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop):
    settings.MEDIA_ROOT = tmp_path
    plain_shop.goods = [product(key=str(key)) for key in range(1, 1301)]


@pytest.fixture
def feed(db):
    return Feed.objects.create(name="main", language="uk", currency="UAH", requires_brand=False)


@pytest.fixture
def built(feed):
    Build(feed).run()
    feed.refresh_from_db()
    return feed


def body(response):
    return b"".join(response.streaming_content)


def test_a_built_file_comes_from_storage_with_all_its_headers(client, built):
    response = client.get(feed_path(built))
    content = body(response)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml; charset=utf-8"
    assert int(response["Content-Length"]) == len(content) == built.size
    assert response["ETag"] == f'"{built.digest}"'
    assert "Last-Modified" in response
    assert "Accept-Encoding" in response["Vary"]
    assert "Content-Encoding" not in response
    assert response["X-Robots-Tag"] == "noindex"
    assert len(google_items(content)) == 1300


def test_who_takes_gzip_gets_the_packed_file(client, built):
    response = client.get(feed_path(built), headers={"Accept-Encoding": "br, gzip;q=0.8"})
    packed = body(response)
    assert response["Content-Encoding"] == "gzip"
    assert int(response["Content-Length"]) == len(packed) < built.size / 10
    assert response["ETag"] == f'"{built.digest}-gz"'
    assert len(google_items(gzip.decompress(packed))) == 1300
    refused = client.get(feed_path(built), headers={"Accept-Encoding": "gzip;q=0, br"})
    assert "Content-Encoding" not in refused
    body(refused)


def test_serving_asks_for_one_row_and_the_storage(client, built, plain_shop, monkeypatch):
    def never(self, **_options):
        raise AssertionError("generated inside a public request")

    monkeypatch.setattr(plain_shop, "products", never)
    body(client.get(feed_path(built)))  # notes the visit; again only after a minute
    with CaptureQueriesContext(connection) as captured:
        body(client.get(feed_path(built)))
    assert len(captured) == 1


@pytest.mark.parametrize("packing", ["", "gzip"])
def test_a_conditional_request_is_answered_with_304(client, built, packing):
    first = client.get(feed_path(built), headers={"Accept-Encoding": packing})
    body(first)
    for condition in (
        {"If-None-Match": first["ETag"]},
        {"If-None-Match": f'W/{first["ETag"]}, "other"'},
        {"If-Modified-Since": first["Last-Modified"]},
    ):
        again = client.get(feed_path(built), headers={"Accept-Encoding": packing, **condition})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == first["ETag"]


def test_a_changed_feed_is_not_304(client, built, plain_shop):
    first = client.get(feed_path(built))
    body(first)
    plain_shop.goods = plain_shop.goods[:1299]
    Build(built).run()
    again = client.get(feed_path(built), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    body(again)


def test_head_has_the_headers_and_no_body(client, built):
    response = client.head(feed_path(built))
    assert response.status_code == 200
    assert int(response["Content-Length"]) == built.size
    assert response.content == b""


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_else_may_be_done(client, built, method):
    assert getattr(client, method)(feed_path(built)).status_code == 405


@pytest.mark.parametrize(
    "token",
    ["1.wrong", "wrong", "0.x", "99999999999999999999999.x", "١.x", "-1.x", "{pk}.", "{pk}"],
)
def test_a_wrong_secret_is_a_plain_404(client, built, token):
    address = f"/esputnik/feeds/{token.format(pk=built.pk)}/uk.xml"
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert (response.status_code, response.content) == (404, b"")
    ours = [one for one in captured if "esputnik_connector_feed" in one["sql"]]
    assert len(ours) == 1  # as many as for the right one


def test_a_wrong_language_or_extension_is_404(client, built):
    path = feed_path(built)
    assert client.get(path.replace("uk.xml", "en.xml")).status_code == 404
    assert client.get(path.replace("uk.xml", "uk.yml")).status_code == 404


def test_a_rotated_address_is_404_and_the_new_one_works(client, built):
    old = feed_path(built)
    built.rotate()
    assert client.get(old).status_code == 404
    assert len(body(client.get(feed_path(built)))) == built.size


def test_a_feed_that_is_off_is_gone(client, built):
    Feed.objects.update(is_enabled=False)
    assert client.get(feed_path(built)).status_code == 410


def test_basic_authentication(client, built):
    built.auth_user, built.auth_password = "esputnik", "se:crét"
    built.save()

    def get(pair):
        token = b64encode(pair.encode()).decode()
        return client.get(feed_path(built), headers={"Authorization": f"Basic {token}"})

    refused = client.get(feed_path(built))
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"].startswith("Basic ")
    assert get("esputnik:wrong").status_code == 401
    garbled = client.get(feed_path(built), headers={"Authorization": "Basic ???"})
    assert garbled.status_code == 401
    answer = get("esputnik:se:crét")
    assert answer.status_code == 200
    body(answer)


def test_the_first_fetch_streams_and_leaves_a_built_file(client, feed):
    response = client.get(feed_path(feed))
    assert "Content-Length" not in response
    assert len(google_items(body(response))) == 1300
    feed.refresh_from_db()
    assert feed.item_count == 1300
    again = client.get(feed_path(feed))
    assert int(again["Content-Length"]) == feed.size
    body(again)


def test_a_reader_who_leaves_during_the_first_build_breaks_nothing(client, feed):
    response = client.get(feed_path(feed))
    pieces = response._iterator  # as the server reads it
    next(pieces)
    busy = client.get(feed_path(feed))
    assert (busy.status_code, busy["Retry-After"]) == (503, "60")
    pieces.close()
    response._iterator = iter(())
    feed.refresh_from_db()
    assert feed.builds.first().status == BuildStatus.FAILED
    assert feed.holder == ""
    assert len(google_items(body(client.get(feed_path(feed))))) == 1300


def test_head_of_a_new_feed_builds_nothing(client, feed):
    assert client.head(feed_path(feed)).status_code == 200
    assert feed.builds.count() == 0


def test_a_file_that_is_gone_asks_to_come_back(client, built):
    storage().delete(built.file)
    response = client.get(feed_path(built))
    assert (response.status_code, response["Retry-After"]) == (503, "60")


def test_the_last_visit_is_noted_but_not_our_own_check(client, built):
    body(client.get(feed_path(built), headers={"User-Agent": CHECK_AGENT}))
    built.refresh_from_db()
    assert built.fetched_at is None
    body(client.get(feed_path(built), headers={"User-Agent": "eSputnik"}))
    built.refresh_from_db()
    assert built.fetched_by == "eSputnik"
    assert built.fetched_at > timezone.now() - timedelta(minutes=1)


def test_the_address_can_be_fetched_through_the_public_host(
    live_server, settings, transactional_db
):
    feed = Feed.objects.create(
        name="live", language="uk", currency="UAH", shop_url=live_server.url,
        auth_user="e", auth_password="secret-word",
    )  # fmt: skip
    Build(feed).run()
    assert fetch_trouble(feed) == ""
    Feed.objects.update(is_enabled=False)
    assert "410" in fetch_trouble(feed)
    feed.shop_url = "http://127.0.0.1:1"
    assert "cannot be read" in fetch_trouble(feed)
    assert default_storage
