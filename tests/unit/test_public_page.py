"""Looking at a page of the shop leads nowhere but to the public network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from esputnik_connector.destinations.public_address import is_public
from esputnik_connector.destinations.public_page import look_at
from esputnik_connector.exceptions import RejectedError, TemporaryError

seen: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        seen.append(self.headers.get("Authorization", "none"))
        is_moved = self.path == "/moved"
        self.send_response(302 if is_moved else 404)
        if is_moved:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"<html>what there is</html>")

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture
def address() -> Iterator[str]:
    seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_is_read_whatever_its_status(address: str) -> None:
    answer = look_at(address, but=["127.0.0.1"])
    assert (answer.status, answer.text) == (404, "<html>what there is</html>")
    assert seen == ["none"]


def test_no_redirect_is_followed(address: str) -> None:
    answer = look_at(f"{address}/moved", but=["127.0.0.1"])
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")
    assert len(seen) == 1


def test_nothing_is_sent_into_a_private_network(address: str) -> None:
    with pytest.raises(RejectedError, match="private network"):
        look_at(address)
    assert seen == []


def test_the_name_does_not_matter_but_where_it_leads(address: str) -> None:
    """Whatever a name server says the second time, the connection itself is judged."""
    with pytest.raises(RejectedError, match="localhost leads to a private network"):
        look_at(address.replace("127.0.0.1", "localhost"))
    assert seen == []


def test_a_proxy_of_the_environment_is_passed_by(address: str, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert look_at(address, but=["127.0.0.1"]).status == 404


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://shop.example/", "shop.example", ""])
def test_only_addresses_of_the_web_are_looked_at(url: str) -> None:
    with pytest.raises(RejectedError):
        look_at(url)


def test_nobody_at_home_is_an_error_of_the_moment() -> None:
    with pytest.raises(TemporaryError):
        look_at("http://127.0.0.1:1/", but=["127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("172.17.0.2", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("::ffff:0:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("64:ff9b:1::a00:1", False),
        ("2002:7f00:1::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected
