"""All problems as a table for a spreadsheet."""

from __future__ import annotations

import csv
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from esputnik_connector.admin.display import time_text
from esputnik_connector.admin.trace import leave_trace
from esputnik_connector.models.labels import KINDS, REASONS
from esputnik_connector.operations.problems.causes import problems
from esputnik_connector.operations.record.names import names_of

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def reason_text(reason: str) -> str:
    known = {one.value: str(label) for one, label in REASONS.items()}
    return known.get(reason, reason) or _("given up after the retry horizon")


def file_view(request: HttpRequest, _context: dict[str, Any]) -> HttpResponse:
    """A table for a spreadsheet: a row per record."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    found = problems()
    rows = [(cause, row) for cause in found.causes for row in cause.rows]
    names = names_of([(row.kind, row.key) for _cause, row in rows])
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="problems.csv"'
    answer["Cache-Control"] = "no-store"
    answer.write("\ufeff")  # by which spreadsheets know the letters
    table = csv.writer(answer)
    table.writerow(
        [_("connection"), _("kind"), _("key"), _("name"), _("reason"), _("words"), _("noted")]
    )
    for cause, row in rows:
        values = (
            cause.connection.name,
            str(KINDS[row.kind]),
            row.key,
            names.get((row.kind, row.key), ""),
            reason_text(row.reason),
            row.detail,
            time_text(row.captured_at),
        )
        table.writerow([harmless(value) for value in values])
    leave_trace(request, None, _("Problems"), _("Downloaded the list of problems"))
    return answer


def harmless(value: str) -> str:
    """Text that a spreadsheet does not run as a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value
