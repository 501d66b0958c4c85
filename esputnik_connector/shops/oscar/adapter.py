"""A django-oscar shop. Reaches it by ``get_model``, so forked apps work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oscar.core.loading import get_model

from esputnik_connector.records import Cart, Contact, Order
from esputnik_connector.shops.base import Capture, ShopAdapter
from esputnik_connector.shops.oscar import attributes, carts, contacts, orders
from esputnik_connector.shops.oscar.receivers import Receivers


class OscarShop(ShopAdapter):
    """Keys: the user's pk, the order's number, the basket's pk.

    A project may subclass it, change what it likes and name its class in ``SHOP``.
    """

    def connect(self, capture: Capture) -> None:
        Receivers(capture).connect()

    def contacts(self, keys: Sequence[str]) -> Mapping[str, Contact]:
        return contacts.contacts(keys)

    def orders(self, keys: Sequence[str]) -> Mapping[str, Order]:
        return orders.orders(keys)

    def carts(self, keys: Sequence[str]) -> Mapping[str, Cart]:
        return carts.carts(keys)

    def statuses(self) -> list[str]:
        """Those of the pipeline in its order, then those found only on existing orders."""
        model = get_model("order", "Order")
        used = model._base_manager.order_by("status").values_list("status", flat=True).distinct()
        return [status for status in dict.fromkeys([*model.pipeline, *used]) if status]

    def attributes(self) -> Mapping[str, str]:
        return attributes.labels()
