"""Where a request comes from: what a browser says of it, and which client it is."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from esputnik_connector.tracking.origin import UNKNOWN, client_of, is_same_origin


def request_from(address: str, way: str = "", **headers: str):
    extra = {"HTTP_X_FORWARDED_FOR": way} if way else {}
    return RequestFactory(headers=headers).post("/", REMOTE_ADDR=address, **extra)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2a02:2378::1", "2a02:2378::/64"),
        ("::ffff:8.8.8.8", "8.8.8.8"),  # IPv4 at a socket that listens to both
        ("8.8.8.8:51234", "8.8.8.8"),  # as some balancers of a cloud write it
        ("[2a02:2378::1]:443", "2a02:2378::/64"),
        ("[2a02:2378::1]", "2a02:2378::/64"),
        ("::ffff:10.0.0.1", UNKNOWN),
        ("10.0.0.1", UNKNOWN),
        ("unix:", UNKNOWN),
        ("", UNKNOWN),
        ("8.8.8.8:", "8.8.8.8"),
        ("unknown", UNKNOWN),
    ],
)
def test_a_client_is_told_by_its_address(address: str, client: str) -> None:
    assert client_of(request_from(address)) == client


def test_two_clients_of_a_socket_for_both_protocols_are_two() -> None:
    ada, eve = (client_of(request_from(f"::ffff:8.8.8.{last}")) for last in (8, 9))
    assert ada != eve


@pytest.mark.parametrize(
    ("proxies", "way", "client"),
    [
        (0, "1.1.1.1", "8.8.8.8"),  # nobody said that there is a proxy: a word of the client
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "9.9.9.9, 1.1.1.1", "1.1.1.1"),
        (2, "9.9.9.9, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (1, "9.9.9.9, 1.1.1.1:443", "1.1.1.1"),
        (1, "", "8.8.8.8"),
        (1, " , ", "8.8.8.8"),
    ],
)
def test_behind_proxies_only_what_they_wrote_counts(settings, proxies, way, client) -> None:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "TRUSTED_PROXIES": proxies}
    assert client_of(request_from("8.8.8.8", way)) == client


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://testserver"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://testserver"}, True),
        ({"origin": "http://testserver.evil.example"}, False),
        ({"origin": "http://testserver@evil.example"}, False),
        ({"origin": "http://evil.example", "referer": "http://testserver/"}, False),
        ({"origin": "null", "referer": "http://testserver/"}, True),
        ({"referer": "http://testserver/en/"}, True),
        ({"referer": "http://testserver:8000/en/"}, False),
        ({"referer": "http://[broken"}, False),
        ({}, False),
    ],
)
def test_only_a_page_of_this_shop_may_send(headers, is_ours) -> None:
    assert is_same_origin(request_from("8.8.8.8", **headers)) is is_ours
