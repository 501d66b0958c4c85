"""The items of a purchase, from the order itself, for whoever tells of it in the browser."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from esputnik_connector import registry
from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.carts import CartItem
from esputnik_connector.records import Order, OrderItem

CENT = Decimal("0.01")


def with_items(told: Behaviour) -> Behaviour:
    """A purchase with what was bought; anything else as it is.

    :raises KeyError: the shop does not know the order.
    """
    if told.type is not BehaviourType.PURCHASED_ITEMS or told.items:
        return told
    order = registry.shop().orders([told.order_number])[told.order_number]
    return replace(told, items=items_of(order), currency=order.currency)


def items_of(order: Order) -> tuple[CartItem, ...]:
    return tuple(map(_item, order.items))


def _item(item: OrderItem) -> CartItem:
    one = (item.total / item.quantity).quantize(CENT) if item.quantity else item.total
    return CartItem(product_key=item.product_key, quantity=item.quantity, unit_price=one)
