"""How a request proves whose it is."""

from __future__ import annotations

import base64

import pytest
import responses

from esputnik_connector.destinations.auth import BasicAuth, HeaderAuth
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.exceptions import CredentialsError, RejectedError

KEY = "0123456789abcdef"
URL = "https://cdp.test/v1"


def header_sent(auth, name: str) -> bytes:
    with responses.RequestsMock() as wire:
        wire.get(f"{URL}/me", json={})
        http = HttpClient(URL, auth=auth)
        http.send(http.prepared("GET", "me"))
        http.close()
        value = wire.calls[0].request.headers[name]
    return value if isinstance(value, bytes) else value.encode()


def test_basic_is_user_and_key_in_utf8():
    pair = base64.b64encode("user:ключ".encode())
    assert header_sent(BasicAuth("user", "ключ"), "Authorization") == b"Basic " + pair


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        (HeaderAuth("X-Api-Key", KEY), "X-Api-Key", KEY),
        (HeaderAuth("Authorization", KEY, scheme="Bearer"), "Authorization", f"Bearer {KEY}"),
    ],
)
def test_a_key_may_go_in_any_header(auth, name, value):
    assert header_sent(auth, name) == value.encode()


def test_a_key_that_no_header_can_carry_is_a_wrong_key():
    http = HttpClient(URL, auth=HeaderAuth("X-Api-Key", "one\r\nX-Admin: yes"))
    with pytest.raises(CredentialsError, match="cannot be part of a key"):
        http.send(http.prepared("GET", "me"))
    http.close()


@pytest.mark.parametrize("auth", [BasicAuth("user", KEY), HeaderAuth("X-Api-Key", KEY)])
def test_a_refusal_that_quotes_the_key_is_told_without_it(auth):
    with responses.RequestsMock() as wire:
        quoted = f"{KEY} and {' '.join(auth.headers.values())} are wrong"
        wire.get(f"{URL}/me", status=400, json={"message": quoted})
        http = HttpClient(URL, auth=auth)
        with pytest.raises(RejectedError) as caught:
            http.send(http.prepared("GET", "me"))
        http.close()
    assert KEY not in str(caught.value)
    assert base64.b64encode(f"user:{KEY}".encode()).decode() not in str(caught.value)


def test_a_file_with_passwords_for_hosts_is_not_looked_into(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine cdp.test login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert header_sent(HeaderAuth("Authorization", KEY, scheme="Bearer"), "Authorization") == (
        f"Bearer {KEY}".encode()
    )


@pytest.mark.parametrize("auth", [BasicAuth("user", KEY), HeaderAuth("X-Api-Key", KEY)])
def test_the_key_is_not_in_a_repr(auth):
    assert KEY not in repr(auth)
