from decimal import Decimal
from itertools import count

from django.test import TestCase

from esputnik_connector.records import Kind
from esputnik_connector.testing.shop_contract import (
    CartsContract,
    HistoryContract,
    ReconciliationContract,
    SearchContract,
    ShopContract,
)

from .models import Cart, Customer, Order

LINE = {"sku": "CUP-1", "title": "Cup", "quantity": 2, "price": "120.00"}
NUMBERS = count(1)


class PlainShopTest(
    ShopContract, CartsContract, HistoryContract, ReconciliationContract, SearchContract, TestCase
):
    def make(self, kind):
        if kind is Kind.CONTACT:
            email = f"buyer{next(NUMBERS)}@example.com"
            return str(Customer.objects.create(email=email, phone="050 123 45 67").pk)
        customer = Customer.objects.create(email=f"buyer{next(NUMBERS)}@example.com")
        if kind is Kind.CART:
            return str(Cart.objects.create(customer=customer, lines=[LINE]).pk)
        number = f"A-{next(NUMBERS)}"
        Order.objects.create(number=number, customer=customer, total=Decimal(240), lines=[LINE])
        return number

    def change(self, kind, key):
        if kind is Kind.CONTACT:
            customer = Customer.objects.get(pk=key)
            customer.first_name += "Olena"
            customer.save()
        elif kind is Kind.ORDER:
            order = Order.objects.get(number=key)
            order.status = "Sent"
            order.save()
        else:
            cart = Cart.objects.get(pk=key)
            cart.lines = [*cart.lines, LINE]
            cart.save()

    def delete(self, kind, key):
        if kind is Kind.ORDER:
            Order.objects.get(number=key).delete()
        else:
            {Kind.CONTACT: Customer, Kind.CART: Cart}[kind].objects.get(pk=key).delete()
