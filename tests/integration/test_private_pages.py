"""Pages whose address is a secret: a link that sets a password anew, a guest's order.

eSputnik's script reads the address of the page it is in, so it is not in such a page.
"""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import path, resolve, reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.models import OutboxMessage
from esputnik_connector.pipeline.behaviour.carried import opened
from esputnik_connector.records import Kind
from esputnik_connector.tracking.record import behaviour, record
from esputnik_connector.tracking.visitor import path_of, visitor_of
from sandbox_project.urls import urlpatterns as shop
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, BLOCK, SC, SCRIPT, ask, block, blocks, browser, product, storefront

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__), *OSCAR_WARNINGS]

TAG = "{% load esputnik %}{% esputnik_tracking %}"
BOUGHT = '{% load esputnik %}{% esputnik_event "PurchasedItems" order_number=number %}'
TAG_EVERYWHERE = "{% load esputnik %}{% esputnik_tracking everywhere=True %}"


def thanks_by_link(request, token):
    """A thank-you page of the shop's own, behind an address that nobody guesses."""
    bought = behaviour(BehaviourType.ADD_TO_WISHLIST, product_key=request.GET["product"])
    record(request, bought)
    return HttpResponse(Template(TAG).render(Context({"request": request})))


def bought_by_a_tag(request, token):
    """The same, whose template says it; ``where`` names the tag that comes first."""
    parts = [BOUGHT, TAG_EVERYWHERE if "everywhere" in request.GET else TAG]
    if request.GET.get("where") == "behind":
        parts.reverse()
    values = {"request": request, "number": request.GET["number"]}
    return HttpResponse(Template("".join(parts)).render(Context(values)))


def gone(request, token):
    return HttpResponse(Template(TAG_EVERYWHERE).render(Context({"request": request})))


def plain(request, **_named):
    return HttpResponse(Template(TAG).render(Context({"request": request})))


urlpatterns = [
    path("phones/<slug:phone>/", plain),
    path("tags/<slug:hashtag>/", plain),
    path("passes/<slug:pass_slug>/", plain),
    path("leave/<str:address>/", plain),
    path("bought/<str:token>/", thanks_by_link),
    path("paid/<str:token>/", bought_by_a_tag),
    path("files/<path:secret>/read/", plain),
    path("shown/<str:token>/", gone),
    *shop,
]


@pytest.fixture(autouse=True)
def no_rest(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "WAKE": ""}


@pytest.fixture
def visitor():
    return browser()


def order_of(thing):
    basket = factories.create_basket(empty=True)
    basket.add_product(thing, 2)
    return factories.create_order(basket=basket)


def reset_link():
    user = factories.UserFactory()
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return reverse("password-reset-confirm", kwargs={"uidb64": uid, "token": token})


def is_tracked(page) -> bool:
    text = page.content.decode()
    return SCRIPT in text or bool(BLOCK.search(text)) or "tracking.js" in text


@pytest.mark.parametrize("is_direct", [False, True])
def test_a_page_by_which_a_password_is_set_anew_has_no_script(visitor, is_direct):
    storefront(loads_before_consent=is_direct)
    page = visitor.get(reset_link(), follow=True)
    assert page.status_code == 200
    assert b"new_password" in page.content
    assert not is_tracked(page)
    assert is_tracked(visitor.get(reverse("password-reset")))


def test_the_order_of_a_guest_has_none_either(visitor, settings):
    settings.OSCAR_ALLOW_ANON_CHECKOUT = True
    storefront()
    order = factories.create_order(user=None, guest_email="guest@example.com")
    own = {"order_number": order.number, "hash": order.verification_hash()}
    page = visitor.get(reverse("customer:anon-order", kwargs=own), follow=True)
    assert page.status_code == 200
    assert not is_tracked(page)


@pytest.mark.parametrize(
    ("query", "is_left_out"),
    [
        ("token=abc", True), ("reset_password=1", True), ("x-signature=ab", True),
        ("q=token", False), ("utm_source=mail&sc_content=1_r2v3", False), ("order=name", False),
    ],
)  # fmt: skip
def test_a_secret_may_stand_in_the_query_too(visitor, query, is_left_out):
    storefront()
    assert is_tracked(visitor.get(f"/en/catalogue/?{query}")) is not is_left_out


def test_what_was_done_on_such_a_page_is_told_by_the_next_one(visitor):
    storefront()
    thing = product()
    page = visitor.get(f"/bought/xyz/?product={thing.pk}")
    assert not is_tracked(page)
    assert page.cookies["esputnik_mark"].value
    assert [call[1] for call in ask(visitor).json()["calls"]] == ["AddToWishlist"]


@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_purchase_that_its_template_says_is_told_by_the_next_page_too(visitor, where):
    storefront()
    order = order_of(product())
    page = visitor.get(f"/paid/xyz/?number={order.number}&where={where}")
    assert b"tracking.js" not in page.content
    assert "private" in page["Cache-Control"]
    assert [call[1] for call in ask(visitor).json()["calls"]] == ["PurchasedItems"]
    assert ask(visitor).json()["calls"] == []


