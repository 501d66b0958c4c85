"""A visitor's own browser in the sandbox shop, and what its eS.js was told there."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from oscar.core.loading import get_model
from playwright.sync_api import Browser, BrowserContext, Page, expect

PASSWORD = "Sonechko-2026"
Call = list[Any]
QUIET = 700  # milliseconds in which nothing comes


class Visit:
    """One visitor: a browser context of their own."""

    def __init__(self, browser: Browser, shop_url: str, fake: Any, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(locale="en-GB", **options)
        self.page: Page = self.context.new_page()
        self.shop_url = shop_url
        self.fake = fake
        self.mistakes: list[str] = []
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.shop_url}/en/{path}")
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle")

    @property
    def sc(self) -> str:
        found = [one for one in self.context.cookies() if one["name"] == "sc"]
        return str(found[0]["value"]) if found else ""

    def calls(self, *names: str) -> list[Call]:
        """What this visitor's eS.js was told, PageView and init left out; or these types alone."""
        self._wait_for_beacons()
        told = [each["call"] for each in self.fake.visits if each["visitor"] == self.sc]
        sent = [call for call in told if call[0] == "sendEvent" and call[1] != "PageView"]
        return [call for call in sent if not names or call[1] in names]

    def _wait_for_beacons(self) -> None:
        """Until nothing came for a while."""
        before = -1
        while before != (before := len(self.fake.visits)):
            self.page.wait_for_timeout(QUIET)

    def names(self) -> list[str]:
        return [call[1] for call in self.calls()]

    # -- what a visitor does

    def see(self, sku: str) -> str:
        product = product_of(sku)
        self.open(f"catalogue/{product.slug}_{product.pk}/")
        return str(product.pk)

    def add(self, sku: str, quantity: int = 1) -> str:
        key = self.see(sku)
        number = self.page.locator("#add_to_basket_form [name=quantity]")
        number.evaluate("(field, value) => { field.value = value }", quantity)
        self.page.locator("#add_to_basket_form button[type=submit]").click()
        self.settle()
        return key

    def change_quantity(self, quantity: int) -> None:
        self.open("basket/")
        number = self.page.locator("[name=form-0-quantity]")
        with self.page.expect_navigation():
            number.evaluate(
                "(field, value) => { field.value = value; field.form.submit() }", quantity
            )
        self.settle()

    def empty(self) -> None:
        self.change_quantity(0)

    def log_in(self, email: str) -> None:
        self.open("accounts/login/")
        self.page.locator("#login_form [name=login-username]").fill(email)
        self.page.locator("#login_form [name=login-password]").fill(PASSWORD)
        self.page.locator("#login_form button[type=submit]").click()
        self.settle()

    def check_out(self, *, email: str = "") -> str:
        """Order what is in the basket; its number.

        :param email: of a guest.
        """
        self.open("checkout/")
        if email:
            self.page.locator("[name=username]").fill(email)
            self.page.locator("form button[type=submit]:visible").last.click()
            self.settle()
        for name, value in {
            "first_name": "Olena", "last_name": "Guest", "line1": "Khreshchatyk, 22",
            "line4": "Kyiv", "state": "Kyiv", "postcode": "01001", "phone_number": "0631234567",
        }.items():  # fmt: skip
            self.page.locator(f"#new_shipping_address [name={name}]").fill(value)
        self.page.locator("#new_shipping_address button[type=submit]").click()
        self.settle()
        self.page.locator("form:has([value=collect]) button[type=submit]").first.click()
        self.settle()
        self.open("checkout/preview/")
        self.page.locator("#place_order_form button[type=submit]").click()
        expect(self.page).to_have_url(re.compile("/checkout/thank-you/"))
        self.settle()
        return str(get_model("order", "Order").objects.latest("pk").number)

    def close(self) -> None:
        self.context.close()


def product_of(sku: str) -> Any:
    return get_model("catalogue", "Product").objects.get(upc=sku)


def customer(name: str) -> Any:
    return get_user_model().objects.create_user(name, f"{name}@example.com", PASSWORD)
