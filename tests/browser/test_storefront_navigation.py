"""Pages that come without being loaded: swapped in, fetched ahead, taken out of the history."""

from __future__ import annotations

import pytest

from esputnik_connector.models import OutboxMessage
from esputnik_connector.records import Kind
from tests.browser.shop_window import Visit, customer, product_of
from tests.browser.storefront import change, in_front, route, shop, visit
from tests.oscar_rows import OSCAR_WARNINGS

__all__ = ["in_front", "shop", "visit"]

pytestmark = [*OSCAR_WARNINGS]

# What htmx does for a boosted link, and Turbo for every one: the body of the next page takes the
# place of this one's, and the scripts in it run.
SWAP = """async path => {
  const answer = await fetch(path, {headers: {'HX-Boosted': 'true'}});
  const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
  history.pushState({}, '', path);
  document.body.replaceChildren(...next.body.childNodes);
  for (const old of document.body.querySelectorAll('script')) {
    const fresh = document.createElement('script');
    for (const one of old.attributes) fresh.setAttribute(one.name, one.value);
    fresh.textContent = old.textContent;
    old.replaceWith(fresh);
  }
  document.dispatchEvent(new Event('htmx:afterSettle'));
}"""
VARIATION = """key => document.dispatchEvent(
  new CustomEvent('esputnik:product', {detail: {productKey: key}}))"""
BACK = "() => window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
AHEAD = """() => {
  let isAhead = true;
  Object.defineProperty(Document.prototype, 'prerendering', {get: () => isAhead});
  window.show = () => { isAhead = false; document.dispatchEvent(new Event('prerenderingchange')); };
}"""
ADD_ELSEWHERE = """async path => {
  const form = document.querySelector('#add_to_basket_form');
  await fetch(form.action, {method: 'POST', body: new FormData(form), redirect: 'manual'});
}"""


def quiet(visitor: Visit) -> None:
    """Until what the page asked just now was answered."""
    visitor.page.wait_for_timeout(500)
    visitor.settle()


def swap(visitor: Visit, path: str) -> None:
    visitor.page.evaluate(SWAP, f"/en/{path}")
    quiet(visitor)


def path_of(sku: str) -> str:
    product = product_of(sku)
    return f"catalogue/{product.slug}_{product.pk}/"


def keys(visitor: Visit) -> list[str]:
    return [call[2]["ProductPage"]["productKey"] for call in visitor.calls("ProductPage")]


def views(visitor: Visit) -> int:
    visitor.calls()
    mine = [each["call"] for each in visitor.fake.visits if each["visitor"] == visitor.sc]
    return len([call for call in mine if call[:2] == ["sendEvent", "PageView"]])


def test_pages_that_are_swapped_in_are_told_once_each(visit):
    olena = visit()
    olena.open()
    mug, shirt = product_of("mug-01"), product_of("shirt-02-m")
    small, large = product_of("shirt-02-s"), product_of("shirt-02-l")
    for sku in ("mug-01", "shirt-02-m", "mug-01", "shirt-02-m"):
        swap(olena, path_of(sku))
    for key in (small.pk, large.pk):
        olena.page.evaluate(VARIATION, key)
        quiet(olena)
    told = [mug.pk, shirt.pk, mug.pk, shirt.pk, small.pk, large.pk]
    assert keys(olena) == [str(pk) for pk in told]


def test_eputniks_script_counts_swapped_pages_as_views_too(visit):
    """By itself it counts those that are loaded (esputnik-api.md#web-tracking-script)."""
    olena = visit()
    olena.open()
    loaded = views(olena)
    swap(olena, path_of("mug-01"))
    swap(olena, "basket/")
    assert views(olena) == loaded + 2
    route(PageView="off")
    olena.open()
    before = views(olena)
    swap(olena, path_of("mug-01"))
    assert views(olena) == before


def test_the_variation_of_the_page_before_may_be_chosen_again(visit):
    olena = visit()
    key = olena.see("mug-01")
    swap(olena, "basket/")
    olena.page.evaluate(VARIATION, key)
    quiet(olena)
    assert keys(olena) == [key, key]


def test_a_page_that_comes_back_from_the_history_asks_for_the_cart_of_now(visit):
    olena = visit()
    olena.see("mug-01")
    other = olena.context.new_page()
    other.goto(olena.page.url)
    other.wait_for_load_state("networkidle")
    other.evaluate(ADD_ELSEWHERE)
    other.close()
    before = len(olena.calls("ProductPage"))
    olena.page.evaluate(BACK)
    quiet(olena)
    (call,) = olena.calls("StatusCart")
    assert len(call[2]["StatusCart"]) == 1
    assert len(olena.calls("ProductPage")) == before  # it was told when it was loaded


@pytest.mark.parametrize("way", ["browser", "tracker"])
def test_a_page_that_was_made_ahead_is_told_when_it_is_shown(visit, way):
    route(ProductPage=way)
    olena = visit()
    olena.open()
    olena.page.add_init_script(f"({AHEAD})()")
    olena.context.set_extra_http_headers({"Sec-Purpose": "prefetch;prerender"})
    olena.see("mug-01")
    quiet(olena)
    assert told(olena, way) == 0
    olena.page.evaluate("() => window.show()")
    quiet(olena)
    assert told(olena, way) == 1


def told(visitor: Visit, way: str) -> int:
    if way == "browser":
        return len(visitor.calls("ProductPage"))
    return OutboxMessage.objects.filter(
        kind=Kind.BEHAVIOUR.value, key__startswith="ProductPage"
    ).count()


def test_a_consent_that_is_taken_back_counts_in_the_other_tab_too(visit, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "CONSENT": f"{__name__}.by_cookie",
    }  # fmt: skip
    change(loads_before_consent=False)
    olena = visit()
    olena.context.add_cookies([{"name": "agreed", "value": "1", "url": olena.shop_url}])
    key = olena.see("mug-01")
    assert keys(olena) == [key]
    other = olena.context.new_page()
    other.goto(f"{olena.shop_url}/en/")
    other.wait_for_load_state("networkidle")
    olena.context.clear_cookies(name="agreed")
    other.evaluate("() => document.dispatchEvent(new Event('esputnik:consent'))")
    other.wait_for_load_state("networkidle")
    other.wait_for_timeout(300)
    olena.see("mug-02")
    assert keys(olena) == [key]


def by_cookie(request):
    return None if request.COOKIES.get("agreed") else []


@pytest.mark.parametrize("tail", ["#access_token=" + "s" * 30_000, "?utm_term=" + "x" * 30_000])
def test_the_longest_address_does_not_keep_the_customer_from_being_known(visit, tail):
    customer("olena")
    olena = visit()
    olena.log_in("olena@example.com")
    olena.page.evaluate("tail => history.replaceState({}, '', location.pathname + tail)", tail)
    with olena.page.expect_response("**/esputnik/visit") as heard:
        olena.page.evaluate("() => document.dispatchEvent(new Event('esputnik:cart'))")
    assert heard.value.status == 200
    assert "access_token" not in (heard.value.request.post_data or "")


def test_a_browser_of_old_without_fetch_is_told_what_needs_none(visit):
    olena = visit()
    olena.context.add_init_script("delete window.fetch; window.fetch = undefined;")
    key = olena.see("mug-01")
    assert keys(olena) == [key]
