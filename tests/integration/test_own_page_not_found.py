"""A page of the shop for what is not there says so by its status, whatever its template is told."""

from __future__ import annotations

import pytest
from django.http import HttpResponseNotFound, StreamingHttpResponse
from django.test import Client, RequestFactory

from esputnik_connector.tracking.pages import tell_not_found
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, HOST, block, blocks, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

TOLD = ["sendEvent", "NotFound"]
PAGE = b'<p>Lost</p><script id="esputnik-page" type="application/json">{}</script>'


@pytest.fixture
def visitor():
    return Client(headers={"user-agent": AGENT})


@pytest.fixture
def own(settings):
    settings.ROOT_URLCONF = "tests.browser.own_404_urls"


@pytest.fixture
def site():
    return storefront()


def told(page):
    return [call for each in blocks(page) for call in each.get("events", ())]


def asked():
    return RequestFactory().get("/lost", headers={"host": HOST})


def test_an_own_page_tells_without_a_tag_of_its_own(own, visitor, site):
    page = visitor.get("/no-such-page/")
    assert (page.status_code, told(page)) == (404, [TOLD])
    assert b"Nothing here" in page.content


def test_it_is_told_once_where_the_page_tells_it_itself(visitor, site):
    page = visitor.get("/no-such-page/")  # Django's own handler, whose context says it
    assert block(page)["events"] == [TOLD]


def test_a_product_that_is_gone_is_told_as_such(own, visitor, site):
    assert told(visitor.get("/en/catalogue/gone_999999/")) == [TOLD]


def test_a_page_without_our_tag_stays_as_it_is(own, visitor, site):
    assert visitor.get("/bare-404").content == b"<!DOCTYPE html><title>Lost</title>"


@pytest.mark.parametrize("values", [{"routes": {"NotFound": "off"}}, {"is_tracking": False}])
def test_what_the_merchant_does_not_want_told_is_not(own, visitor, values):
    storefront(**values)
    assert told(visitor.get("/no-such-page/")) == []


def test_another_status_is_no_missing_page(site):
    response = HttpResponseNotFound(PAGE, status=410)
    tell_not_found(asked(), response)
    assert response.content == PAGE


def test_the_length_of_the_answer_is_right(site):
    response = HttpResponseNotFound(PAGE, headers={"Content-Length": str(len(PAGE))})
    tell_not_found(asked(), response)
    assert int(response["Content-Length"]) == len(response.content) > len(PAGE)


@pytest.mark.parametrize("encoded", [True, False])
def test_what_cannot_be_read_is_left_alone(site, encoded):
    if encoded:
        response = HttpResponseNotFound(PAGE, headers={"Content-Encoding": "gzip"})
        tell_not_found(asked(), response)
        assert response.content == PAGE
    else:
        stream = StreamingHttpResponse([PAGE], status=404)
        tell_not_found(asked(), stream)
        assert b"".join(stream) == PAGE
