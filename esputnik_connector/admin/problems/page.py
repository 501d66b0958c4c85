"""The page of causes, and what may be done about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from esputnik_connector.admin.connection.tables import address
from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.pages import APP, Group, Page, linked, register, url_of
from esputnik_connector.admin.problems.file import file_view, reason_text
from esputnik_connector.admin.search.titles import record_link, title_of
from esputnik_connector.admin.trace import leave_trace
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models.labels import KINDS
from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.problems.actions import (
    LONGEST_REASON,
    ActionResult,
    skip,
    try_again,
)
from esputnik_connector.operations.problems.causes import (
    MOST_READ,
    Cause,
    SetAside,
    chosen,
    count_problems,
    problems,
)
from esputnik_connector.operations.problems.remedies import Remedy, remedy_of
from esputnik_connector.operations.record.names import names_of
from esputnik_connector.records import Kind

TEMPLATE = "admin/esputnik_connector/problems/problems.html"
SKIP = "admin/esputnik_connector/problems/skip.html"
MOST_CAUSES = 30  # on one page
ROW = re.compile(r"[0-9]{1,19}")  # what a number of a row may be
MOST_SHOWN = 10  # records of one cause, by name; the others are counted

Names = dict[tuple[Kind, str], str]


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """One record of a cause."""

    pk: int
    title: str
    url: str
    since: str
    tries: int


@dataclass(frozen=True, kw_only=True)
class ShownCause:
    """A card of the page."""

    id: str
    reason: str
    words: str
    kind: str
    connection: str
    count: int
    more: int  # records that are not named
    meaning: str
    action: str
    settings_url: str
    records: tuple[ShownRecord, ...]


def problems_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    found = problems()
    shown = found.causes[:MOST_CAUSES]
    named = [(row.kind, row.key) for cause in shown for row in cause.rows[:MOST_SHOWN]]
    names = names_of(named)
    is_one = len({cause.connection.pk for cause in shown}) <= 1
    return TemplateResponse(
        request,
        TEMPLATE,
        {
            **context,
            "causes": [_card(request, cause, names, is_one=is_one) for cause in shown],
            "left": max(len(found.causes) - len(shown), 0),
            "is_cut": found.is_cut,
            "most": MOST_READ,
            "may_operate": Right.OPERATE.is_of(request.user),
            "act_url": url_of("problems_act", request),
            "file_url": url_of("problems_file", request),
            "longest": LONGEST_REASON,
        },
    )


def _card(request: HttpRequest, cause: Cause, names: Names, *, is_one: bool) -> ShownCause:
    remedy = remedy_of(cause.reason, cause.words)
    meaning, action = remedy.for_people(cause.connection)
    return ShownCause(
        id=cause.id,
        reason=reason_text(cause.reason),
        words=cause.words,
        kind=str(KINDS[cause.kind]),
        connection="" if is_one else cause.connection.name,
        count=len(cause.rows),
        more=max(len(cause.rows) - MOST_SHOWN, 0),
        meaning=meaning,
        action=action,
        settings_url=_settings_url(request, cause, remedy),
        records=tuple(_record(request, row, names) for row in cause.rows[:MOST_SHOWN]),
    )


def _settings_url(request: HttpRequest, cause: Cause, remedy: Remedy) -> str:
    """Where it is repaired, for those who may."""
    may_change = request.user.has_perm(f"{APP}.change_connection")
    if may_change and remedy.place in ("statuses", "fields"):
        return address(request, remedy.place, cause.connection)
    if remedy.place != "settings" or not may_change:
        return ""
    try:
        return reverse(f"admin:{APP}_connection_change", args=[cause.connection.pk])
    except NoReverseMatch:
        return ""


def _record(request: HttpRequest, row: SetAside, names: Names) -> ShownRecord:
    shown = Kind.CONTACT if row.kind is Kind.ERASURE else row.kind
    return ShownRecord(
        pk=row.pk,
        title=title_of(row.kind, row.key, names.get((shown, row.key), "")),
        url=record_link(request, row.kind, row.key),
        since=time_text(row.captured_at),
        tries=row.attempts,
    )


# --- what may be done -----------------------------------------------------------------------------


def act_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Try again, or skip, whole causes and single records; says what was done and what was not."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    pks = [int(pk) for pk in request.POST.getlist("row") if ROW.fullmatch(pk)]
    whole = request.POST.getlist("cause")
    if request.POST.get("skip") == "cause":  # the button says what is done, the form to which
        whole = request.POST.getlist("whole")
    rows = chosen(problems(), whole, [] if whole else pks)
    back = redirect(url_of("problems", request))
    if not rows:
        messages.warning(
            request, _("Nothing was chosen, or it is in line again already; nothing was done.")
        )
        return back
    if "skip" in request.POST and "why" not in request.POST:
        return _ask_why(request, context, rows, whole)
    if "skip" in request.POST:
        _skip(request, rows, request.POST["why"])
    else:
        done = try_again(rows)
        text = ngettext(
            "%(count)s record is in line again and is sent as soon as a worker takes it.",
            "%(count)s records are in line again and are sent as soon as a worker takes them.",
            done.count,
        )
        _tell(request, done, text % {"count": done.count})
        _trace(request, rows, done, _("Tried again"))
    return back


def _ask_why(
    request: HttpRequest, context: dict[str, Any], rows: Sequence[SetAside], whole: Sequence[str]
) -> HttpResponse:
    """Before anything is given up: what it is, and why."""
    titles = ", ".join(title_of(row.kind, row.key) for row in rows[:MOST_SHOWN])
    if len(rows) > MOST_SHOWN:
        titles = _("%(titles)s and %(count)s more") % {
            "titles": titles,
            "count": len(rows) - MOST_SHOWN,
        }
    more = {
        "title": _("Skip?"),
        "titles": titles,
        "count": len(rows),
        "skip": request.POST["skip"],
        "rows": [] if whole else [row.pk for row in rows],
        "whole": whole,
        "longest": LONGEST_REASON,
        "act_url": url_of("problems_act", request),
        "back": url_of("problems", request),
    }
    return TemplateResponse(request, SKIP, {**context, **more})


def _skip(request: HttpRequest, rows: Sequence[SetAside], why: str) -> None:
    try:
        done = skip(rows, why)
    except BadRequestError as error:
        messages.error(request, str(error))
        return
    text = ngettext(
        "%(count)s record was left out. Its next change is sent as usual.",
        "%(count)s records were left out. Their next changes are sent as usual.",
        done.count,
    )
    _tell(request, done, text % {"count": done.count})
    _trace(request, rows, done, _("Left out: %(why)s") % {"why": why[:LONGEST_REASON]})


def _tell(request: HttpRequest, done: ActionResult, text: str) -> None:
    if done.count:
        messages.success(request, text)
    for why, count in done.left_out.items():
        text = ngettext(
            "%(count)s record was not touched: %(why)s.",
            "%(count)s records were not touched: %(why)s.",
            count,
        )
        messages.warning(request, text % {"count": count, "why": why})


def _trace(request: HttpRequest, rows: Sequence[SetAside], done: ActionResult, what: str) -> None:
    """One line in the log of the admin, with the keys of the first records."""
    if not done.count:
        return
    titles = ", ".join(title_of(row.kind, row.key) for row in rows[:5])
    text = _("%(what)s (%(count)s): %(titles)s")
    leave_trace(request, None, titles, text % {"what": what, "count": done.count, "titles": titles})


PROBLEMS = gettext_lazy("Problems")
register(
    Page(
        name="problems",
        title=PROBLEMS,
        permission=Right.SEE.permission,
        path="problems/",
        view=problems_page,
        group=Group.MENU,
        rank=30,
        count=count_problems,
    ),
    linked("problems_act", PROBLEMS, "do/problems/", act_view, Right.OPERATE),
    linked("problems_file", PROBLEMS, "do/problems-file/", file_view, Right.SEE),
)
