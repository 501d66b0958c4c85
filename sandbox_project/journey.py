"""The story of the demo: three customers, a guest and the staff, all through the shop's pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth import get_user_model
from oscar.core.loading import get_model

from .checker import StepChecker
from .expectations import (
    CartReceived,
    ContactGone,
    ContactReceived,
    OrderReceived,
    VisitorSeen,
)
from .shop.offers import VOUCHER_CODE
from .shopper import Recipient, Shopper, Staff

PASSWORD = "Sonechko-2026"
Basket = Mapping[str, int]  # SKU → quantity


@dataclass
class Journey:
    shop_url: str
    checker: StepChecker
    staff: Staff
    tell: Callable[[str], None]
    tag: str = field(default_factory=lambda: uuid.uuid4().hex[:6])  # a story of its own each time

    def play(self) -> None:
        olena = self._new_customer("olena", language="uk")
        taras = self._new_customer("taras", language="en")
        self.tell("two customers register, log out and in, and say their names")
        self._introduce(
            olena, "Олена 🌻", "Шевченко", phone="+380501234567", first_name_there="Олена"
        )
        self._introduce(taras, "Taras", "O'Bryan", phone="+380671234567")
        self.staff.log_in()
        orders = self._baskets(olena, taras)
        self._statuses(olena, taras, *orders)
        self._guest()
        self._abandoned()
        self._visitor()
        self._changed_and_deleted(olena, taras)

    def _baskets(self, olena: Shopper, taras: Shopper) -> tuple[str, str]:
        self.tell("they fill their baskets")
        contents: Basket = {"mug-01": 2, "tea-03": 1, "novel-01": 1, "shirt-02-m": 1}
        self._add(olena, contents)
        self._add(taras, {"honey-05": 2})
        self.checker.see(self._cart(olena, contents), self._cart(taras, {"honey-05": 2}))

        self.tell("one changes a quantity and removes a line, the other empties the basket")
        olena.set_quantity(0, 3)
        taras.remove_line(0)
        changed: Basket = {**contents, "mug-01": 3}
        self.checker.see(self._cart(olena, changed), self._cart(taras, {}))
        olena.remove_line(1)
        left = {sku: count for sku, count in changed.items() if sku != "tea-03"}
        self.checker.see(self._cart(olena, left))

        self.tell("they check out, one with a voucher and delivery, one collects in the shop")
        olena.use_voucher(VOUCHER_CODE)
        first = olena.check_out(delivery="nova-poshta")
        self._add(taras, {"puzzle-03": 1})
        second = taras.check_out(delivery="collect")
        # The basket is empty again after the order: wait for one more empty cart.
        self.checker.see(
            self._cart(olena, {}),
            self._order(first, "INITIALIZED", left, olena),
            self._order(second, "INITIALIZED", {"puzzle-03": 1}, taras),
        )
        return first, second

    def _statuses(self, olena: Shopper, taras: Shopper, first: str, second: str) -> None:
        self.tell("staff moves the orders through their statuses in Oscar's dashboard")
        self.staff.set_status(first, "Paid")
        self.staff.set_status(second, "Cancelled")
        items = order_items(first)
        self.checker.see(
            self._order(first, "IN_PROGRESS", items, olena),
            self._order(second, "CANCELLED", {"puzzle-03": 1}, taras),
        )
        self.staff.set_status(first, "Shipped")
        self.staff.set_status(first, "Delivered")
        self.checker.see(self._order(first, "DELIVERED", items, olena))

    def _guest(self) -> None:
        self.tell("a guest checks out without an account")
        guest = Shopper(self.shop_url, email=self._email("guest"), password="", language="uk")
        contents: Basket = {"tea-04": 4, "candle-02": 1}
        self._add(guest, contents)
        recipient = Recipient(first_name="Іван", last_name="Гість", phone="0631234567")
        number = guest.check_out(delivery="nova-poshta", recipient=recipient)
        self.checker.see(self._order(number, "INITIALIZED", contents, guest))

    def _abandoned(self) -> None:
        self.tell("a customer fills a basket, registers, and leaves")
        maria = Shopper(self.shop_url, email=self._email("maria"), password=PASSWORD)
        contents: Basket = {"toy-02": 2, "plate-01": 6}
        self._add(maria, contents)
        maria.register()
        maria.look_around("basket/")  # Oscar merges the baskets at the next page
        self.checker.see(self._cart(maria, contents))

    def _visitor(self) -> None:
        """By the tracker: this browser runs no scripts, so its cookie is made here."""
        self.tell("a visitor looks around, searches in vain, registers and buys")
        visitor = Shopper(self.shop_url, email=self._email("visitor"), password=PASSWORD)
        cookie = f"visitor{self.tag}{uuid.uuid4().hex}"
        visitor.browser.session.cookies.set("sc", cookie)
        visitor.look_around("", "search/?q=nosuchthing", product_path("mug-02"))
        visitor.register()
        visitor.add_to_basket(product_path("mug-02"))
        visitor.check_out(
            delivery="collect",
            recipient=Recipient(first_name="Ivan", last_name="Visitor", phone="0631234568"),
        )
        types = ("SearchRequest", "ProductPage", "CustomerData", "PurchasedItems")
        self.checker.see(VisitorSeen(visitor=cookie, types=types))

    def _changed_and_deleted(self, olena: Shopper, taras: Shopper) -> None:
        self.tell("one customer has a new phone and a new name, the other deletes the account")
        olena.change_phone("+380991112233")
        olena.rename(first_name="Олена", last_name="Шевченко-Коваль")
        taras_key = customer_key(taras)
        taras.delete_account()
        self.checker.see(
            ContactReceived(
                key=customer_key(olena),
                email=olena.email,
                phone="380991112233",
                first_name="Олена",
                last_name="Шевченко-Коваль",
            ),
            ContactGone(key=taras_key, email=taras.email),
        )

    # -- steps and expectations

    def _new_customer(self, name: str, *, language: str) -> Shopper:
        return Shopper(self.shop_url, email=self._email(name), password=PASSWORD, language=language)

    def _introduce(
        self,
        customer: Shopper,
        first_name: str,
        last_name: str,
        *,
        phone: str,
        first_name_there: str = "",
    ) -> None:
        """:param first_name_there: what eSputnik holds, if it does not take the name as it is."""
        customer.look_around("", "catalogue/", "search/?q=mug")
        customer.register()
        customer.log_out()
        customer.log_in()
        customer.rename(first_name=first_name, last_name=last_name)
        customer.add_address(Recipient(first_name=first_name, last_name=last_name, phone=phone))
        self.checker.see(
            ContactReceived(
                key=customer_key(customer),
                email=customer.email,
                phone=phone.lstrip("+"),
                first_name=first_name_there or first_name,
                last_name=last_name,
            )
        )

    def _add(self, shopper: Shopper, contents: Basket) -> None:
        for sku, quantity in contents.items():
            shopper.add_to_basket(product_path(sku), quantity)

    def _cart(self, shopper: Shopper, contents: Basket) -> CartReceived:
        key = customer_key(shopper)
        return CartReceived(contact_key=key, items=product_keys(contents))

    def _order(self, number: str, status: str, contents: Basket, by: Shopper) -> OrderReceived:
        return OrderReceived(
            number=number,
            status=status,
            total=order_total(number),
            items=product_keys(contents),
            email=by.email,
        )

    def _email(self, name: str) -> str:
        return f"{name}.{self.tag}@example.com"


def customer_key(shopper: Shopper) -> str:
    return str(get_user_model().objects.get(email=shopper.email).pk)


def product_keys(contents: Basket) -> dict[str, int]:
    products = get_model("catalogue", "Product").objects.filter(upc__in=contents)
    keys = dict(products.values_list("upc", "pk"))
    return {str(keys[sku]): quantity for sku, quantity in contents.items()}


def product_path(sku: str) -> str:
    product = get_model("catalogue", "Product").objects.get(upc=sku)
    return f"catalogue/{product.slug}_{product.pk}/"


def order_total(number: str) -> Decimal:
    return Decimal(get_model("order", "Order").objects.get(number=number).total_incl_tax)


def order_items(number: str) -> Basket:
    lines = get_model("order", "Line").objects.filter(order__number=number)
    return dict(lines.values_list("upc", "quantity"))
