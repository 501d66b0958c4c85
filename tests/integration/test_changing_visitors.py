"""One browser, several people: whoever logs in, out, or looks on as somebody else."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model, login
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import OutboxMessage
from esputnik_connector.pipeline.behaviour.carried import opened
from esputnik_connector.records import Kind
from sandbox_project.urls import urlpatterns as shop
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import ask, browser, product, storefront

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls(__name__),
    *OSCAR_WARNINGS,
]

BACKEND = "django.contrib.auth.backends.ModelBackend"
MARK = "esputnik_mark"


def open_letter(request, pk):
    """A link in a letter, or the way back from another site: it logs in by GET."""
    login(request, get_user_model().objects.get(pk=pk), backend=BACKEND)
    return HttpResponseRedirect("/en/catalogue/")


def plain(_request):
    return HttpResponse("a page without the tag")


urlpatterns = [
    path("letter/<int:pk>/", open_letter),
    path("plain/", plain),
    *shop,
]


class SomebodyElse:
    """As the apps for support do by which staff looks on as a customer."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.COOKIES.get("looks-on"):
            setattr(request.user, request.COOKIES["looks-on"], True)
        return self.get_response(request)


def answers_by_cookie(request):
    return None if request.COOKIES.get("agreed") else []


@pytest.fixture
def visitor():
    return browser()


@pytest.fixture
def by_tracker():
    return storefront(routes={"CustomerData": "tracker", "ProductPage": "tracker"})


@pytest.fixture
def no_rest(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}


def waiting():
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).order_by("pk")
    return [BehaviourType.of(key).value for key in rows.values_list("key", flat=True)]


def test_whoever_logs_in_by_a_link_is_asked_for_anew(visitor):
    storefront()
    user = factories.UserFactory()
    assert MARK not in visitor.get("/plain/").cookies
    assert visitor.get(f"/letter/{user.pk}/").cookies[MARK].value
    assert MARK not in visitor.get("/plain/").cookies


def test_a_request_that_failed_changed_nothing(visitor):
    storefront()
    failed = visitor.post("/en/nowhere/")
    assert failed.status_code == 404
    assert MARK not in failed.cookies


def test_the_staff_changes_nothing_by_looking_and_is_another_one_by_a_login(visitor):
    """In the admin of the same domain: the shop's next page is seen by somebody whom it knows."""
    storefront()
    get_user_model().objects.create_superuser("keeper", "keeper@example.com", "secret-1")
    form = {"username": "keeper", "password": "secret-1"}
    came = visitor.post(reverse("admin:login"), form)
    assert came.status_code == 302
    assert came.cookies[MARK].value
    assert MARK not in visitor.get(reverse("admin:index")).cookies


def test_whoever_logs_in_by_a_link_is_joined_with_the_browser(visitor, by_tracker, no_rest):
    user = factories.UserFactory()
    visitor.get(f"/letter/{user.pk}/")
    assert waiting() == ["CustomerData"]
    visitor.get("/plain/")
    assert waiting() == ["CustomerData"]


def test_the_next_one_in_the_same_browser_is_joined_too(visitor, by_tracker, no_rest):
    first, second = factories.UserFactory(), factories.UserFactory()
    visitor.get(f"/letter/{first.pk}/")
    visitor.get(f"/letter/{second.pk}/")
    assert waiting() == ["CustomerData", "CustomerData"]


def test_a_logout_by_a_link_is_noticed(visitor):
    storefront()
    visitor.get(f"/letter/{factories.UserFactory().pk}/")
    left = visitor.get(reverse("customer:logout"))
    assert left.status_code == 302
    assert left.cookies[MARK].value
    assert ask(visitor).json()["customer"] is None


def test_the_next_one_never_gets_what_was_left_for_the_one_before(visitor):
    storefront()
    visitor.get(f"/letter/{factories.UserFactory().pk}/")
    wish = reverse("customer:wishlists-add-product", kwargs={"product_pk": product().pk})
    assert visitor.post(wish).status_code == 302
    visitor.get(f"/letter/{factories.UserFactory().pk}/")
    assert ask(visitor).json()["calls"] == []


@pytest.mark.parametrize("mark", ["is_hijacked", "is_impersonate"])
def test_staff_that_looks_on_as_a_customer_is_not_the_customer(
    mark, visitor, by_tracker, no_rest, settings
):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[: settings.MIDDLEWARE.index(AUTH) + 1],
        f"{__name__}.SomebodyElse",
        *settings.MIDDLEWARE[settings.MIDDLEWARE.index(AUTH) + 1 :],
    ]
    visitor.force_login(factories.UserFactory(email="olena@example.com"))
    visitor.cookies["looks-on"] = mark
    visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    assert waiting() == []
    by_tracker.routes = {}
    by_tracker.save()
    assert ask(visitor).json()["customer"] is None


AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"


def test_whoever_agrees_after_the_login_is_joined_then(visitor, by_tracker, no_rest, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "CONSENT": f"{__name__}.answers_by_cookie",
    }  # fmt: skip
    visitor.get(f"/letter/{factories.UserFactory().pk}/")
    assert waiting() == []
    visitor.cookies["agreed"] = "1"
    visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    assert waiting() == ["CustomerData"]


def test_a_page_that_brings_a_cookie_of_ours_is_for_nobody_else(visitor, no_rest):
    """Else a cache before the shop gave one visitor's id to everybody."""
    storefront(script="", routes={"ProductPage": "tracker"})
    del visitor.cookies["sc"]
    page = visitor.get(product().get_absolute_url())
    assert page.cookies["esputnik_visitor"].value
    assert "Cookie" in page["Vary"]
    assert "private" in page["Cache-Control"]


def pages_of(client):
    """Cookie and person of each page view that a worker is to tell."""
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value).order_by("pk")
    visitors = [opened(row.key, row.payload).visitor for row in rows]
    return [(one.cookie, one.contact_key) for one in visitors]


def test_whoever_takes_the_tablet_after_a_logout_is_another_visitor(visitor, no_rest):
    """By the cookie of ours. That of eSputnik's script is the script's own."""
    storefront(script="", routes={"ProductPage": "tracker"})
    del visitor.cookies["sc"]
    thing = product()
    olena = factories.UserFactory()
    visitor.force_login(olena)
    visitor.get(thing.get_absolute_url())
    visitor.get(thing.get_absolute_url())
    visitor.get(reverse("customer:logout"))
    visitor.get(thing.get_absolute_url())
    first, second, after = pages_of(visitor)
    assert first == second == (first[0], str(olena.pk))
    assert after[1] == ""
    assert after[0] not in ("", first[0])


def test_a_session_that_ran_out_leaves_the_visitor_who_they_were(visitor, no_rest):
    storefront(script="", routes={"ProductPage": "tracker"})
    del visitor.cookies["sc"]
    thing = product()
    visitor.force_login(factories.UserFactory())
    visitor.get(thing.get_absolute_url())
    del visitor.cookies["sessionid"]
    visitor.get(thing.get_absolute_url())
    before, after = pages_of(visitor)
    assert before[0] == after[0] != ""
    assert after[1] == ""


def test_a_logout_makes_no_cookie_where_there_was_none(visitor):
    storefront()
    visitor.force_login(factories.UserFactory())
    assert "esputnik_visitor" not in visitor.get(reverse("customer:logout")).cookies
