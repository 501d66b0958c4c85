"""What was sent of a record, on the shop's own page of it: to look at, in a few queries.

Why a template and no patched class: see ``docs/explanation/decisions/045-panels-by-template.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch

from esputnik_connector import registry
from esputnik_connector.admin.pages import when_served
from esputnik_connector.exceptions import ConfigurationError, ConnectorError
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.record_history.history import history_of
from esputnik_connector.shops.base import ShopPage, SupportsShopPages

from .steps import ShownHistory, shown
from .titles import record_url

TEMPLATE = "admin/esputnik_connector/panel/change_form.html"


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What the page of a record shows of it."""

    accounts: tuple[ShownHistory, ...] = ()
    url: str = ""  # of the answer page, where something may be done
    problem: str = ""  # instead of all the rest


def panel_of(request: HttpRequest, row: object) -> Panel | None:
    """``None`` for a reader without the right, and for a row that is no record of ours."""
    if not isinstance(row, Model) or row.pk is None or not Right.SEE.is_of(request.user):
        return None
    try:
        page = _page_of(type(row))
        if page is None:
            return None
        key = str(getattr(row, page.key))
        history = history_of(page.kind, key)
    except ConnectorError as error:
        return Panel(problem=str(error))
    accounts = tuple(shown(account) for account in history.accounts)
    return Panel(accounts=accounts, url=_url(request, page, key))


def _page_of(model: type[Model]) -> ShopPage | None:
    """Also of a proxy, and of a model with a table of its own above it."""
    shop = registry.shop()
    pages = shop.shop_pages() if isinstance(shop, SupportsShopPages) else {}
    return next((pages[base] for base in model.__mro__ if base in pages), None)


def _url(request: HttpRequest, page: ShopPage, key: str) -> str:
    try:
        return record_url(request, page.kind, key)
    except NoReverseMatch:  # a shop with a dashboard and without Django's admin
        return ""


def show_panels(site: AdminSite) -> None:
    """Give the pages of records on a site our template, unless they have one of their own.

    Asked when the addresses of the site are made, so it does not matter who registered which class,
    nor when. A template of the project for that very model still comes first.
    """
    try:
        shop = registry.shop()
    except ConfigurationError:  # ``check`` tells
        return
    if not isinstance(shop, SupportsShopPages):
        return
    shop.offer_panels()
    for model in shop.shop_pages():
        shown_by: Any = site._registry.get(model)
        if shown_by is None or shown_by.change_form_template:
            continue
        meta = model._meta
        shown_by.change_form_template = [
            f"admin/{meta.app_label}/{meta.model_name}/change_form.html",
            f"admin/{meta.app_label}/change_form.html",
            TEMPLATE,
        ]


when_served(show_panels)
