"""One tag in the base template tells what each of Oscar's pages is, to the page's own script."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal
from hashlib import sha256

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import override
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.shops.oscar.pages import page as what_page_says
from esputnik_connector.tracking.pages import script_hashes, with_nonce
from esputnik_connector.tracking.record import behaviour, record
from tests.oscar_rows import OSCAR_WARNINGS, root
from tests.tracked import AGENT, HOST, SC, SCRIPT, ask, block, blocks, browser, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

Product = get_model("catalogue", "Product")
Category = get_model("catalogue", "Category")


@pytest.fixture
def visitor():
    return browser()


@pytest.fixture
def site():
    return storefront()


def product(price="12.50", **fields):
    made = factories.create_product(**fields)
    if price is not None:
        factories.create_stockrecord(made, price=Decimal(price), num_in_stock=5)
    return made


def calls(page):
    return block(page).get("events", [])


def test_the_first_page_is_the_main_page(visitor, site):
    page = visitor.get(reverse("catalogue:index"))
    assert calls(page) == [["sendEvent", "MainPage"]]
    assert block(page)["script"] == SCRIPT


def test_turning_a_page_of_the_catalogue_is_no_second_visit_of_the_first(visitor, site):
    for _ in range(30):
        product()
    assert calls(visitor.get(reverse("catalogue:index"), {"page": "2"})) == []


def test_a_product_is_told_with_its_price_and_stock(visitor, site):
    seen = product()
    page = visitor.get(seen.get_absolute_url())
    told = {"productKey": str(seen.pk), "price": "12.50", "isInStock": 1}
    assert calls(page) == [["sendEvent", "ProductPage", {"ProductPage": told}]]
    assert block(page)["product"] == str(seen.pk)


def test_the_chosen_variation_is_told_and_for_the_parent_the_one_that_stands_for_it(visitor, site):
    parent = factories.create_product(structure=Product.PARENT)
    dear, cheap = (product(price, parent=parent, structure=Product.CHILD) for price in ("30", "20"))
    for page_of, told in ((dear, dear), (cheap, cheap), (parent, cheap)):
        (call,) = calls(visitor.get(page_of.get_absolute_url()))
        assert call[2]["ProductPage"]["productKey"] == str(told.pk)


def test_a_product_without_a_stock_record_is_told_without_a_price(visitor, site):
    seen = product(price=None)
    (call,) = calls(visitor.get(seen.get_absolute_url()))
    assert call[2] == {"ProductPage": {"productKey": str(seen.pk), "isInStock": 0}}


def test_a_category_is_told_by_the_name_that_the_feed_has_a_slash_included(visitor, site):
    category = root("Mugs / Cups")
    Category.objects.filter(pk=category.pk).update(slug="mugs-cups")
    category.refresh_from_db()
    page = visitor.get(category.get_absolute_url())
    told = {"CategoryPage": {"categoryKey": "Mugs / Cups"}}
    assert calls(page) == [["sendEvent", "CategoryPage", told]]


def test_a_search_tells_whether_anything_was_found(visitor, site):
    product(title="Blue mug")
    found = calls(visitor.get(reverse("search:search"), {"q": "mug"}))
    assert found == [
        ["sendEvent", "SearchRequest", {"SearchRequest": {"search": "mug", "isFound": 1}}]
    ]
    (lost,) = calls(visitor.get(reverse("search:search"), {"q": "spoon"}))
    assert lost[2]["SearchRequest"] == {"search": "spoon", "isFound": 0}


def test_the_next_page_of_a_search_or_an_empty_one_is_no_search(visitor, site):
    for _ in range(30):
        product(title="Blue mug")
    assert calls(visitor.get(reverse("search:search"), {"q": "mug", "page": "2"})) == []
    assert calls(visitor.get(reverse("search:search"), {"q": ""})) == []


def test_five_kilobytes_of_a_search_are_cut(visitor, site):
    (call,) = calls(visitor.get(reverse("search:search"), {"q": "mug" * 1700}))
    assert call[2]["SearchRequest"]["search"] == ("mug" * 1700)[:200]


def test_what_a_visitor_writes_cannot_end_the_block_it_stands_in(visitor, site):
    words = "</script><b>"
    page = visitor.get(reverse("search:search"), {"q": words})
    (call,) = calls(page)
    assert call[2]["SearchRequest"]["search"] == words
    inside = page.content.decode().partition('id="esputnik-page"')[2].partition("</script>")[0]
    assert "<b>" not in inside


def test_a_name_with_markup_is_told_as_it_is_and_ends_nothing(visitor, site):
    category = root("</script><b>Mugs")
    Category.objects.filter(pk=category.pk).update(slug="mugs")
    category.refresh_from_db()
    page = visitor.get(category.get_absolute_url())
    (call,) = calls(page)
    assert call[2] == {"CategoryPage": {"categoryKey": "</script><b>Mugs"}}
    inside = page.content.decode().partition('id="esputnik-page"')[2].partition("</script>")[0]
    assert "<b>" not in inside


def test_the_basket_page_and_a_page_that_is_not_there_are_told(visitor, site):
    assert calls(visitor.get(reverse("basket:summary"))) == [["sendEvent", "StatusCartPage"]]
    lost = visitor.get("/en/no-such-page/")
    assert lost.status_code == 404
    assert calls(lost) == [["sendEvent", "NotFound"]]


def test_what_a_merchant_switched_off_is_not_told(visitor):
    storefront(routes={"MainPage": "off"})
    assert calls(visitor.get(reverse("catalogue:index"))) == []


@pytest.mark.parametrize("values", [{"domain": "other.example"}, {"is_tracking": False}])
def test_a_page_without_a_storefront_of_its_host_carries_nothing(visitor, values):
    storefront(**values)
    page = visitor.get(reverse("catalogue:index"))
    assert blocks(page) == []
    assert b"esputnik" not in page.content


def test_nothing_in_a_page_depends_on_who_visits(visitor, site):
    seen = product()
    user = factories.UserFactory(email="olena@example.com")
    customer = Client(headers={"user-agent": AGENT})
    customer.force_login(user)
    customer.cookies["sc"] = "another-visitor-0001"
    for path in (seen.get_absolute_url(), reverse("catalogue:index")):
        assert block(visitor.get(path)) == block(customer.get(path))
    page = customer.get(seen.get_absolute_url()).content.decode()
    assert "olena@example.com" not in page.partition('id="esputnik-page"')[2]


def test_a_page_that_is_only_shown_gets_no_cookie_of_ours(visitor, site):
    page = visitor.get(reverse("catalogue:index"))
    assert not [name for name in page.cookies if name.startswith("esputnik")]


def test_the_tag_reads_neither_session_nor_cookies(site):
    """Else Django's cache would keep a copy of the page for every visitor."""
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.resolver_match = None
    page = Template("{% load esputnik %}{% esputnik_tracking %}").render(
        Context({"request": request})
    )
    assert "tracking.js" in page
    assert not hasattr(request, "session")


