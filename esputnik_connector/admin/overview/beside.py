"""The shop beside eSputnik: how many orders it took, and where each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.pages import Page, link_to, register, url_of
from esputnik_connector.models import Connection
from esputnik_connector.models.labels import REASONS
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.order_fates import Fate, OrderFates, order_fates, placed_since
from esputnik_connector.records import Kind, Reason
from esputnik_connector.shops.base import SupportsOrderTimes

from .verdict import SEEN_BY

TAKEN = "taken"
PERIODS = {"today": 1, "week": 7, "month": 30}  # days, today's among them
LISTED = 500  # orders on one page

FATES = {
    Fate.ARRIVED: gettext_lazy("arrived"),
    Fate.ON_THE_WAY: gettext_lazy("on the way"),
    Fate.NEEDS_YOU: gettext_lazy("need you"),
    Fate.NOT_SENT: gettext_lazy("not sent by your rules"),
}


@dataclass(frozen=True, kw_only=True)
class Number:
    """``fate`` is a value of :class:`Fate`, or :data:`TAKEN`."""

    fate: str
    label: str
    count: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Period:
    title: str
    taken: Number
    numbers: Sequence[Number]  # they add up to what was taken


def day_begins(now: datetime, *, days: int = 1) -> datetime:
    """When the first of so many days began, of which today is the last, by the merchant's clock."""
    midnight = local_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days - 1)


def fates_of(connection: Connection, now: datetime) -> OrderFates | None:
    """Of all orders that a page of ours may ask about; ``None`` where the shop cannot tell."""
    shop = registry.shop()
    if not isinstance(shop, SupportsOrderTimes) or not connection.sync_orders:
        return None
    placed = placed_since(shop, day_begins(now, days=max(PERIODS.values())))
    return order_fates(connection, placed, now=now)


def periods(
    connection: Connection, fates: OrderFates, request: HttpRequest, now: datetime
) -> list[Period]:
    titles = {"today": _("today"), "week": _("7 days"), "month": _("30 days")}

    def number(period: str, fate: str, label: Any, count: int) -> Number:
        url = url_of("orders", request, pk=connection.pk, period=period, fate=fate)
        return Number(fate=fate, label=str(label), count=count, url=url)

    found = []
    for period, days in PERIODS.items():
        counts = fates.counts(day_begins(now, days=days))
        numbers = [number(period, fate.value, FATES[fate], counts[fate]) for fate in Fate]
        taken = number(period, TAKEN, _("taken by the shop"), sum(counts.values()))
        found.append(Period(title=titles[period], taken=taken, numbers=numbers))
    return found


# --- the page behind each number ------------------------------------------------------------------


def orders(
    request: HttpRequest, context: dict[str, Any], pk: int, period: str, fate: str
) -> HttpResponse:
    """The orders that a number counts, each with where it is."""
    connection = get_object_or_404(Connection, pk=pk)
    if period not in PERIODS or fate not in (TAKEN, *(each.value for each in Fate)):
        raise Http404
    now = timezone.now()
    fates = fates_of(connection, now)
    if fates is None:
        raise Http404
    since = day_begins(now, days=PERIODS[period])
    keys = fates.of_fate(None if fate == TAKEN else Fate(fate), since)
    context |= {
        "title": _("Orders since %(time)s: %(what)s")
        % {
            "time": time_text(since),
            "what": _("taken by the shop") if fate == TAKEN else FATES[Fate(fate)],
        },
        "rows": [
            {
                "key": key,
                "placed_at": time_text(fates.placed[key]),
                "fate": FATES[fates.fates[key]],
                "reason": _reason(fates.reasons.get(key, "")),
                "url": link_to("record", request, kind=Kind.ORDER.value, key=key),
            }
            for key in keys[:LISTED]
        ],
        "count": len(keys),
        "left_out": max(0, len(keys) - LISTED),
    }
    return TemplateResponse(request, "admin/esputnik_connector/overview/orders.html", context)


def _reason(name: str) -> str:
    return str(REASONS[Reason(name)]) if name else ""


register(
    Page(
        name="orders",
        title=gettext_lazy("Orders"),
        permission=SEEN_BY,
        path="overview/<int:pk>/orders/<str:period>/<str:fate>/",
        view=orders,
    )
)
