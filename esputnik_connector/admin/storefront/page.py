"""The page: every connection that can have a storefront, and how far each step is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from esputnik_connector.admin.overview.verdict import SEEN_BY
from esputnik_connector.admin.pages import Group, Page, register, url_of
from esputnik_connector.feed.links import shop_address
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.permissions import APP, Right
from esputnik_connector.operations.storefront.connect import can_have_storefront
from esputnik_connector.operations.storefront.report import StepReport, report_of
from esputnik_connector.operations.storefront.rivals import Rival, rivals_of

from .form import BehaviourForm, StorefrontForm

PAGE = "admin/esputnik_connector/storefront/page.html"
MAY_ACT = (Right.CONFIGURE.permission, f"{APP}.change_connection")


@dataclass(frozen=True, kw_only=True)
class ShownStorefront:
    """One connection on the page. ``storefront`` is ``None`` while it has none."""

    connection: Connection
    storefront: Storefront | None
    steps: list[StepReport]
    rivals: list[Rival]
    form: StorefrontForm
    behaviour: BehaviourForm | None


def storefronts(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return show(request, context)


def show(
    request: HttpRequest,
    context: dict[str, Any],
    *,
    wrong: dict[int, StorefrontForm] | None = None,
    wrong_behaviour: dict[int, BehaviourForm] | None = None,
) -> HttpResponse:
    """:param wrong, wrong_behaviour: connection → what was posted and cannot be saved."""
    rows = Connection.objects.order_by("name").select_related("storefront")
    blocks = [
        _block(one, (wrong or {}).get(one.pk), (wrong_behaviour or {}).get(one.pk))
        for one in rows
        if can_have_storefront(one)
    ]
    may_act = any(request.user.has_perm(each) for each in MAY_ACT)
    context |= {"blocks": blocks, "may_act": may_act, "shop_address": shop_address()}
    return TemplateResponse(request, PAGE, context)


def address_of(request: HttpRequest) -> str:
    return url_of("storefronts", request)


def _block(
    connection: Connection, form: StorefrontForm | None, behaviour: BehaviourForm | None
) -> ShownStorefront:
    storefront: Storefront | None = getattr(connection, "storefront", None)
    unaccepted = (
        [one for one in rivals_of(storefront.rivals) if one.name not in storefront.accepted_rivals]
        if storefront is not None and storefront.is_connected and storefront.is_push
        else []
    )
    is_connected = storefront is not None and storefront.is_connected
    return ShownStorefront(
        connection=connection,
        storefront=storefront,
        steps=report_of(storefront) if storefront is not None else [],
        rivals=unaccepted,
        form=form or StorefrontForm.of(storefront),
        behaviour=behaviour or (BehaviourForm.of(storefront) if is_connected else None),  # type: ignore[arg-type]
    )


register(
    Page(
        name="storefronts",
        title=_("Storefront"),
        permission=SEEN_BY,
        path="storefronts/",
        view=storefronts,
        group=Group.SETTINGS,
        rank=55,
    )
)
