"""The box. What somebody typed travels as a form, so that no person's address stands in a log."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.pages import Group, Page, register
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.record.search import LONGEST, Found, search
from esputnik_connector.shops.base import Match

from .titles import record_url, title_of

TEMPLATE = "admin/esputnik_connector/search/search.html"


def search_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The only match is opened; several are a list to choose from."""
    found = search(request.POST.get("what", "")) if request.method == "POST" else None
    if found is not None and found.only is not None:
        return redirect(record_url(request, found.only.kind, found.only.key))
    return TemplateResponse(
        request,
        TEMPLATE,
        {**context, "found": found, "longest": LONGEST, "matches": _listed(request, found)},
    )


def _listed(request: HttpRequest, found: Found | None) -> list[dict[str, str]]:
    return [_row(request, match) for match in found.matches] if found is not None else []


def _row(request: HttpRequest, match: Match) -> dict[str, str]:
    about = [match.email, time_text(match.moment) if match.moment else ""]
    return {
        "title": title_of(match.kind, match.key, match.name),
        "about": " · ".join(filter(None, about)),
        "url": record_url(request, match.kind, match.key),
    }


register(
    Page(
        name="search",
        title=_("Search"),
        permission=Right.SEE.permission,
        path="search/",
        view=search_page,
        group=Group.MENU,
        rank=20,
    )
)
