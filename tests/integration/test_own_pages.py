"""Pages of a shop's own say by a tag what Oscar's say by themselves."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import path
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType, purchase_key
from esputnik_connector.models import OutboxMessage
from esputnik_connector.records import Kind
from esputnik_connector.tracking.record import behaviour, record
from sandbox_project.urls import urlpatterns as shop
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import blocks, browser, storefront

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), *OSCAR_WARNINGS]

BOUGHT = '{% esputnik_event "PurchasedItems" order_number=number %}'
SHOWN = '{% esputnik_event "ProductImpressions" products=products container="1253_r963v1317" %}'
TAG = "{% esputnik_tracking %}"


def shown(request, *tags, **values):
    text = "{% load esputnik %}" + "".join(tags)
    return HttpResponse(Template(text).render(Context({"request": request, **values})))


def thanks(request, number):
    return shown(request, BOUGHT, TAG, number=number)


def thanks_by_a_call(request, number):
    told = behaviour(BehaviourType.PURCHASED_ITEMS, order_number=number)
    record(request, told)
    return shown(request, TAG)


def recommended(request, pk):
    return shown(request, SHOWN, TAG, products=[pk, "18"])


urlpatterns = [
    path("thanks/tag/<str:number>/", thanks),
    path("thanks/call/<str:number>/", thanks_by_a_call),
    path("recommended/<int:pk>/", recommended),
    *shop,
]


@pytest.fixture(autouse=True)
def no_rest(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}


@pytest.fixture
def visitor():
    return browser()


@pytest.fixture
def order():
    basket = factories.create_basket(empty=True)
    thing = factories.create_product()
    factories.create_stockrecord(thing, price=Decimal("12.50"), num_in_stock=5)
    basket.add_product(thing, 2)
    return factories.create_order(basket=basket)


def given(page) -> dict[str, list]:
    found: dict[str, list] = {"events": [], "after": []}
    for block in blocks(page):
        for name in found:
            found[name] += block.get(name, [])
    return found


@pytest.mark.parametrize("way", ["tag", "call"])
def test_a_thank_you_page_of_the_shops_own_tells_the_purchase_after_who_bought(visitor, order, way):
    storefront()
    told = given(visitor.get(f"/thanks/{way}/{order.number}/"))
    ((_send, name, body),) = told["after"]
    assert (name, body["OrderNumber"]) == ("PurchasedItems", str(order.number))
    (line,) = body["PurchasedItems"]
    assert line["quantity"] == "2"
    assert "PurchasedItems" not in json.dumps(told["events"])


@pytest.mark.parametrize("way", ["tag", "call"])
def test_by_the_tracker_it_has_one_key_however_often_the_page_is_opened(visitor, order, way):
    storefront(routes={"PurchasedItems": "tracker"})
    for _time in range(2):
        visitor.get(f"/thanks/{way}/{order.number}/")
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value)
    assert set(rows.values_list("key", flat=True)) == {purchase_key(str(order.number))}


def test_an_order_that_is_not_there_costs_nobody_the_page(visitor):
    storefront()
    page = visitor.get("/thanks/tag/no-such-order/")
    assert page.status_code == 200
    assert given(page)["after"] == []


def test_what_a_block_of_recommendations_shows_is_told_by_its_products(visitor):
    storefront()
    told = given(visitor.get("/recommended/17/"))["events"]
    (call,) = [each for each in told if each[1] == "ProductImpressions"]
    assert call[2] == {
        "ProductImpression": [
            {"product_id": "17", "container_type": "1253_r963v1317"},
            {"product_id": "18", "container_type": "1253_r963v1317"},
        ]
    }


def test_a_purchase_without_its_number_is_shown_to_the_developer():
    with pytest.raises(KeyError):
        behaviour(BehaviourType.PURCHASED_ITEMS)
