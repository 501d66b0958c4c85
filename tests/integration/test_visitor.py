"""Who visits, as far as only a request knows: nothing made up, nothing personal too much."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import resolve

from esputnik_connector.shops.oscar.adapter import OscarShop
from esputnik_connector.tracking.visitor import (
    OWN_COOKIE,
    clean_url,
    cookie_of,
    notes_of,
    path_of,
    said_url,
    visitor_of,
)
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, SC, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]


def request_with(cookies=(), path="/", **headers):
    request = RequestFactory(headers={"user-agent": AGENT, **headers}).get(path)
    request.COOKIES.update(cookies)
    return request


def test_the_cookie_of_esputniks_script_names_the_visitor():
    assert cookie_of(request_with({"sc": SC}), storefront()) == SC


@pytest.mark.parametrize(
    "value",
    ["", "x", "a b", "<script>", "олена", "a" * 500, "olena@example.com", "0;sc=1", "\x00" * 9],
)
def test_a_cookie_that_is_not_what_it_should_be_is_no_visitor(value):
    assert cookie_of(request_with({"sc": value}), storefront()) == ""


def test_where_that_script_is_not_loaded_the_visitor_gets_a_cookie_of_ours():
    site, request = storefront(script=""), request_with()
    made = cookie_of(request, site)
    assert notes_of(request).new_cookie == made == cookie_of(request, site)
    assert cookie_of(request_with({OWN_COOKIE: made}), site) == made
    assert cookie_of(request_with(), site) != made


def test_the_browser_the_page_and_the_language_are_noted():
    request = request_with({"sc": SC}, "/en/catalogue/?q=mug&email=olena@example.com")
    request.LANGUAGE_CODE = "uk"
    found = visitor_of(request, storefront(), OscarShop())
    assert (found.cookie, found.user_agent, found.language) == (SC, AGENT, "uk")
    assert found.page_url == "http://testserver/en/catalogue/?q=mug"
    assert not found.is_named


@pytest.mark.parametrize("written", ["%D1%87%D0%B0%D0%B9", "чай"])
def test_ukrainian_words_of_an_address_are_the_same_in_either_form(written):
    """Browsers write them in percent, other programs as they are."""
    raw = written.encode().decode("latin-1")  # as WSGI hands it over
    request = RequestFactory(headers={"user-agent": AGENT}).get("/пошук/", QUERY_STRING=f"q={raw}")
    found = visitor_of(request, storefront(), OscarShop()).page_url
    path = "%D0%BF%D0%BE%D1%88%D1%83%D0%BA"
    assert found == f"http://testserver/{path}/?q=%D1%87%D0%B0%D0%B9"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://s.example/?sc_content=1_r2v3&utm_source=mail", "https://s.example/?sc_content=1_r2v3&utm_source=mail"),
        ("https://s.example/?e=olena%40example.com&page=2", "https://s.example/?page=2"),
        ("https://s.example/?q=%2B380501234567", "https://s.example/"),
        ("https://s.example/?reset_token=abc&user_name=o#part", "https://s.example/"),
    ],
)  # fmt: skip
def test_an_address_is_kept_without_what_may_be_personal(given, kept):
    assert clean_url(given) == kept


def on(path):
    request = request_with(path=path)
    request.resolver_match = resolve(path)
    return request


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/en/accounts/order-status/100001/a1B2c3:s1gn/", "/en/accounts/order-status/100001/-/"),
        ("/en/password-reset/confirm/MQ/c1x-abcdef/", "/en/password-reset/confirm/-/-/"),
        ("/en/catalogue/mug_17/", "/en/catalogue/mug_17/"),
        ("/en/basket/", "/en/basket/"),
    ],
)
def test_a_path_that_opens_what_is_private_is_kept_without_its_secret(path, kept):
    """By such an address whoever reads it sees an order, or sets another's password."""
    assert path_of(on(path)) == kept
    found = visitor_of(on(path), storefront(), OscarShop())
    assert found.page_url == f"http://testserver{kept}"


def test_a_path_of_nothing_is_kept_as_it_is():
    assert path_of(request_with(path="/no/such/page/")) == "/no/such/page/"


def test_an_address_is_cut():
    assert len(clean_url("https://s.example/" + "x" * 5000)) == 1000


@pytest.mark.parametrize(
    "given", ["https://evil.example/", "javascript:alert(1)", "//evil.example/", "/x", 7, None]
)
def test_a_page_of_another_site_is_not_believed(given):
    assert said_url(request_with(), given) == ""


def test_a_page_of_this_site_is():
    assert said_url(request_with(), "http://testserver/en/") == "http://testserver/en/"
