"""The service worker: as browsers get it from the shop, and what else they may meet there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client

from esputnik_connector.models import Connection, RetiredWorker, Storefront
from esputnik_connector.operations.storefront.connect import (
    StorefrontChoices,
    connect,
    disconnect,
)
from esputnik_connector.operations.storefront.rivals import rivals_in, worker_owner
from esputnik_connector.operations.storefront.run import work
from esputnik_connector.operations.storefront.worker import script_for
from esputnik_connector.operations.storefront.worker_check import look
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.storefronts import account_at, fast, states

pytestmark = pytest.mark.django_db

ADDRESS = "/push/esputnik/sw.js"
WORKER = "self.addEventListener('push', function () {});"


@pytest.fixture
def storefront(connection: Connection) -> Storefront:
    return Storefront.objects.create(
        connection=connection, domain="shop.example", is_push=True, push_worker=WORKER
    )


def fetched(address: str = ADDRESS, host: str = "shop.example"):
    return Client(SERVER_NAME=host).get(address)


@pytest.fixture(autouse=True)
def _any_host(settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]


def test_a_browser_gets_the_worker_at_its_registered_path(storefront):
    answer = fetched()
    assert answer.status_code == 200
    assert answer.content.decode() == WORKER
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Service-Worker-Allowed"] == "/push/esputnik/"
    assert answer["Cache-Control"] == "no-cache, max-age=0"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer


def test_it_is_at_no_other_path_and_on_no_other_host(storefront):
    assert fetched("/push/esputnik/other.js").status_code == 404
    assert fetched(host="other.example").status_code == 404
    assert fetched(host="www.shop.example").status_code == 200


def test_nothing_can_be_posted_to_it(storefront):
    assert Client(SERVER_NAME="shop.example").post(ADDRESS).status_code == 405


def test_a_worker_that_was_not_fetched_yet_is_not_there(storefront):
    Storefront.objects.update(push_worker="")
    assert fetched().status_code == 404


def test_a_connection_that_is_off_for_a_while_keeps_its_worker(storefront):
    Connection.objects.update(is_enabled=False)
    assert fetched().content.decode() == WORKER


def test_it_costs_one_query(storefront, django_assert_num_queries):
    with django_assert_num_queries(1):  # beside what the shop's own middleware asks
        assert script_for("shop.example", ADDRESS).text == WORKER


def test_after_disconnecting_it_ends_itself_for_good(storefront):
    disconnect(storefront)
    answer = fetched()
    assert answer.status_code == 200
    assert "self.registration.unregister()" in answer.content.decode()
    assert answer["Service-Worker-Allowed"] == "/"
    assert fetched("/push/esputnik/other.js").status_code == 404


def test_the_setting_ends_a_worker_whose_connection_is_gone(storefront, settings):
    Connection.objects.all().delete()
    RetiredWorker.objects.all().delete()  # as with a database that was lost
    assert fetched().status_code == 404
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RETIRED_PUSH_WORKERS": [ADDRESS],
    }  # fmt: skip
    assert "unregister" in fetched().content.decode()


def test_a_new_worker_at_the_path_is_served_again(storefront, settings):
    """The setting was forgotten: who is there now counts more than who was."""
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "RETIRED_PUSH_WORKERS": [ADDRESS],
    }  # fmt: skip
    assert fetched().content.decode() == WORKER


def test_the_root_may_be_its_place(storefront, settings):
    settings.ROOT_URLCONF = "tests.integration.storefront_root_urls"
    Storefront.objects.update(push_worker_path="/", push_worker_name="sw-esputnik.js")
    assert fetched("/sw-esputnik.js").content.decode() == WORKER
    assert fetched("/jquery.js").status_code == 404


# --- from outside ---------------------------------------------------------------------------------


class Shop:
    """What a public shop answers: path → (status, headers, text)."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], str]] = {}
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, text = shop.pages.get(self.path, (404, {}, "nothing"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *args: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"

    def worker(self, text: str = WORKER, status: int = 200, **headers: str) -> None:
        usual = {"Content-Type": "text/javascript", **headers}
        self.pages[ADDRESS] = (status, usual, text)

    def home(self, html: str, status: int = 200, **headers: str) -> None:
        self.pages["/"] = (status, {"Content-Type": "text/html", **headers}, html)


@pytest.fixture
def shop(settings) -> Iterator[Shop]:
    shop = Shop()
    thread = threading.Thread(target=shop.server.serve_forever)
    thread.start()
    shop.worker()
    shop.home("<html>hello</html>")
    fast(settings, SHOP_URL=f"http://{shop.host}", PLAIN_HTTP_HOSTS=["127.0.0.1"])
    yield shop
    shop.server.shutdown()
    shop.server.server_close()
    thread.join()


@pytest.fixture
def public(shop: Shop, db: None) -> Storefront:
    account = Connection.objects.create(name="main", api_key="a", api_url="http://127.0.0.1:1/api")
    return Storefront.objects.create(
        connection=account, domain=shop.host, is_push=True, push_worker=WORKER
    )


def test_a_worker_that_browsers_get_is_in_order(public):
    seen = look(public)
    assert (seen.trouble, seen.code, list(seen.rivals)) == ("", "", [])
    assert ADDRESS in seen.detail


@pytest.mark.parametrize(
    ("worker", "trouble"),
    [
        ({"status": 404}, "worker_missing"),
        ({"status": 500}, "worker_missing"),
        ({"status": 301, "Location": "/uk/push/esputnik/sw.js"}, "worker_redirected"),
        ({"Content-Type": "text/html"}, "worker_not_a_script"),
        ({"Content-Type": "text/plain"}, "worker_not_a_script"),
        ({"text": "<!DOCTYPE html><h1>Hi</h1>"}, "worker_not_a_script"),
        ({"text": "importScripts('https://other.example/w.js')"}, "worker_of_another"),
    ],
)
def test_what_a_browser_would_refuse_is_named(public, shop, worker, trouble):
    shop.worker(**worker)
    assert look(public).trouble == trouble


def test_another_providers_file_in_our_place_is_named(public, shop):
    shop.worker("importScripts('https://cdn.onesignal.com/sdks/OneSignalSDKWorker.js');")
    seen = look(public)
    assert seen.trouble == "worker_of_another"
    assert "OneSignal" in seen.detail


def test_a_wide_scope_needs_its_header(public, shop):
    public.push_scope = "/"
    assert look(public).trouble == "worker_scope_refused"
    shop.worker(**{"Service-Worker-Allowed": "/"})
    assert look(public).trouble == ""


def test_a_shop_that_is_not_there_is_no_news_of_esputnik(public, shop):
    public.domain = "127.0.0.1:1"
    seen = look(public)
    assert seen.trouble == "worker_unreachable"


def test_a_private_network_is_not_looked_into(public, shop, settings):
    """The merchant wrote the domain; what answers there is not told to them."""
    fast(settings, SHOP_URL=f"http://{shop.host}", PLAIN_HTTP_HOSTS=[])
    public.connection.api_url = ""
    seen = look(public)
    assert seen.trouble == "worker_unreachable"
    assert "private network" in seen.detail


def test_another_provider_beside_ours_is_a_choice_of_the_merchant(public, shop):
    shop.home('<script src="https://cdn.onesignal.com/sdks/web/v16/OneSignalSDK.page.js"></script>')
    seen = look(public)
    assert (seen.trouble, seen.code) == ("", "rival_elsewhere")
    assert [one.name for one in seen.rivals] == ["OneSignal"]
    public.accepted_rivals = ["OneSignal"]
    assert look(public).code == ""


def test_another_worker_on_the_same_pages_is_a_failure(public, shop):
    public.push_scope = "/"
    shop.worker(**{"Service-Worker-Allowed": "/"})
    shop.home("<script>navigator.serviceWorker.register('/pwa.js')</script>")
    seen = look(public)
    assert seen.trouble == "rival_same_scope"
    assert "/pwa.js" in seen.detail
    public.accepted_rivals = ["/pwa.js"]
    assert look(public).trouble == ""


def test_our_own_script_is_no_rival(public, shop):
    public.push_script = f"<script>navigator.serviceWorker.register('{ADDRESS}')</script>"
    shop.home(f"<html>{public.push_script}</html>")
    assert list(look(public).rivals) == []


def test_redirects_of_the_home_page_are_followed_within_the_domain(public, shop):
    shop.home("", status=302, Location="/uk/")
    shop.pages["/uk/"] = (200, {"Content-Type": "text/html"}, "https://cdn.gravitec.media/x.js")
    assert [one.name for one in look(public).rivals] == ["Gravitec"]
    shop.home("", status=302, Location="http://169.254.169.254/latest/meta-data")
    assert list(look(public).rivals) == []
    shop.home("", status=302, Location="/")
    assert list(look(public).rivals) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("", []),
        ("serviceWorker.register('/push/esputnik/sw.js')", []),
        ("serviceWorker.register('/a/b.js', {scope: '/push/esputnik/'})", [("/a/b.js", True)]),
        ('serviceWorker.register("/push/esputnik/c.js")', [("/push/esputnik/c.js", True)]),
        ("serviceWorker.register('/firebase-messaging-sw.js')",
         [("Firebase Cloud Messaging", False)]),
        ("https://web.webpushs.com/js/push/abc.js", [("SendPulse", False)]),
        ("<script src=//static.pushwoosh.com/x.js>", [("Pushwoosh", False)]),
    ],
)  # fmt: skip
def test_rivals_are_known_by_what_they_leave_in_a_page(html, found):
    rivals = rivals_in(html, scope="/push/esputnik/", own=ADDRESS)
    assert [(one.name, one.is_same_scope) for one in rivals] == found


def test_the_owner_of_a_worker_is_known_by_its_script():
    assert worker_owner("importScripts('//cdn.onesignal.com/x.js')") == "OneSignal"
    assert worker_owner(WORKER) == ""


@pytest.mark.django_db(transaction=True)
def test_a_real_shop_is_set_up_to_the_last_step(live_server, settings):
    """Registered at eSputnik, served by the shop, and looked at through its address."""
    with FakeEsputnik() as fake:
        fast(settings, SHOP_URL=live_server.url)
        account = account_at(fake)
        storefront = connect(account, StorefrontChoices(is_push=True))
        assert work(storefront)
        assert set(states(storefront).values()) == {"done"}
        fake.assert_contract_kept()