def test_a_shop_page_of_its_own_tells_by_a_tag_and_by_a_call(site):
    request = RequestFactory(headers={"user-agent": AGENT}).get("/outlet/")
    request.resolver_match = None
    record(request, behaviour(BehaviourType.SEARCH_REQUEST, search="mug", is_found=True))
    seen = product()
    tag = '{% esputnik_event "ProductPage" product=product %}'
    text = f"{{% load esputnik %}}{tag}{{% esputnik_tracking %}}"
    page = Template(text).render(Context({"request": request, "product": seen}))
    by_tag, by_call = (
        each["events"] for each in blocks(type("Page", (), {"content": page.encode()}))
    )
    assert by_tag[0][2]["ProductPage"]["productKey"] == str(seen.pk)
    assert by_call[0][1] == "SearchRequest"


def test_a_misspelt_type_is_shown_to_the_developer(site):
    request = RequestFactory().get("/")
    text = '{% load esputnik %}{% esputnik_event "ProductPgae" product=1 %}'
    with pytest.raises(ValueError, match="ProductPgae"):
        Template(text).render(Context({"request": request}))


def test_a_nonce_is_on_our_script_and_on_the_snippet_that_stands_in_the_page(site):
    site.loads_before_consent = True
    site.save()
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.resolver_match, request.csp_nonce = None, "n0nce"
    page = Template("{% load esputnik %}{% esputnik_tracking %}").render(
        Context({"request": request})
    )
    assert page.count('nonce="n0nce"') == 2
    assert SCRIPT.replace("<script", '<script nonce="n0nce"') in page
    assert "script" not in block(type("Page", (), {"content": page.encode()}))


