"""“Overview”: what a merchant wants to know first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.pages import Group, Page, register
from esputnik_connector.models import Connection
from esputnik_connector.operations.alerts.raised import look_again
from esputnik_connector.operations.health.judgement import judge_all, overall
from esputnik_connector.operations.health.snapshot import Snapshot

from .beside import fates_of, periods
from .chart import chart
from .checklist import checklist, is_complete
from .kinds import imports, rows
from .needs import footer, needs
from .verdict import SEEN_BY, current, shown, text_for_the_administrator

DAILY = "days"


def overview(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    connections, snapshot = current()
    look_again(snapshot)
    judged = judge_all(connections, snapshot)
    worst = overall(judged)
    context |= {
        "verdict": shown(worst, request),
        "others": [shown(each, request) for each in judged if each is not worst],
        "told": text_for_the_administrator(judged, snapshot),
        "connections": connections,
    }
    chosen = _chosen(connections, request.GET.get("connection", ""))
    if chosen is not None:
        context |= _of_connection(chosen, snapshot, request)
    return TemplateResponse(request, "admin/esputnik_connector/overview.html", context)


def _chosen(connections: Sequence[Connection], name: str) -> Connection | None:
    """The one that was asked for, else the first that is on."""
    for each in connections:
        if each.name == name:
            return each
    at_work = [each for each in connections if each.is_enabled]
    return next(iter(at_work or connections), None)


def _of_connection(
    connection: Connection, snapshot: Snapshot, request: HttpRequest
) -> dict[str, Any]:
    now = snapshot.now
    fates = fates_of(connection, now)
    steps = checklist(connection, snapshot, request)
    is_daily = request.GET.get("chart") == DAILY
    placed = fates.placed.values() if fates else None
    return {
        "chosen": connection,
        "periods": periods(connection, fates, request, now) if fates else [],
        "chart": chart(connection, placed, now=now, is_daily=is_daily),
        "rows": list(rows(connection, snapshot)),
        "imports": imports(connection, snapshot),
        "needs": needs(connection, request),
        "steps": steps,
        "is_set_up": is_complete(steps),
        "footer": footer(connection, snapshot),
    }


register(
    Page(
        name="overview",
        title=gettext_lazy("Overview"),
        permission=SEEN_BY,
        path="overview/",
        view=overview,
        group=Group.MENU,
        rank=10,
    )
)
