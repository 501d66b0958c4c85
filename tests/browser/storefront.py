"""The sandbox shop with goods, a storefront and visitors; fixtures for tests of tracked pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.management import call_command
from PIL import Image
from pytest_django.live_server_helper import LiveServer

from esputnik_connector.models import Connection, OutboxMessage, Storefront
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.browser.in_front import PageCache, StrictPolicy
from tests.browser.shop_window import Visit


def dot() -> bytes:
    """A picture for every product."""
    stream = BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def in_front() -> list[str]:
    """Middleware before all others of the shop, by dotted path. A test may override it."""
    return []


@pytest.fixture
def shop(
    settings: Any, tmp_path: Any, monkeypatch: Any, transactional_db: None, fake: FakeEsputnik,
    in_front: list[str],
) -> Iterator[str]:  # fmt: skip
    """Its address. A server of its own, since the middleware is read when it starts."""
    settings.MEDIA_ROOT = tmp_path
    settings.MIDDLEWARE = [*in_front, *settings.MIDDLEWARE]
    monkeypatch.setattr(StrictPolicy, "hosts", fake.url)
    monkeypatch.setattr(PageCache, "pages", {})
    monkeypatch.setattr(PageCache, "served", 0)
    picture = dot()
    monkeypatch.setattr("sandbox_project.shop.stock.picture", lambda _goods: picture)
    call_command("seed", staff_email="staff@example.com", staff_password="x", verbosity=0)
    server = LiveServer("localhost")
    open_storefront(fake, server.url)
    yield str(server.url)
    server.stop()


def open_storefront(fake: FakeEsputnik, shop_url: str) -> None:
    connection = Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, tracker_url=fake.tracker_url,
        consent_policy="confirmed",
    )  # fmt: skip
    connection.accept_key("Kobzar", "1")
    connection.bind()
    site = fake._state.site
    site_id, _is_new = site.register("shop.example")
    Storefront.objects.create(
        connection=connection,
        domain=shop_url.removeprefix("http://"),
        site_id=site_id,
        script=site.snippet(fake.url),
        routes={"StatusCart": "browser"},
    )
    OutboxMessage.objects.all().delete()


def route(**routes: str) -> None:
    """Another way for some types."""
    storefront = Storefront.objects.get()
    storefront.routes = {**storefront.routes, **routes}
    storefront.save()


def change(**values: Any) -> None:
    storefront = Storefront.objects.get()
    for name, value in values.items():
        setattr(storefront, name, value)
    storefront.save()


@pytest.fixture
def visit(browser: Any, shop: str, fake: FakeEsputnik) -> Iterator[Callable[..., Visit]]:
    """Makes visitors. An error in a script of their pages fails the test."""
    made: list[Visit] = []

    def make(**options: Any) -> Visit:
        made.append(Visit(browser, shop, fake, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert one.mistakes == []
