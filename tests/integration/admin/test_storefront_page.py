"""The page of the storefront: steps and their errors, buttons, and who may press them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from esputnik_connector.admin.storefront.form import BehaviourForm
from esputnik_connector.behaviour import DEFAULT_ROUTES, BehaviourType, Route
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.operations.storefront import steps
from esputnik_connector.operations.storefront.rivals import Rival
from esputnik_connector.operations.storefront.run import work
from esputnik_connector.operations.storefront.worker_check import Seen
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.storefronts import account_at, fast, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server


@pytest.fixture
def account(fake, settings) -> Connection:
    fast(settings, SHOP_URL="https://shop.example")
    return account_at(fake)


@pytest.fixture(autouse=True)
def published(monkeypatch) -> list[tuple[str, int]]:
    """What Celery is told, instead of a broker."""
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(publisher, "publish", lambda task, pk, _delay: told.append((task, pk)))
    monkeypatch.setattr(steps, "look", lambda _storefront: Seen(detail="seen"))
    return told


def staff(*permissions: str, **traits: Any) -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True, **traits)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def merchant() -> Client:
    return staff("see", "configure")


def url(name: str = "storefronts", connection: Connection | None = None) -> str:
    parts = {"connection": connection.pk} if connection else {}
    prefix = "storefront_" if connection else ""
    return reverse(f"admin:esputnik_connector_{prefix}{name}", kwargs=parts)


def page(client: Client) -> str:
    return client.get(url()).content.decode()


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def connected(merchant: Client, account: Connection, **more: str) -> Storefront:
    merchant.post(url("connect", account), {"is_tracking": "on", **more})
    storefront = Storefront.objects.get()
    assert work(storefront)
    storefront.refresh_from_db()
    return storefront


def test_it_is_behind_the_gear_and_opens(merchant, account):
    assert url() in merchant.get(reverse("admin:esputnik_connector_overview")).content.decode()
    assert "No storefront yet" in page(merchant)


def test_connecting_asks_nobody_and_tells_a_worker(
    merchant, account, fake, published, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = merchant.post(url("connect", account), {"is_tracking": "on", "is_push": "on"})
    assert answer.status_code == 302
    assert fake.log == []
    storefront = Storefront.objects.get()
    assert published == [("esputnik_connector.storefront", storefront.pk)]
    assert "shop.example" in said(answer)
    assert page(merchant).count("not done yet") == 5
    assert work(storefront)
    assert page(merchant).count(">done") == 5
    assert LogEntry.objects.get().object_repr == "shop.example"


def test_a_failed_step_shows_its_error_and_may_be_tried_again(
    merchant, account, fake, published, django_capture_on_commit_callbacks
):
    fake.configure(unreachable_domains=["shop.example"])
    storefront = connected(merchant, account)
    text = page(merchant)
    assert "Domain can&#x27;t be reached" in text
    assert "Open the shop to the public network" in text
    fake.configure(unreachable_domains=[])
    published.clear()
    with django_capture_on_commit_callbacks(execute=True):
        answer = merchant.post(url("again", account), {"step": "domain"})
    assert "Look again in a minute" in said(answer)
    assert states(storefront)["domain"] == "waiting/asked"
    assert published == [("esputnik_connector.storefront", storefront.pk)]
    assert work(storefront)
    assert set(states(storefront).values()) <= {"done", "off"}


def test_words_of_an_answer_are_no_html(merchant, account, fake):
    fake.configure(site_script="<b onmouseover=alert(1)>no script</b>")
    connected(merchant, account)
    assert "<b onmouseover" not in page(merchant)


def test_what_cannot_be_is_said_in_the_form(merchant, account):
    answer = merchant.post(url("connect", account), {"domain": "https://shop.example/uk/"})
    assert "is no domain" in answer.content.decode()
    assert 'value="https://shop.example/uk/"' in answer.content.decode()
    answer = merchant.post(url("connect", account), {"site_id": "<script>"})
    assert "is no siteId" in answer.content.decode()
    assert not Storefront.objects.exists()


def test_a_second_domain_is_said_plainly(merchant, account):
    connected(merchant, account)
    answer = merchant.post(url("connect", account), {"domain": "other.example"})
    assert "a second domain of the shop" in answer.content.decode()


def test_switches_are_as_they_were_posted(merchant, account, fake):
    connected(merchant, account, is_push="on")
    assert fake._state.site.web_push
    merchant.post(url("connect", account), {"domain": "shop.example", "is_tracking": "on"})
    assert work(Storefront.objects.get())
    assert fake._state.site.web_push == {}


def test_disconnecting_asks_first(
    merchant, account, fake, published, django_capture_on_commit_callbacks
):
    storefront = connected(merchant, account, is_push="on")
    asked = merchant.post(url("disconnect", account)).content.decode()
    assert "has to subscribe again" in asked
    assert Storefront.objects.get().is_connected
    with django_capture_on_commit_callbacks(execute=True):
        merchant.post(url("disconnect", account), {"agreed": "yes"})
    assert not Storefront.objects.get().is_connected
    assert published[-1] == ("esputnik_connector.storefront", storefront.pk)
    assert "Disconnected: what visitors do is not told." in page(merchant)


def test_the_merchant_chooses_that_both_providers_stay(merchant, account, monkeypatch):
    rival = Rival(name="OneSignal", scope="/", is_same_scope=False)
    seen = Seen(detail="also OneSignal", code="rival_elsewhere", rivals=[rival])
    monkeypatch.setattr(steps, "look", lambda _storefront: seen)
    connected(merchant, account, is_push="on")
    assert "OneSignal (/)" in page(merchant)
    merchant.post(url("accept", account))
    assert Storefront.objects.get().accepted_rivals == ["OneSignal"]
    assert "Both stay" not in page(merchant)


def test_routes_offer_what_is_possible_and_keep_what_is_unusual(merchant, account):
    connected(merchant, account)
    text = page(merchant)
    assert text.count('name="MainPage"') == 1
    form = {each.value: "off" for each in BehaviourType} | {"forms": "shop"}
    answer = merchant.post(url("behaviour", account), {**form, "MainPage": "tracker"})
    assert "Select a valid choice" in answer.content.decode()
    usual = {"StatusCart": "event", "ProductPage": "tracker"}
    merchant.post(url("behaviour", account), {**form, **usual})
    storefront = Storefront.objects.get()
    assert storefront.forms == "shop"
    assert storefront.route_of(BehaviourType.PRODUCT_PAGE) is Route.TRACKER
    assert storefront.route_of(BehaviourType.MAIN_PAGE) is Route.OFF
    assert "StatusCart" not in storefront.routes
    assert "ProductUpdate" not in storefront.routes


def test_each_way_says_what_the_merchant_gives_up_and_a_missing_one_why(merchant, account):
    connected(merchant, account)
    text = page(merchant)
    assert "eSputnik recommends nothing by the cart" in text
    assert "Only visitors whom the shop can name are told of" in text
    assert "the tracker cannot" in text
    assert "the order itself tells eSputnik of the purchase" in text
    fields = BehaviourForm().fields
    assert all(str(fields[each.value].help_text) for each in BehaviourType)


def test_whoever_chooses_the_tracker_without_a_site_id_is_told_so(merchant, account):
    connected(merchant, account)
    Storefront.objects.update(site_id="")
    form = {each.value: DEFAULT_ROUTES[each].value for each in BehaviourType} | {"forms": "both"}
    tracked = {**form, "ProductPage": "tracker"}
    assert "The siteId is not known" not in said(merchant.post(url("behaviour", account), form))
    assert "The siteId is not known" in said(merchant.post(url("behaviour", account), tracked))
    Storefront.objects.update(site_id="8A412DC")
    merchant.get(url())  # what was said before is shown
    assert "The siteId is not known" not in said(merchant.post(url("behaviour", account), tracked))


def test_who_may_only_look_has_no_buttons(account, merchant):
    connected(merchant, account)
    get_user_model().objects.all().delete()
    looker = staff("see")
    text = page(looker)
    assert "shop.example" in text
    assert not any(word in text for word in ("Disconnect…", "Save, and go", "Connect</button>"))
    for name in ("connect", "behaviour", "again", "accept", "disconnect"):
        assert looker.post(url(name, account), {"agreed": "yes"}).status_code == 403
    assert Storefront.objects.get().is_connected


def test_others_see_nothing(account):
    assert staff().get(url()).status_code == 403
    assert Client().get(url()).status_code == 302


def test_buttons_act_by_post_and_with_the_token_alone(merchant, account):
    connected(merchant, account)
    for name in ("connect", "behaviour", "again", "accept", "disconnect"):
        assert merchant.get(url(name, account)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.get())
    assert strict.post(url("disconnect", account), {"agreed": "yes"}).status_code == 403
    assert Storefront.objects.get().is_connected


def test_a_connection_that_is_gone_is_not_found(merchant):
    absent = Connection(pk=404)
    assert merchant.post(url("disconnect", absent)).status_code == 404
    assert merchant.post(url("connect", absent)).status_code == 404
