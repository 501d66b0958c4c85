"""What people do by hand between the blocks: the merchant pastes the key, a customer orders."""

from __future__ import annotations

import re

from sandbox_project.browser import Browser, Page
from sandbox_project.shopper import ORDER_NUMBER, Recipient, Shopper

COMPLAINT = re.compile(r'class="(?:errorlist|errornote|messagelist).*?</(?:ul|p)>', re.DOTALL)
TARAS = Recipient(first_name="Taras", last_name="Bryan", phone="+380671234567")


class Merchant:
    """Somebody with a password for Django's admin."""

    def __init__(self, shop_url: str) -> None:
        self.browser = Browser(shop_url)
        self.browser.root = f"{shop_url}/admin/"

    def log_in(self) -> None:
        page = self.browser.get("login/?next=/admin/")
        form = page.form(having="password").filled(username="admin", password="sandbox")
        self.browser.submit(page, form)

    def connect(self, *, key: str, api_url: str) -> None:
        """eSputnik → Connections → Add: a name, the key, the choice about people who have not said
        yes; and here the fake's address."""
        page = self.browser.get("esputnik_connector/connection/add/")
        form = page.form(having="new_key").filled(
            name="main", new_key=key, consent_policy="unconfirmed", api_url=api_url
        )
        answer = self.browser.submit(page, form)
        self._must_say(answer, "Connected to")

    def map_field(self, attribute: str, field: str) -> None:
        """One row of Settings → Fields, with an id that was typed."""
        page = self.browser.get("esputnik_connector/settings/fields/")
        form = page.form(having="field_mappings-0-attribute")
        form.fields |= {
            "field_mappings-0-attribute": attribute,
            "field_mappings-0-other_id": field,
        }
        self._must_say(self.browser.submit(page, form), "Saved.")

    def says(self, path: str, words: str) -> bool:
        return words in self.browser.get(path).html

    def _must_say(self, page: Page, words: str) -> None:
        if words not in page.html:
            told = re.findall(
                r'(?s)class="(?:errorlist|errornote|messagelist).*?</(?:ul|p)>', page.html
            )
            raise AssertionError(f"{page.url} does not say {words!r} but {told}")


class Customer(Shopper):
    """A customer of a shop as Oscar makes it: no language in the addresses, one way of delivery."""

    def __init__(self, shop_url: str) -> None:
        super().__init__(shop_url, email="taras@example.com", password="Sonechko-2026")
        self.browser.root = f"{shop_url}/"

    def leave_a_cart(self, product_path: str) -> None:
        self.add_to_basket(product_path)

    def order(self, product_path: str) -> str:
        """Put the product into the basket and check out. Returns the order's number."""
        self.add_to_basket(product_path)
        page = self.browser.get("checkout/")
        self._choose_address(page, TARAS)
        preview = self.browser.get("checkout/preview/")
        thanks = self.browser.submit(preview, preview.form(id="place_order_form"))
        number = ORDER_NUMBER.search(thanks.html)
        if number is None:
            raise AssertionError(f"the order was not placed: {thanks.url}")
        return number[1]
