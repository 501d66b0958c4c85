"""“Overview”: what a merchant wants to know first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.pages import Group, Page, register
from esputnik_connector.operations.health.judgement import judge_all, overall

from .verdict import SEEN_BY, current, shown


def overview(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    connections, snapshot = current()
    judged = judge_all(connections, snapshot)
    worst = overall(judged)
    others = [each for each in judged if each is not worst]
    context |= {
        "verdict": shown(worst, request, snapshot),
        "others": [shown(each, request, snapshot) for each in others],
    }
    return TemplateResponse(request, "admin/esputnik_connector/overview.html", context)


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