def test_where_the_script_is_everywhere_that_page_tells_it_itself(visitor):
    storefront()
    order = order_of(product())
    page = visitor.get(f"/paid/xyz/?number={order.number}&everywhere=1")
    (told,) = [each["after"] for each in blocks(page) if "after" in each]
    assert told[0][1] == "PurchasedItems"
    assert ask(visitor).json()["calls"] == []


def test_what_such_a_page_was_is_not_told_by_another(visitor):
    storefront()
    visitor.get("/en/accounts/wishlists/nothing-there/secret-key/?token=x")
    assert ask(visitor).json()["calls"] == []


def carried():
    rows = OutboxMessage.objects.filter(kind=Kind.BEHAVIOUR.value)
    return [opened(row.key, row.payload) for row in rows]


def test_a_worker_tells_it_without_the_secret(visitor):
    storefront(routes={"PageView": "event"})
    visitor.force_login(factories.UserFactory())
    visitor.cookies["sc"] = SC
    assert not is_tracked(visitor.get("/bought/xyz/?product=0"))
    (told,) = carried()
    assert told.location == "/bought/-/"
    assert "xyz" not in told.visitor.page_url


def test_the_developer_reads_in_the_page_why_the_tag_left_nothing(visitor, settings):
    settings.DEBUG = True
    path = product().get_absolute_url()
    assert b"no storefront tracks the visitors of testserver" in visitor.get(path).content
    storefront()
    assert b"<!-- esputnik_tracking" not in visitor.get(path).content
    assert b"the address of this page is a secret" in visitor.get(f"{path}?token=x").content
    settings.DEBUG = False
    assert b"<!-- esputnik_tracking" not in visitor.get(f"{path}?token=x").content


@pytest.mark.parametrize(
    ("path", "is_left_out"),
    [
        ("/phones/nokia-3310/", False),
        ("/tags/summer/", False),
        ("/passes/bukovel-2026/", False),
        ("/leave/mug-4820000123456/", False),
        ("/leave/@olena/", False),
        ("/leave/olena@example.com/", True),
        ("/leave/newsletter/", False),
    ],
)
def test_a_name_that_only_sounds_like_a_secret_costs_no_page_its_tracking(
    visitor, path, is_left_out
):
    storefront()
    assert is_tracked(visitor.get(path)) is not is_left_out


def test_the_shop_may_want_it_everywhere(visitor):
    storefront()
    assert is_tracked(visitor.get("/shown/xyz/"))


@pytest.mark.parametrize("prefix", ["/en", "/uk"])
def test_what_the_pages_script_brings_back_has_no_secret_in_its_address(visitor, prefix):
    """Also where the address is of another language than that in which the script asks."""
    storefront(routes={"ProductPage": "tracker"})
    path = f"{prefix}{reset_link().removeprefix('/en')}"
    secret = path.rstrip("/").rpartition("/")[2]
    ask(visitor, product=str(product().pk), url=f"http://testserver{path}?q=1")
    (told,) = carried()
    assert told.visitor.page_url == f"http://testserver{prefix}/password-reset/confirm/-/-/?q=1"
    assert secret not in json.dumps(told.visitor.page_url)


@pytest.mark.parametrize(
    "path",
    [
        "/en/catalogue/category/%D1%87%D0%B0%D0%B9_2/?q=%D1%87%D0%B0%D0%B9",
        "/somebody/else/",
        "/bought/%zz/",
    ],
)
def test_an_address_without_a_secret_or_a_view_of_the_shop_stays(visitor, path):
    storefront(routes={"ProductPage": "tracker"})
    ask(visitor, product=str(product().pk), url=f"http://testserver{path}")
    (told,) = carried()
    kept = path.replace("%zz", "-")
    assert told.visitor.page_url == f"http://testserver{kept}"


def test_a_secret_in_other_letters_is_found_in_its_percent_form():
    request = RequestFactory(headers={"user-agent": AGENT}).get("/bought/ключ/")
    request.resolver_match = resolve("/bought/ключ/")
    assert path_of(request) == "/bought/-/"
    said = "http://testserver/bought/%D0%BA%D0%BB%D1%8E%D1%87/"
    found = visitor_of(request, storefront(), object(), page_url=said)
    assert found.page_url == "http://testserver/bought/-/"


def test_a_secret_of_several_parts_is_found_in_all_of_them():
    request = RequestFactory(headers={"user-agent": AGENT}).get("/files/ab/cd/read/")
    request.resolver_match = resolve("/files/ab/cd/read/")
    assert path_of(request) == "/files/-/read/"
    found = visitor_of(
        request, storefront(), object(), page_url="http://testserver/files/a%62/cd/read/?q=1"
    )
    assert found.page_url == "http://testserver/files/-/read/?q=1"


def test_a_page_without_a_secret_is_tracked_as_ever(visitor):
    storefront()
    assert is_tracked(visitor.get(product().get_absolute_url()))
    assert block(visitor.get(product().get_absolute_url()))["visit"]
    assert get_model("catalogue", "Product").objects.count() == 2