def test_an_error_of_ours_costs_nobody_a_page(visitor, site, settings, caplog):
    seen = product()
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP": "no.such.Shop"}
    page = visitor.get(seen.get_absolute_url())
    assert page.status_code == 200
    assert block(page)["script"] == SCRIPT
    assert "events" not in block(page)
    assert "is not told" in caplog.text


def test_a_wish_is_told_on_the_next_page_and_once(visitor, site):
    seen = product()
    visitor.force_login(factories.UserFactory())
    visitor.cookies["sc"] = SC
    add = reverse("customer:wishlists-add-product", kwargs={"product_pk": seen.pk})
    done = visitor.post(add)
    assert done.cookies["esputnik_mark"].value
    (call,) = ask(visitor).json()["calls"]
    told = {"productKey": str(seen.pk), "price": "12.50", "isInStock": 1}
    assert call == ["sendEvent", "AddToWishlist", {"AddToWishlist": told}]
    assert ask(visitor).json()["calls"] == []


def test_who_is_sent_to_the_login_first_has_wished_for_nothing(visitor, site):
    add = reverse("customer:wishlists-add-product", kwargs={"product_pk": product().pk})
    assert visitor.get(add).status_code == 302
    assert ask(visitor).json()["calls"] == []


def test_a_policy_may_name_the_snippet_by_its_hash():
    storefront(script="<script>one()</script>\n<script src='https://e.example/x.js'></script>")
    digest = b64encode(sha256(b"one()").digest()).decode()
    assert script_hashes(HOST) == [f"'sha256-{digest}'"]
    assert script_hashes("other.example") == []


def test_the_hash_is_of_what_a_browser_reads():
    """HTML knows no carriage return: a browser hashes the text without."""
    storefront(script="<script>\r\none()\r\n</script>")
    digest = b64encode(sha256(b"\none()\n").digest()).decode()
    assert script_hashes(HOST) == [f"'sha256-{digest}'"]


def test_a_nonce_is_put_on_elements_and_never_into_a_script(site):
    text = """var more = "<script src='x.js'><\\/script>";</script>"""
    told = with_nonce(f"<script>{text}\n<SCRIPT>two()</SCRIPT>", SafeString(' nonce="n0nce"'))
    assert told == f'<script nonce="n0nce">{text}\n<SCRIPT nonce="n0nce">two()</SCRIPT>'


def test_the_main_page_of_each_language_is_one(site):
    asked = RequestFactory(headers={"user-agent": AGENT})
    for path, is_main in (("/", True), ("/en/", True), ("/uk/", False), ("/en/outlet/", False)):
        request = asked.get(path)
        request.resolver_match = None
        with override("en"):
            page = Template("{% load esputnik %}{% esputnik_tracking %}").render(
                Context({"request": request})
            )
        told = block(type("Page", (), {"content": page.encode()})).get("events", [])
        assert bool(told) is is_main, path


def test_a_shop_below_a_folder_has_its_main_page_there(site):
    request = RequestFactory(SCRIPT_NAME="/shop", headers={"user-agent": AGENT}).get("/")
    request.resolver_match = None
    assert request.path == "/shop/"
    assert what_page_says(request, {}).type is BehaviourType.MAIN_PAGE


def test_without_the_middleware_the_script_asks_on_every_page(site):
    request = RequestFactory(headers={"user-agent": AGENT}).get("/")
    request.resolver_match = None
    page = Template("{% load esputnik %}{% esputnik_tracking %}").render(
        Context({"request": request})
    )
    assert block(type("Page", (), {"content": page.encode()}))["always"]


def test_with_it_only_after_something_was_submitted(visitor, site):
    page = visitor.get(reverse("catalogue:index"))
    assert "always" not in block(page)
    added = visitor.post(reverse("basket:add", kwargs={"pk": product().pk}), {"quantity": 1})
    mark = added.cookies["esputnik_mark"].value
    assert mark
    assert "esputnik_mark" not in visitor.get(reverse("catalogue:index")).cookies
    assert "esputnik_mark" not in ask(visitor).cookies
