"""What people do in the shop, each step through its own pages: customers, guests and staff."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .browser import Browser, BrowserError, Form, Page

ORDER_NUMBER = re.compile(r"<strong>(\d{6,})</strong>")


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom a parcel goes to."""

    first_name: str
    last_name: str
    phone: str
    line1: str = "вул. Хрещатик, 22"
    line4: str = "Київ"
    state: str = "Київ"
    postcode: str = "01001"
    country: str = "UA"

    def answers(self) -> dict[str, str]:
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phone_number": self.phone,
            "line1": self.line1,
            "line4": self.line4,
            "state": self.state,
            "postcode": self.postcode,
            "country": self.country,
        }


class Shopper:
    """A visitor of the shop."""

    def __init__(self, shop_url: str, *, email: str, password: str, language: str = "en") -> None:
        self.browser = Browser(shop_url, language=language)
        self.email = email
        self.password = password

    # -- account

    def register(self) -> None:
        page = self.browser.get("accounts/login/")
        form = page.form(id="register_form").filled(
            **{
                "registration-email": self.email,
                "registration-password1": self.password,
                "registration-password2": self.password,
            }
        )
        answer = self.browser.submit(page, form, button=("registration_submit", "Register"))
        self._arrived(answer, without="register_form")

    def log_in(self) -> None:
        page = self.browser.get("accounts/login/")
        form = page.form(id="login_form").filled(
            **{
                "login-username": self.email,
                "login-password": self.password,
            }
        )
        answer = self.browser.submit(page, form, button=("login_submit", "Log In"))
        self._arrived(answer, without="login_form")

    def log_out(self) -> None:
        self.browser.get("accounts/logout/")

    def rename(self, *, first_name: str, last_name: str) -> None:
        page = self.browser.get("accounts/profile/edit/")
        form = page.form(id="profile_form")
        answers = {"first_name": first_name, "last_name": last_name}
        self._arrived(self.browser.submit(page, form.filled(**answers)), without="profile_form")

    def add_address(self, recipient: Recipient) -> None:
        page = self.browser.get("accounts/addresses/add/")
        form = page.form(having="postcode").filled(**recipient.answers())
        form.fields |= {"is_default_for_shipping": "on", "is_default_for_billing": "on"}
        self._arrived(self.browser.submit(page, form), at="accounts/addresses/")

    def change_phone(self, phone: str) -> None:
        """Write another phone into the first address of the address book."""
        book = self.browser.get("accounts/addresses/")
        match = re.search(r"accounts/addresses/(\d+)/\"", book.html)
        if match is None:
            raise BrowserError("the address book has no address to edit")
        page = self.browser.get(f"accounts/addresses/{match[1]}/")
        form = page.form(having="postcode").filled(phone_number=phone)
        self._arrived(self.browser.submit(page, form), at="accounts/addresses/")

    def delete_account(self) -> None:
        page = self.browser.get("accounts/profile/delete/")
        form = page.form(id="delete_profile_form").filled(password=self.password)
        self._arrived(self.browser.submit(page, form), without="delete_profile_form")

    # -- shop window

    def look_around(self, *paths: str) -> None:
        for path in paths:
            self.browser.get(path)

    def add_to_basket(self, product_path: str, quantity: int = 1) -> None:
        page = self.browser.get(product_path)
        form = page.form(id="add_to_basket_form").filled(quantity=str(quantity))
        self._arrived(self.browser.submit(page, form), without="alert_form")

    # -- basket

    def set_quantity(self, position: int, quantity: int) -> None:
        page, form = self._basket()
        form = form.filled(**{f"form-{position}-quantity": str(quantity)})
        self.browser.submit(page, form)

    def remove_line(self, position: int) -> None:
        """Tick "delete" as the shop's own button does."""
        page, form = self._basket()
        form.fields[f"form-{position}-DELETE"] = "on"
        self.browser.submit(page, form)

    def use_voucher(self, code: str) -> None:
        page = self.browser.get("basket/")
        self.browser.submit(page, page.form(id="voucher_form").filled(code=code))

    def _basket(self) -> tuple[Page, Form]:
        page = self.browser.get("basket/")
        return page, page.form(id="basket_formset")

    # -- check-out

    def check_out(self, *, delivery: str, recipient: Recipient | None = None) -> str:
        """Order what is in the basket and return the order's number.

        :param recipient: ``None``: the address from the address book.
        """
        page = self.browser.get("checkout/")
        if page.url.endswith("/checkout/"):  # the gate, where a guest says who they are
            gate = page.form(having="username").filled(username=self.email)
            page = self.browser.submit(page, gate)
        page = self._choose_address(page, recipient)
        page = self.browser.submit(page, page.form(having="method_code", value=delivery))
        preview = self.browser.get("checkout/preview/")
        thanks = self.browser.submit(preview, preview.form(id="place_order_form"))
        number = ORDER_NUMBER.search(thanks.html)
        if number is None:
            raise BrowserError(f"the order was not placed: {thanks.url}")
        return number[1]

    def _choose_address(self, page: Page, recipient: Recipient | None) -> Page:
        if recipient is None:
            return self.browser.submit(page, page.form(having="address_id"))
        form = page.form(id="new_shipping_address").filled(**recipient.answers())
        return self.browser.submit(page, form)

    def _arrived(self, page: Page, *, at: str = "", without: str = "") -> None:
        """A form that comes back means that the shop refused it."""
        refused = any(form.id == without for form in page.forms) if without else False
        if refused or not page.url.endswith(at):
            raise BrowserError(f"the shop did not accept the form at {page.url}")


class Staff(Shopper):
    """A person who works in the dashboard of Oscar."""

    def set_status(self, number: str, status: str) -> None:
        page = self.browser.get(f"dashboard/orders/{number}/")
        form = page.form(id="order_status_form")
        answer = self.browser.submit(page, form.filled(new_status=status))
        if "Order status changed from" not in answer.html:
            raise BrowserError(f"order {number} did not become {status}")
