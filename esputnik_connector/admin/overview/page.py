"""“Overview”: what a merchant wants to know first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.pages import APP, Group, Page, register
from esputnik_connector.operations.health.examine import moving
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.operations.health.snapshot import take


def overview(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    found = [each for each in moving(take()) if each.level is not Level.OK]
    return TemplateResponse(
        request, "admin/esputnik_connector/overview.html", {**context, "findings": found}
    )


register(
    Page(
        name="overview",
        title=gettext_lazy("Overview"),
        permission=(f"{APP}.view_connection", f"{APP}.change_connection"),
        path="overview/",
        view=overview,
        group=Group.MENU,
        rank=10,
    )
)
