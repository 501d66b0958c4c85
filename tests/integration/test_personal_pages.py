"""A page that tells something of one visitor alone is kept by no cache for the others."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.urls import path
from django.views.decorators.cache import cache_control
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType, Visitor
from esputnik_connector.models import OutboxMessage
from esputnik_connector.tracking.record import behaviour, record
from sandbox_project.urls import urlpatterns as shop
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import ask, block, blocks, browser, product, storefront

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), *OSCAR_WARNINGS]

PAGE = "{% load esputnik %}{% esputnik_tracking %}"
WISH = '{% load esputnik %}{% esputnik_event "AddToWishlist" product=product %}'


def shown(request, text, **values):
    return HttpResponse(Template(text).render(Context({"request": request, **values})))


def wished_for(request, pk):
    record(request, behaviour(BehaviourType.ADD_TO_WISHLIST, product_key=str(pk)))
    return shown(request, PAGE)


@cache_control(public=True, max_age=600)
def for_everybody(request, pk):
    record(request, behaviour(BehaviourType.PRODUCT_PAGE, product_key=str(pk)))
    return shown(request, PAGE)


@cache_control(public=True, max_age=600)
def wished_for_by_a_tag(request, pk):
    return shown(request, WISH, product=pk)


@cache_control(public=True, max_age=600)
def welcome(request):
    """A shop's own page after a registration says who it is, with all it knows."""
    who = Visitor(email="olena@example.com", phone="+380501234567", name="Olena")
    record(request, behaviour(BehaviourType.CUSTOMER_DATA, visitor=who))
    return shown(request, PAGE)


urlpatterns = [
    path("wished/<int:pk>/", cache_control(public=True, max_age=600)(wished_for)),
    path("tag/<int:pk>/", wished_for_by_a_tag),
    path("all/<int:pk>/", for_everybody),
    path("welcome/", welcome),
    *shop,
]


@pytest.fixture(autouse=True)
def site():
    return storefront()


@pytest.fixture
def visitor():
    return browser()


@pytest.mark.parametrize("where", ["wished", "tag"])
def test_what_one_visitor_did_is_in_no_page_that_a_cache_keeps(visitor, where):
    page = visitor.get(f"/{where}/{product().pk}/")
    assert [each["events"][0][1] for each in blocks(page)] == ["AddToWishlist"]
    assert "private" in page["Cache-Control"]
    assert "public" not in page["Cache-Control"]
    assert "Cookie" in page["Vary"]


def test_what_is_true_for_everybody_may_be_kept(visitor):
    page = visitor.get(f"/all/{product().pk}/")
    assert block(page)["events"][0][1] == "ProductPage"
    assert "public" in page["Cache-Control"]


def test_who_somebody_is_stands_in_no_page(visitor):
    page = visitor.get("/welcome/")
    text = page.content.decode()
    assert "olena@example.com" not in text
    assert "380501234567" not in text
    assert page.cookies["esputnik_mark"].value
    assert not OutboxMessage.objects.exists()


def test_the_script_of_the_next_page_asks_who_it_is(visitor):
    user = factories.UserFactory(email="olena@example.com")
    visitor.force_login(user)
    visitor.get("/welcome/")
    told = ask(visitor).json()
    assert told["calls"] == []
    assert told["customer"]["call"][2]["CustomerData"]["user_email"] == "olena@example.com"
