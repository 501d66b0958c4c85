"""What is personal, a page's script asks at an address that no cache keeps."""

from __future__ import annotations

import json

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.models import Storefront
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import SC, VISIT, ask, browser, product, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

AS_BROWSER = {"StatusCart": "browser"}


@pytest.fixture
def site():
    return storefront(routes=AS_BROWSER)


@pytest.fixture
def visitor():
    return browser()


def add(client, thing, quantity=1):
    path = reverse("basket:add", kwargs={"pk": thing.pk})
    return client.post(path, {"quantity": quantity})


def test_it_is_kept_by_no_cache_and_asked_by_post(visitor, site):
    answer = ask(visitor)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert visitor.get(VISIT).status_code == 405


def test_a_stranger_is_nobody_and_has_no_cart(visitor, site):
    told = ask(visitor).json()
    assert told == {"allowed": None, "calls": [], "customer": None, "cart": None}
    assert not get_model("basket", "Basket").objects.exists()


def test_a_customer_is_told_with_a_mark_that_says_nothing(visitor, site):
    user = factories.UserFactory(email="Olena@Example.com", first_name="Olena", last_name="S")
    visitor.force_login(user)
    told = ask(visitor).json()["customer"]
    data = {"externalCustomerId": str(user.pk), "user_email": "Olena@example.com"}
    assert told["call"] == [
        "sendEvent",
        "CustomerData",
        {"CustomerData": {**data, "user_name": "Olena S"}},
    ]
    assert ask(visitor).json()["customer"]["id"] == told["id"]
    user.first_name = "Olha"
    user.save()
    assert ask(visitor).json()["customer"]["id"] != told["id"]


def reads_storefronts(client, path) -> bool:
    Storefront.objects.forget()
    with CaptureQueriesContext(database) as captured:
        client.get(path)
    return any('FROM "esputnik_connector_storefront"' in each["sql"] for each in captured)


def test_pages_that_the_staff_looks_at_are_none_of_the_shop(site, admin_client):
    assert reads_storefronts(Client(), "/en/")
    for name in ("admin:index", "admin:auth_user_changelist"):
        assert not reads_storefronts(admin_client, reverse(name))


def test_whoever_logs_in_by_the_admin_is_somebody_else_on_the_next_page(site, visitor):
    factories.UserFactory(username="boss", password="a secret", is_staff=True)
    entered = {"username": "boss", "password": "a secret"}
    answer = visitor.post(reverse("admin:login"), entered)
    assert answer.status_code == 302
    assert "esputnik_mark" in answer.cookies


def test_staff_is_no_customer(visitor, site):
    visitor.force_login(factories.UserFactory(is_staff=True))
    assert ask(visitor).json()["customer"] is None


def test_a_guest_is_known_once_they_gave_an_address_at_check_out(visitor, site):
    add(visitor, product())
    assert ask(visitor).json()["customer"] is None
    gateway = {"username": "guest@example.com", "options": "anonymous"}
    visitor.post(reverse("checkout:index"), gateway)
    assert ask(visitor).json()["customer"]["call"][2]["CustomerData"] == {
        "user_email": "guest@example.com"
    }


def test_two_visitors_never_see_each_other(site):
    olena, taras = browser(), browser()
    olena.force_login(factories.UserFactory(email="olena@example.com"))
    taras.force_login(factories.UserFactory(email="taras@example.com"))
    mug, tea = product(), product()
    add(olena, mug)
    add(taras, tea, 2)
    for client, email, thing in ((olena, "olena", mug), (taras, "taras", tea)):
        told = ask(client).json()
        assert f"{email}@example.com" in json.dumps(told["customer"])
        keys = [item["productKey"] for item in told["cart"]["call"][2]["StatusCart"]]
        assert keys == [str(thing.pk)]


def test_a_shop_page_that_is_not_a_storefronts_has_no_answer(visitor):
    assert ask(visitor).status_code == 204


@pytest.mark.parametrize(
    ("body", "kind", "headers"),
    [
        ("{}", "text/plain", {}),
        ("{}", "application/json", {"sec-fetch-site": "cross-site"}),
        ("{", "application/json", {}),
        ("[]", "application/json", {}),
        (json.dumps({"url": "x" * 20_001}), "application/json", {}),
    ],
)
def test_what_the_page_never_sends_is_refused(visitor, site, body, kind, headers):
    told = {"sec-fetch-site": "same-origin", **headers}
    answer = visitor.post(VISIT, body, content_type=kind, headers=told)
    assert answer.status_code == 400


def test_made_up_pages_are_not_believed(visitor, site):
    told = ask(visitor, seen=["forged", 7, None], product=["22"], url=7).json()
    assert told["calls"] == []


def test_a_variation_that_was_chosen_is_told_with_its_own_price(visitor, site):
    seen = product()
    (call,) = ask(visitor, product=str(seen.pk)).json()["calls"]
    told = {"productKey": str(seen.pk), "price": "12.50", "isInStock": 1}
    assert call == ["sendEvent", "ProductPage", {"ProductPage": told}]


@pytest.mark.parametrize("key", ["999999", "no number", "' or 1=1", "x" * 5000])
def test_a_variation_that_is_not_there_is_not_told(visitor, site, key):
    assert ask(visitor, product=key).json()["calls"] == []


def cart(client):
    return ask(client).json()["cart"]


def test_each_state_of_a_cart_has_a_guid_of_its_own_and_keeps_it(visitor, site):
    mug, tea = product(), product()
    add(visitor, mug)
    first = cart(visitor)
    assert cart(visitor) == first
    assert first["call"][2]["GUID"] == first["id"]
    add(visitor, tea)
    second = cart(visitor)
    assert second["id"] != first["id"]
    get_model("basket", "Line").objects.filter(product=tea).first().delete()
    third = cart(visitor)
    assert third["call"][2]["StatusCart"] == first["call"][2]["StatusCart"]
    assert third["id"] not in (first["id"], second["id"])


def test_two_carts_with_the_same_things_never_share_a_guid(site):
    mug, olena, taras = product(), browser(), browser()
    add(olena, mug)
    add(taras, mug)
    assert cart(olena)["id"] != cart(taras)["id"]


def test_an_emptied_cart_is_told_and_one_that_always_was_empty_is_not(visitor, site):
    visitor.force_login(factories.UserFactory())
    visitor.get(reverse("basket:summary"))
    assert get_model("basket", "Basket").objects.exists()
    assert cart(visitor) is None
    add(visitor, product())
    full = cart(visitor)
    get_model("basket", "Line").objects.all().delete()
    empty = cart(visitor)
    assert empty["call"][2] == {"StatusCart": [], "GUID": empty["id"]}
    assert empty["id"] != full["id"]


def test_a_cart_that_another_route_tells_is_not_told_here(visitor):
    storefront(routes={"StatusCart": "event"})
    add(visitor, product())
    assert cart(visitor) is None


def test_a_merged_cart_carries_on_after_the_login(visitor, site):
    mug, tea = product(), product()
    user = factories.UserFactory()
    visitor.force_login(user)
    add(visitor, tea)
    visitor.logout()
    visitor.cookies["sc"] = SC
    add(visitor, mug)
    anonymous = cart(visitor)
    visitor.force_login(user)
    visitor.get(reverse("basket:summary"))
    merged = cart(visitor)
    assert merged["id"] != anonymous["id"]
    keys = {item["productKey"] for item in merged["call"][2]["StatusCart"]}
    assert keys == {str(mug.pk), str(tea.pk)}
