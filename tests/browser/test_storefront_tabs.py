"""One browser with several tabs, and pages that eSputnik's script must not see, in Chromium."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from oscar.core.loading import get_model

from esputnik_connector.models import CartState
from tests.browser.shop_window import customer
from tests.browser.storefront import in_front, shop, visit
from tests.browser.test_storefront_pages import guids

__all__ = ["in_front", "shop", "visit"]


def test_an_answer_that_is_late_in_another_tab_does_not_bring_back_the_older_cart(visit):
    olena = visit()
    olena.add("mug-01")
    held: list[tuple[Any, Any]] = []
    second = olena.context.new_page()
    second.route("**/esputnik/visit", lambda route: held.append((route, route.fetch())))
    second.goto(f"{olena.shop_url}/en/")
    second.wait_for_timeout(500)
    assert held
    olena.add("mug-01")
    first, newest = guids(olena)
    assert first != newest
    for route, answer in held:
        route.fulfill(response=answer)
    second.wait_for_timeout(500)
    assert guids(olena) == [first, newest]
    state = CartState.objects.order_by("pk").last()
    assert CartState.objects.last_guid(state.connection_id, state.cart_key) == newest


def test_the_cart_of_whoever_comes_next_is_told_although_it_is_older(visit):
    """A customer with a basket of days ago logs in after a stranger put something in theirs."""
    taras = visit()
    customer("taras")
    taras.log_in("taras@example.com")
    taras.add("mug-01")
    taras.open("accounts/logout/")
    taras.add("tea-01")
    before = len(guids(taras))
    taras.log_in("taras@example.com")
    told = guids(taras)
    assert len(told) == before + 1
    basket = get_model("basket", "Basket").objects.get(owner__email="taras@example.com")
    assert CartState.objects.filter(guid=told[-1]).last().cart_key == str(basket.pk)


def test_eputniks_script_never_sees_the_page_that_sets_a_password_anew(visit, fake):
    user, olena = customer("olena"), visit()
    asked: list[str] = []
    olena.page.on("request", lambda request: asked.append(request.url))
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    olena.open(f"password-reset/confirm/{uid}/{token}/")
    assert olena.page.locator("[name=new_password1]").count() == 1
    assert olena.page.evaluate("typeof window.eS") == "undefined"
    assert not [url for url in asked if url.startswith(fake.url) or "/esputnik/" in url]
    olena.open("catalogue/")
    assert olena.page.evaluate("typeof window.eS") == "function"
