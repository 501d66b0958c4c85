"""What showed no page is told by the next one: little of it, for a short while, and here alone."""

from __future__ import annotations

import json

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import Kind
from esputnik_connector.tracking.session_calls import KEPT_FOR, LATER, LONGEST, MOST_CALLS
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, HOST, SC, ask, product, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]


@pytest.fixture
def visitor():
    client = Client(headers={"user-agent": AGENT})
    client.force_login(factories.UserFactory())
    client.cookies["sc"] = SC
    return client


def wish(visitor, **headers):
    path = reverse("customer:wishlists-add-product", kwargs={"product_pk": product().pk})
    return visitor.post(path, headers=headers)


def told(visitor, host=HOST):
    return [call[1] for call in ask(visitor, host=host).json()["calls"]]


def test_nothing_is_left_once_it_was_told(visitor):
    storefront()
    wish(visitor)
    assert LATER in visitor.session
    assert told(visitor) == ["AddToWishlist"]
    assert LATER not in visitor.session


def test_the_newest_few_are_kept(visitor):
    storefront()
    for _time in range(MOST_CALLS + 3):
        wish(visitor)
    assert len(told(visitor)) == MOST_CALLS


def test_much_is_not_kept_in_a_session(visitor):
    storefront()
    call = ["sendEvent", "PurchasedItems", {"OrderNumber": "1" * (LONGEST - 500)}]
    session = visitor.session
    session[LATER] = [[int(timezone.now().timestamp()), Connection.objects.get().pk, call]]
    session.save()
    for _time in range(10):
        wish(visitor)
    assert len(json.dumps(visitor.session[LATER])) < LONGEST
    assert told(visitor) == ["AddToWishlist"] * 10


def test_a_session_that_a_cookie_holds_stays_small_enough_for_it(visitor, settings):
    storefront()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    shopper = Client(headers={"user-agent": AGENT})
    shopper.force_login(factories.UserFactory())
    for _time in range(MOST_CALLS):
        wish(shopper)
    assert len(shopper.cookies[settings.SESSION_COOKIE_NAME].value) < 4000
    assert told(shopper)


def test_what_nobody_came_for_is_not_told_an_hour_later(visitor):
    storefront()
    wish(visitor)
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=KEPT_FOR + 60)):
        assert told(visitor) == []


def test_what_nobody_came_for_leaves_the_session(visitor):
    """Of somebody who blocks scripts: nothing ever asks for it."""
    storefront()
    wish(visitor)
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=KEPT_FOR + 60)):
        visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
        assert LATER not in visitor.session


def test_what_is_young_enough_stays(visitor):
    storefront()
    wish(visitor)
    visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    assert told(visitor) == ["AddToWishlist"]


def test_what_an_older_version_left_is_passed_over(visitor):
    storefront()
    session = visitor.session
    session[LATER] = [["sendEvent", "AddToWishlist", {}]]
    session.save()
    assert told(visitor) == []


@pytest.fixture
def two_shops(settings):
    """Two domains with an account each, and one session for both."""
    settings.ALLOWED_HOSTS = ["*"]
    other = Connection.objects.create(
        name="other", api_key="k", api_url="https://esputnik.example/api"
    )

    def open_both(**routes):
        routes = dict.fromkeys(routes.get("by_tracker", ()), "tracker")
        return (
            storefront(routes=routes),
            storefront(other, domain="other.example", routes=routes),
        )

    return open_both


def test_what_was_done_in_one_shop_is_not_told_to_the_account_of_another(visitor, two_shops):
    two_shops()
    wish(visitor, host="other.example")
    assert told(visitor) == []
    assert told(visitor, host="other.example") == ["AddToWishlist"]
    assert LATER not in visitor.session


def test_a_customer_of_two_shops_is_joined_at_both_accounts(visitor, two_shops, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    here, there = two_shops(by_tracker=[BehaviourType.CUSTOMER_DATA.value])
    for host in (HOST, "other.example", HOST):
        path = reverse("basket:add", kwargs={"pk": product().pk})
        visitor.post(path, {"quantity": 1}, headers={"host": host})
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).order_by("pk")
    owners = [row.connection_id for row in rows]
    assert owners == [here.connection_id, there.connection_id]
