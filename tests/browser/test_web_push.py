"""The service worker in a real browser: it registers at its scope, and leaves when told to."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from esputnik_connector.models import Connection, Storefront
from esputnik_connector.operations.storefront.connect import (
    StorefrontChoices,
    connect,
    disconnect,
)
from esputnik_connector.operations.storefront.run import work
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

REGISTRATIONS = """async () => (await navigator.serviceWorker.getRegistrations()).map(
  (one) => [one.scope, (one.active || one.waiting || one.installing || {}).scriptURL])"""
ARE_THERE = "async (n) => (await navigator.serviceWorker.getRegistrations()).length === n"
ACTIVE = """async (n) => {
  const found = await navigator.serviceWorker.getRegistrations();
  return found.length === n && found.every((one) => one.active && one.active.state === 'activated');
}"""
WIDE = """() => navigator.serviceWorker.register('/push/esputnik/sw.js', {scope: '/'}).then(
  (one) => one.scope, (error) => error.name)"""
# A browser asks for a worker's script again by itself, when a push or a page wakes it; not sooner.
LOOK_AGAIN = """async () => Promise.all((await navigator.serviceWorker.getRegistrations()).map(
  (one) => one.update().catch(() => null)))"""


@pytest.fixture
def shop(live_server: Any, settings: Any, transactional_db: None) -> str:
    settings.ROOT_URLCONF = "tests.browser.push_urls"
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": live_server.url}
    return str(live_server.url)


@pytest.fixture
def storefront(shop: str, fake: FakeEsputnik) -> Storefront:
    account = Connection.objects.create(name="main", api_url=fake.api_url, api_key=fake.key)
    made = connect(account, StorefrontChoices(is_push=True))
    assert work(made)
    made.refresh_from_db()
    return made


def eventually(page: Page, question: str, arg: Any = None, *, seconds: float = 15) -> None:
    """Ask until it is so: ``wait_for_function`` takes a promise for a yes."""
    until = time.monotonic() + seconds
    while not page.evaluate(question, arg):
        assert time.monotonic() < until, (question, registered(page))
        page.wait_for_timeout(100)


def registered(page: Page) -> list[list[str]]:
    found: list[list[str]] = page.evaluate(REGISTRATIONS)
    return sorted(found)


def test_the_worker_registers_at_its_scope_and_unregisters_after_disconnecting(
    page: Page, shop: str, storefront: Storefront
) -> None:
    page.goto(f"{shop}/with-push")
    eventually(page, ACTIVE, 1)
    assert registered(page) == [[f"{shop}/push/esputnik/", f"{shop}/push/esputnik/sw.js"]]

    disconnect(storefront)
    assert work(storefront)
    page.goto(f"{shop}/with-push")
    assert "serviceWorker" not in page.content()
    page.evaluate(LOOK_AGAIN)
    eventually(page, ARE_THERE, 0)


def test_a_visitor_who_comes_back_after_the_connection_was_deleted_loses_the_worker_too(
    page: Page, shop: str, storefront: Storefront, settings: Any
) -> None:
    page.goto(f"{shop}/with-push")
    eventually(page, ACTIVE, 1)
    Connection.objects.all().delete()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RETIRED_PUSH_WORKERS": ["/push/esputnik/sw.js"],
    }  # fmt: skip
    page.goto(f"{shop}/with-push")
    page.evaluate(LOOK_AGAIN)
    eventually(page, ARE_THERE, 0)


def test_it_lives_beside_the_worker_of_a_pwa_in_the_root(
    page: Page, shop: str, storefront: Storefront
) -> None:
    page.goto(f"{shop}/with-push")
    page.evaluate("navigator.serviceWorker.register('/pwa.js').then(() => null)")
    eventually(page, ACTIVE, 2)
    assert [scope for scope, _script in registered(page)] == [f"{shop}/", f"{shop}/push/esputnik/"]
    disconnect(storefront)
    page.goto(f"{shop}/with-push")
    page.evaluate(LOOK_AGAIN)
    eventually(page, ARE_THERE, 1)
    assert registered(page)[0][0] == f"{shop}/"


def test_a_scope_beyond_its_folder_is_allowed_by_the_header(
    page: Page, shop: str, storefront: Storefront
) -> None:
    page.goto(f"{shop}/with-push")
    eventually(page, ACTIVE, 1)
    assert page.evaluate(WIDE) == "SecurityError"
    Storefront.objects.update(push_scope="/")
    assert page.evaluate(WIDE) == f"{shop}/"


def test_a_changed_worker_reaches_the_browser(
    page: Page, shop: str, storefront: Storefront, fake: FakeEsputnik
) -> None:
    """No cache stands between: the browser compares byte by byte."""
    page.goto(f"{shop}/with-push")
    eventually(page, ACTIVE, 1)
    fake.configure(
        push_worker="self.addEventListener('message', (e) => e.ports[0].postMessage(7));"
    )
    assert work(storefront)
    page.evaluate(LOOK_AGAIN)
    eventually(
        page,
        """async () => {
          const [one] = await navigator.serviceWorker.getRegistrations();
          const line = new MessageChannel();
          const answer = new Promise((done) => {
            line.port1.onmessage = (event) => done(event.data);
            setTimeout(done, 500);
          });
          (one.waiting || one.active).postMessage('', [line.port2]);
          return (await answer) === 7;
        }""",
    )
