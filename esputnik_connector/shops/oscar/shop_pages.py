"""Which of Oscar's rows are records, and where staff looks at one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from oscar.core.exceptions import AppNotFoundError, ClassNotFoundError
from oscar.core.loading import get_class, get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import ShopPage
from esputnik_connector.shops.oscar.keys import GUEST
from esputnik_connector.shops.oscar.optional import model_or_none

DASHBOARD_ORDER = "oscar/dashboard/orders/order_detail.html"
ORDER_WITH_PANEL = "esputnik_connector/oscar/order_detail.html"


def shop_pages() -> Mapping[type[Model], ShopPage]:
    """The user, the order and the basket, forked or not."""
    found: dict[type[Model], ShopPage] = {
        get_user_model(): ShopPage(kind=Kind.CONTACT),
        get_model("order", "Order"): ShopPage(kind=Kind.ORDER, key="number"),
    }
    if (basket := model_or_none("basket", "Basket")) is not None:
        found[basket] = ShopPage(kind=Kind.CART)
    return found


def offer_panels() -> None:
    """The page of an order in the dashboard, unless the shop gave it another template. Ours extends
    whichever template of Oscar's name the project has."""
    try:
        view = get_class("dashboard.orders.views", "OrderDetailView")
    except (ClassNotFoundError, AppNotFoundError, ModuleNotFoundError):  # no dashboard
        return
    if getattr(view, "template_name", "") == DASHBOARD_ORDER:
        view.template_name = ORDER_WITH_PANEL


def shop_page(kind: Kind, key: str) -> str:
    """In Oscar's dashboard, else in Django's admin; a guest has none."""
    for name, arguments in _names(kind, key):
        try:
            return reverse(name, kwargs=arguments)
        except NoReverseMatch:  # a shop without the dashboard, or without this page of the admin
            continue
    return ""


def _names(kind: Kind, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if kind is Kind.ORDER:
        yield "dashboard:order-detail", {"number": key}
    if kind is Kind.CONTACT and not key.startswith(GUEST):
        user = get_user_model()._meta
        yield "dashboard:user-detail", {"pk": key}
        yield f"admin:{user.app_label}_{user.model_name}_change", {"object_id": key}
    if kind is Kind.CART and (basket := model_or_none("basket", "Basket")) is not None:
        meta = basket._meta
        yield f"admin:{meta.app_label}_{meta.model_name}_change", {"object_id": key}
