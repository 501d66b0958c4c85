"""A purchase repeats the last GUID of its cart, by whichever ways the two travel and from whichever
browser: a table knows it, not the visitor's session."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.models import CartState, Connection, OutboxMessage
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, HOST, SC, ask, blocks, product, storefront

pytestmark = [pytest.mark.django_db(transaction=True), *OSCAR_WARNINGS]

CARTS = ("browser", "tracker", "event")
PURCHASES = ("browser", "tracker", "event")  # the last: the order itself, as an event
OLENA = "olena@example.com"


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
def site(account, fake):
    site_id, _ = fake._state.site.register(HOST + ".example")
    return storefront(account, site_id=site_id)


@pytest.fixture
def olena():
    return factories.UserFactory(email=OLENA)


def goes_by(site, cart: str, purchase: str = "browser") -> None:
    """The merchant chose these ways."""
    as_event = purchase == "event"
    site.routes = {"StatusCart": cart, "PurchasedItems": "off" if as_event else purchase}
    site.save()
    route = "events" if as_event else "orders"
    Connection.objects.filter(pk=site.connection_id).update(order_route=route)


def browser(sc=SC, user=None) -> Client:
    client = Client(headers={"user-agent": AGENT})
    client.cookies["sc"] = sc
    if user is not None:
        client.force_login(user)
    return client


def add(client, thing=None) -> None:
    path = reverse("basket:add", kwargs={"pk": (thing or product()).pk})
    assert client.post(path, {"quantity": 1}).status_code == 302


def work(site) -> None:
    OutboxMessage.objects.update(due_at=timezone.now())
    Relay(Connection.objects.get(pk=site.connection_id)).run()


def tracked(fake, name: str) -> list[dict]:
    return [event["params"] for event in fake.events(name, source="tracker")]


def told_cart(site, fake, client, route: str) -> str:
    """The GUID under which the cart, as it is, was told by its route."""
    if route == "browser":
        return ask(client).json()["cart"]["call"][2]["GUID"]
    work(site)
    if route == "tracker":
        return tracked(fake, "StatusCart")[-1]["GUID"]
    return fake.events("cartUpdated")[-1]["params"]["recycleStateId"]


def order_now(user):
    """The basket became an order, as at Oscar's check-out."""
    basket = get_model("basket", "Basket").objects.filter(status="Open", lines__gt=0).first()
    basket.strategy = registry.shop().prices.strategy()
    guest = {} if user else {"guest_email": "guest@example.com"}
    order = factories.create_order(basket=basket, user=user, **guest)
    basket.submit()
    return order


def thank(client, order):
    session = client.session
    session["checkout_order_id"] = order.pk
    session.save()
    return client.get(reverse("checkout:thank-you"))


def told_purchase(site, fake, client, order, route: str) -> str | None:
    """The GUID with which the purchase was told by its route."""
    page = thank(client, order)
    if route == "browser":
        (call,) = [
            call
            for block in blocks(page)
            for call in block.get("after", ())
            if call[1] == "PurchasedItems"
        ]
        return call[2].get("GUID")
    work(site)
    if route == "tracker":
        return tracked(fake, "PurchasedItems")[-1].get("GUID")
    return fake.events("orderCreated")[-1]["params"].get("recycleStateId")


@pytest.mark.parametrize("purchase", PURCHASES)
@pytest.mark.parametrize("cart", CARTS)
def test_a_purchase_repeats_the_last_guid_of_its_cart(site, fake, olena, cart, purchase):
    goes_by(site, cart, purchase)
    client = browser(user=olena)
    told = []
    for _change in range(2):
        add(client)
        told.append(told_cart(site, fake, client, cart))
    assert told[0] != told[1]
    order = order_now(olena)
    assert told_purchase(site, fake, client, order, purchase) == told[1]


@pytest.mark.parametrize("purchase", PURCHASES)
@pytest.mark.parametrize("cart", CARTS)
def test_a_purchase_from_another_device_repeats_it_too(site, fake, olena, cart, purchase):
    goes_by(site, cart, purchase)
    phone, laptop = browser(user=olena), browser("the-laptop-of-olena", user=olena)
    add(phone)
    last = told_cart(site, fake, phone, cart)
    order = order_now(olena)
    assert told_purchase(site, fake, laptop, order, purchase) == last


@pytest.mark.parametrize("purchase", ["browser", "tracker"])
def test_a_session_that_is_gone_costs_no_guid(site, fake, purchase):
    goes_by(site, "browser", purchase)
    client = browser()
    add(client)
    last = told_cart(site, fake, client, "browser")
    order = order_now(None)
    Session.objects.all().delete()
    del client.cookies["sessionid"]
    assert told_purchase(site, fake, client, order, purchase) == last


