"""What visitors do, told by a worker: to the tracker, or as events of people the shop knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection as database
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.behaviour import BehaviourType, Impression, ViewedProduct
from esputnik_connector.models import Connection, OutboxMessage, OutcomeCount, SkippedBehaviour
from esputnik_connector.operations.sweep import what_is_due
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from esputnik_connector.tracking import pages
from esputnik_connector.tracking import record as recording
from esputnik_connector.tracking.record import behaviour
from tests.oscar_rows import OSCAR_WARNINGS, root
from tests.tracked import AGENT, BLOCK, HOST, SC, ask, block, product, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

TRACKED = (
    "ProductPage", "CategoryPage", "SearchRequest", "AddToWishlist", "CustomerData",
    "PurchasedItems",
)  # fmt: skip
AS_EVENTS = ("PageView", "ProductPage", "CategoryPage", "SearchRequest", "AddToWishlist")


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(key="a-key-of-the-fake-esputnik") as server:
        yield server


@pytest.fixture
def account(fake, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": "", "DEBOUNCE_SECONDS": 0}
    return Connection.objects.create(
        name="main", api_key=fake.key, api_url=fake.api_url, tracker_url=fake.tracker_url,
        consent_policy="confirmed",
    )  # fmt: skip


@pytest.fixture
def tracked(account, fake):
    site_id, _ = fake._state.site.register(HOST + ".example")
    return storefront(account, site_id=site_id, routes=dict.fromkeys(TRACKED, "tracker"))


@pytest.fixture
def events(account):
    return storefront(account, routes=dict.fromkeys(AS_EVENTS, "event"))


def browser(sc=SC) -> Client:
    client = Client(headers={"user-agent": AGENT})
    if sc:
        client.cookies["sc"] = sc
    return client


@pytest.fixture
def visitor():
    return browser()


def waiting() -> list[str]:
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).order_by("pk")
    return [BehaviourType.of(key).value for key in rows.values_list("key", flat=True)]


def sent(fake) -> list[dict[str, Any]]:
    OutboxMessage.objects.update(due_at=timezone.now())  # a purchase rests for a moment
    Relay(Connection.objects.get()).run()
    assert not OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).exists()
    return [entry.body for entry in fake.requests("/api/v2", "POST")]


def test_a_product_seen_reaches_the_tracker_with_price_and_visitor(tracked, fake, visitor):
    seen = product()
    page = visitor.get(seen.get_absolute_url())
    assert block(page).get("events", []) == []
    (body,) = sent(fake)
    general = body["GeneralInfo"]
    assert (general["eventName"], general["cookies"]) == ("ProductPage", {"sc": SC})
    assert body["ProductPage"]["Product"]["productKey"] == str(seen.pk)
    assert body["ProductPage"]["Product"]["price"].startswith("12.50")
    assert fake.requests("/api/v2")[0].headers["User-Agent"] == AGENT


def test_the_variation_that_stands_for_a_parent_is_found_by_the_worker(tracked, fake, visitor):
    model = get_model("catalogue", "Product")
    parent = factories.create_product(structure=model.PARENT)
    child = product(parent=parent, structure=model.CHILD)
    visitor.get(parent.get_absolute_url())
    (body,) = sent(fake)
    assert body["ProductPage"]["Product"]["productKey"] == str(child.pk)


def test_a_walk_through_the_shop_is_told_in_its_order(tracked, fake, visitor):
    seen, category = product(), root("Mugs")
    visitor.get(category.get_absolute_url())
    visitor.get(reverse("search:search"), {"q": "spoon"})
    visitor.get(seen.get_absolute_url())
    told = [body["GeneralInfo"]["eventName"] for body in sent(fake)]
    assert told == ["CategoryPage", "SearchRequest", "ProductPage"]


@pytest.mark.parametrize("route", ["tracker", "event"])
def test_an_answer_that_takes_long_changes_no_order(account, tracked, fake, route):
    """Requests go side by side, and what somebody did next may be answered first."""
    tracked.routes = dict.fromkeys(AS_EVENTS, route)
    tracked.save()
    user = factories.UserFactory(email="olena@example.com")
    visitor = browser()
    visitor.force_login(user)
    path = {"tracker": "/api/v2", "event": "/api/v3/event"}[route]
    fake.script(Fault("delay", path=path, seconds=0.7))
    seen, category = product(), root("Mugs")
    visitor.get(category.get_absolute_url())
    visitor.get(reverse("search:search"), {"q": "spoon"})
    visitor.get(seen.get_absolute_url())
    Relay(account).run()
    came = [event["type"] for event in fake.events(source=route)]
    wanted = {
        "tracker": ["CategoryPage", "SearchRequest", "ProductPage"],
        "event": ["productCategoryViewed", "searchRequest", "productViewed"],
    }
    assert came == wanted[route]


def test_a_customer_is_joined_with_the_browser_at_login_and_told_once(tracked, fake, visitor):
    user = factories.UserFactory(email="olena@example.com", password="Sonechko-2026")
    login = {
        "login-username": user.email, "login-password": "Sonechko-2026", "login_submit": "1",
    }  # fmt: skip
    assert visitor.post(reverse("customer:login"), login).status_code == 302
    assert waiting() == ["CustomerData"]
    add = reverse("basket:add", kwargs={"pk": product().pk})
    visitor.post(add, {"quantity": 1})
    assert waiting() == ["CustomerData"]
    visitor.post(
        reverse("customer:profile-update"),
        {"first_name": "Olena", "last_name": "S", "email": user.email},
    )
    assert waiting() == ["CustomerData", "CustomerData"]
    bodies = sent(fake)
    assert [body["GeneralInfo"]["user_email"] for body in bodies] == ["olena@example.com"] * 2
    assert bodies[1]["GeneralInfo"]["user_name"] == "Olena S"


def test_a_customer_is_joined_with_the_phone_that_the_shop_has(tracked, fake, visitor):
    user = factories.UserFactory(email="olena@example.com")
    factories.UserAddressFactory(user=user, phone_number="+380631234567")
    visitor.force_login(user)
    visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    (body,) = sent(fake)
    assert body["GeneralInfo"]["user_phone"] == "380631234567"


def test_a_guest_is_joined_at_check_out(tracked, fake, visitor):
    visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    assert waiting() == []
    gateway = {"username": "guest@example.com", "options": "anonymous"}
    visitor.post(reverse("checkout:index"), gateway)
    (body,) = sent(fake)
    assert body["GeneralInfo"]["user_email"] == "guest@example.com"


def test_two_visitors_are_never_mixed_up(tracked, fake):
    seen = product()
    olena, taras = browser("olena-browser"), browser("taras-browser")
    taras.force_login(factories.UserFactory(email="taras@example.com"))
    for client in (olena, taras, olena):
        client.get(seen.get_absolute_url())
    told = [
        (body["GeneralInfo"]["cookies"]["sc"], body["GeneralInfo"].get("user_email", ""))
        for body in sent(fake)
    ]
    taras_told = ("taras-browser", "taras@example.com")
    assert told == [("olena-browser", ""), taras_told, ("olena-browser", "")]


def thank(client, order):
    session = client.session
    session["checkout_order_id"] = order.pk
    session.save()
    return client.get(reverse("checkout:thank-you"))


def ordered(user=None):
    basket = factories.create_basket()
    return factories.create_order(basket=basket, user=user, guest_email="guest@example.com")


def the_basket():
    basket = get_model("basket", "Basket").objects.get()
    basket.strategy = registry.shop().prices.strategy()
    return basket


def test_a_purchase_is_told_once_however_often_the_page_is_loaded(tracked, fake, visitor):
    order = ordered()
    thank(visitor, order)
    thank(visitor, order)
    (body,) = sent(fake)
    assert body["PurchasedItems"]["OrderNumber"] == str(order.number)
    (line,) = body["PurchasedItems"]["Products"]
    assert line["product_id"] == str(order.lines.get().product_id)


def test_a_cart_goes_by_the_tracker_and_its_purchase_repeats_the_last_guid(tracked, fake, visitor):
    tracked.routes = {**tracked.routes, "StatusCart": "tracker"}
    tracked.save()
    for quantity in (1, 2):
        seen = product()
        url = reverse("basket:add", kwargs={"pk": seen.pk})
        assert visitor.post(url, {"quantity": quantity}).status_code == 302
        told = [body for body in sent(fake) if "StatusCart" in body]
    assert [len(body["StatusCart"]["Products"]) for body in told] == [1, 2]
    assert {body["GeneralInfo"]["cookies"]["sc"] for body in told} == {SC}
    basket = the_basket()
    order = factories.create_order(basket=basket, guest_email="guest@example.com")
    basket.submit()
    thank(visitor, order)
    *_before, bought = sent(fake)
    assert bought["PurchasedItems"]["GUID"] == told[-1]["StatusCart"]["GUID"]
    assert len([body for body in sent(fake) if "StatusCart" in body]) == 2


def test_a_cart_of_events_leaves_its_guid_to_a_purchase_of_the_browser(tracked, fake, visitor):
    tracked.routes = {"PurchasedItems": "browser"}
    tracked.save()
    user = factories.UserFactory(email="olena@example.com")
    visitor.force_login(user)
    seen = product()
    visitor.post(reverse("basket:add", kwargs={"pk": seen.pk}), {"quantity": 1})
    sent(fake)
    (cart,) = fake.events("cartUpdated")
    basket = the_basket()
    order = factories.create_order(basket=basket, user=user)
    page = thank(visitor, order)
    assert cart["params"]["recycleStateId"] in page.content.decode()


def test_an_order_that_another_visitor_opens_adds_nothing(tracked, visitor):
    order = ordered()
    staff = browser("somebody-else")
    staff.force_login(factories.UserFactory(is_superuser=True, is_staff=True))
    page = staff.get(reverse("checkout:thank-you"), {"order_number": order.number})
    assert page.status_code == 200
    assert waiting() == []


def test_where_eputniks_script_is_not_loaded_the_visitor_gets_a_cookie_of_ours(account, fake):
    site_id, _ = fake._state.site.register(HOST + ".example")
    storefront(account, site_id=site_id, script="", routes={"ProductPage": "tracker"})
    client, seen = browser(""), product()
    page = client.get(seen.get_absolute_url())
    ours = page.cookies["esputnik_visitor"]
    assert ours["httponly"]
    assert "esputnik_visitor" not in client.get(seen.get_absolute_url()).cookies
    assert {body["GeneralInfo"]["cookies"]["sc"] for body in sent(fake)} == {ours.value}


def test_a_visitor_whose_cookie_is_still_to_come_is_told_by_the_pages_script(tracked, fake):
    client, seen = browser(""), product()
    page = client.get(seen.get_absolute_url())
    assert waiting() == []
    (token,) = block(page)["seen"]
    client.cookies["sc"] = SC
    ask(client, seen=[token], url=f"http://{HOST}{seen.get_absolute_url()}?email=o%40example.com")
    (body,) = sent(fake)
    assert body["ProductPage"]["Product"]["productKey"] == str(seen.pk)


def test_pages_out_of_a_cache_are_told_by_their_script(tracked, settings, fake):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": True}
    seen = product()
    (token,) = block(browser().get(seen.get_absolute_url()))["seen"]
    assert waiting() == []
    for sc in ("first-visitor", "other-visitor"):
        ask(browser(sc), seen=[token])
    told = [body["GeneralInfo"]["cookies"]["sc"] for body in sent(fake)]
    assert told == ["first-visitor", "other-visitor"]


@pytest.mark.parametrize("is_cached", [False, True])
def test_what_a_recommendation_block_showed_is_told_whole(account, fake, settings, is_cached):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": is_cached}
    site_id, _ = fake._state.site.register(HOST + ".example")
    storefront(account, site_id=site_id, routes={"ProductImpressions": "tracker"})
    shown = Impression(product_key="17", container="1253_r963v1317")
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.COOKIES["sc"] = SC
    told = pages.event_of("ProductImpressions", {"impressions": (shown,)})
    markup = pages.event_markup(request, told)
    for token in [token for each in BLOCK.findall(markup) for token in json.loads(each)["seen"]]:
        ask(browser(), seen=[token])
    (body,) = sent(fake)
    assert body["ProductImpression"]["Products"] == [
        {"product_id": "17", "container_type": "1253_r963v1317"}
    ]


def test_a_product_of_a_cached_page_keeps_what_the_shop_said_of_it(tracked, fake, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": True}
    seen = ViewedProduct(product_key=str(product().pk), tags={"colour": ("red",)})
    told = behaviour(BehaviourType.PRODUCT_PAGE)
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    markup = pages.event_markup(request, replace(told, product=seen))
    (token,) = json.loads(BLOCK.findall(markup)[0])["seen"]
    assert SC not in token
    ask(browser(), seen=[token])
    ask(browser("other-visitor"), seen=[token])
    bodies = sent(fake)
    assert [body["ProductPage"]["Product"]["tag_colour"] for body in bodies] == [["red"]] * 2


def test_a_page_that_was_fetched_ahead_is_told_when_it_is_shown(tracked, fake, visitor):
    """A browser that then shows it does not ask for it again: its script says that it is seen."""
    seen = product()
    page = visitor.get(seen.get_absolute_url(), headers={"sec-purpose": "prefetch"})
    assert waiting() == []
    (token,) = block(page)["seen"]
    ask(visitor, seen=[token])
    (body,) = sent(fake)
    assert body["ProductPage"]["Product"]["productKey"] == str(seen.pk)


def test_known_people_are_told_as_events_and_strangers_are_not(events, fake, visitor):
    seen = product()
    visitor.get(seen.get_absolute_url())
    assert waiting() == []
    user = factories.UserFactory(email="olena@example.com")
    visitor.force_login(user)
    visitor.get(seen.get_absolute_url())
    visitor.get(reverse("search:search"), {"q": "spoon"})
    visitor.get(reverse("customer:profile-view"))
    assert waiting() == ["ProductPage", "SearchRequest", "PageView"]
    Relay(Connection.objects.get()).run()
    assert [one["type"] for one in fake.events(source="event")] == [
        "productViewed", "searchRequest", "pageViewed",
    ]  # fmt: skip
    (viewed,) = fake.events("productViewed")
    assert viewed["params"]["externalCustomerId"] == str(user.pk)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({"user-agent": "Googlebot/2.1"}, "robot"), ({"sec-gpc": "1"}, "no_consent")],
)
def test_who_is_not_told_of_is_counted(tracked, visitor, headers, reason):
    seen = product()
    visitor.get(seen.get_absolute_url(), headers=headers)
    assert waiting() == []
    list(what_is_due())  # the sweep
    found = OutcomeCount.objects.filter(kind="behaviour", outcome="skipped")
    assert [(each.reason, each.records) for each in found] == [(reason, 1)]


def test_a_crowd_of_robots_costs_an_insert_now_and_then_and_is_counted_whole(tracked, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONNECTIONS_TTL": 3600}
    robot, path = browser(), product().get_absolute_url()
    robot.defaults["HTTP_USER_AGENT"] = "Googlebot/2.1"
    for _ in range(3):
        robot.get(path)
    assert [each.records for each in SkippedBehaviour.objects.all()] == [1]
    capture.wanted._write_at = 0
    robot.get(path)
    assert [each.records for each in SkippedBehaviour.objects.order_by("pk")] == [1, 3]


def test_a_page_that_nobody_sees_is_not_told(tracked, visitor):
    path = product().get_absolute_url()
    visitor.get(path, headers={"sec-purpose": "prefetch;prerender"})
    visitor.head(path)
    assert waiting() == []
    visitor.get(path)
    assert waiting() == ["ProductPage"]


def statements(client, path) -> list[str]:
    with CaptureQueriesContext(
        database,
    ) as caught:
        assert client.get(path).status_code == 200
    return [each["sql"].split(" ", 1)[0] for each in caught]


@pytest.mark.parametrize("route", ["tracker", "event"])
def test_a_page_view_costs_one_insert_and_no_read(account, route):
    site = storefront(account, script="", routes=dict.fromkeys(BehaviourType, "off"))
    seen, client = product(), browser()
    client.force_login(factories.UserFactory())
    path = seen.get_absolute_url()
    for _ in range(3):
        client.get(path)
    before = statements(client, path)
    site.routes = {**site.routes, "ProductPage": route}
    site.save()
    client.get(path)
    assert sorted(statements(client, path)) == sorted([*before, "INSERT"])


def test_whatever_goes_wrong_while_recording_the_page_is_shown(tracked, visitor, monkeypatch):
    def broken(*_given, **_more):
        raise RuntimeError("a failure of ours")

    monkeypatch.setattr(recording, "visitor_of", broken)
    assert visitor.get(product().get_absolute_url()).status_code == 200


@pytest.mark.parametrize("is_cached", [False, True])
def test_a_search_of_a_shop_page_is_told_whatever_its_view_had(tracked, fake, settings, is_cached):
    """The tag gets what stands in the context: a queryset, a lazy text."""
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CACHED_PAGES": is_cached}
    seen = product()
    results = get_model("catalogue", "Product").objects.filter(pk=seen.pk)
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.COOKIES["sc"] = SC
    text = '{% load esputnik %}{% esputnik_event "SearchRequest" search=query is_found=results %}'
    context = {"request": request, "query": gettext_lazy("Search"), "results": results}
    page = Template(text).render(Context(context))
    for token in [token for each in BLOCK.findall(page) for token in json.loads(each)["seen"]]:
        ask(browser(), seen=[token])
    (body,) = sent(fake)
    assert body["SearchRequest"] == {"search": "Search", "isFound": 1}