@pytest.mark.parametrize("purchase", PURCHASES)
@pytest.mark.parametrize("cart", CARTS)
def test_a_cart_that_was_merged_at_login_is_bought_under_the_person_s_guid(
    site, fake, olena, cart, purchase
):
    goes_by(site, cart, purchase)
    client = browser()
    add(client)
    if cart != "event":  # nobody is known to whom the event would belong
        anonymous = told_cart(site, fake, client, cart)
    client.force_login(olena)  # cycles the session's key
    client.get(reverse("basket:summary"))
    add(client)  # a change of the merged cart
    merged = told_cart(site, fake, client, cart)
    if cart != "event":
        assert merged != anonymous
    order = order_now(olena)
    assert told_purchase(site, fake, client, order, purchase) == merged


def test_what_was_merged_carries_on_in_the_person_s_cart_under_a_new_guid(site, fake, olena):
    goes_by(site, "browser")
    add(browser(user=olena))
    client = browser()
    add(client)
    anonymous = told_cart(site, fake, client, "browser")
    client.force_login(olena)
    client.get(reverse("basket:summary"))
    merged = ask(client).json()["cart"]["call"][2]
    assert merged["GUID"] != anonymous
    assert len(merged["StatusCart"]) == 2
    mine = get_model("basket", "Basket").objects.get(owner=olena, status="Open")
    assert CartState.objects.last_guid(site.connection_id, str(mine.pk)) == merged["GUID"]


def test_two_tabs_of_one_state_tell_one_guid(site, fake, olena):
    goes_by(site, "browser")
    client = browser(user=olena)
    add(client)
    first, second = (told_cart(site, fake, client, "browser") for _tab in range(2))
    assert first == second
    assert CartState.objects.count() == 1


def test_the_tab_that_asks_last_does_not_bring_an_older_guid_back(site, fake, olena):
    goes_by(site, "browser", "tracker")
    mug, tab, other_tab = product(), browser(user=olena), browser(user=olena)
    other_tab.cookies = tab.cookies
    add(tab, mug)
    older = told_cart(site, fake, tab, "browser")
    add(other_tab)
    newer = told_cart(site, fake, other_tab, "browser")
    assert told_cart(site, fake, tab, "browser") == newer != older
    order = order_now(olena)
    assert told_purchase(site, fake, tab, order, "tracker") == newer


def test_two_devices_of_one_person_tell_one_cart_under_one_guid(site, fake, olena):
    goes_by(site, "browser")
    phone, laptop = browser(user=olena), browser("the-laptop-of-olena", user=olena)
    add(phone)
    assert told_cart(site, fake, phone, "browser") == told_cart(site, fake, laptop, "browser")
    add(laptop)
    newer = told_cart(site, fake, laptop, "browser")
    assert told_cart(site, fake, phone, "browser") == newer


def test_the_next_cart_begins_anew(site, fake, olena):
    goes_by(site, "browser")
    mug, client = product(), browser(user=olena)
    add(client, mug)
    first = told_cart(site, fake, client, "browser")
    thank(client, order_now(olena))
    assert ask(client).json()["cart"] is None
    add(client, mug)
    assert told_cart(site, fake, client, "browser") != first


def test_a_way_that_changes_with_a_full_cart_goes_on_from_its_last_guid(site, fake, olena):
    goes_by(site, "browser", "tracker")
    client = browser(user=olena)
    add(client)
    by_browser = told_cart(site, fake, client, "browser")
    goes_by(site, "tracker", "tracker")
    add(client)
    by_tracker = told_cart(site, fake, client, "tracker")
    assert by_tracker != by_browser
    goes_by(site, "browser", "tracker")
    order = order_now(olena)
    assert told_purchase(site, fake, client, order, "tracker") == by_tracker


def test_an_emptied_cart_that_another_device_told_is_told_as_empty(site, fake, olena):
    goes_by(site, "browser")
    phone, laptop = browser(user=olena), browser("the-laptop-of-olena", user=olena)
    add(phone)
    full = told_cart(site, fake, phone, "browser")
    get_model("basket", "Line").objects.all().delete()
    empty = ask(laptop).json()["cart"]["call"][2]
    assert (empty["StatusCart"], empty["GUID"] == full) == ([], False)


def test_a_visitor_whose_told_cart_is_another_one_now_empty_hears_that(site, fake):
    goes_by(site, "browser")
    client = browser()
    add(client)
    full = told_cart(site, fake, client, "browser")
    model = get_model("basket", "Basket")
    model.objects.update(status=model.SAVED)  # such as a shop that saves the baskets of the night
    thing = product()
    add(client, thing)
    model.objects.get(status=model.OPEN).lines.all().delete()
    empty = ask(client).json()["cart"]["call"][2]
    assert empty["StatusCart"] == []
    assert empty["GUID"] != full


def test_the_session_holds_no_guid(site, fake, olena):
    goes_by(site, "browser")
    client = browser(user=olena)
    add(client)
    guid = told_cart(site, fake, client, "browser")
    assert UUID(guid)
    assert guid not in str(dict(client.session))


def test_a_lost_key_of_encryption_costs_the_page_its_cart_and_nothing_else(
    site, fake, olena, settings, caplog
):
    goes_by(site, "browser")
    client = browser(user=olena)
    add(client)
    other = [Fernet.generate_key().decode()]
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": other}
    answer = ask(client)
    assert answer.status_code == 200
    assert answer.json()["cart"] is None
    assert "a cart is not told" in caplog.text
