"""What an import would do, in words, before anybody starts it."""

from __future__ import annotations

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from esputnik_connector.management.progress import in_reasons
from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.routes import route_of

from .progress import TITLES


def forecast_in_words(plan: Backfill) -> dict[str, Any]:
    """Reads the shop: all of a small range, else some from both ends.

    :raises ConnectorError: the connection cannot be used.
    """
    seen = control.forecast(plan)
    about = "" if seen.is_exact else _("about ")
    skips = {name: seen.scaled(count) for name, count in seen.skips.items()}
    refusals = {name: seen.scaled(count) for name, count in seen.refusals.items()}

    def told(count: int) -> str:
        return f"{about}{number_format(count, force_grouping=True)}"

    route = route_of(plan)
    return {
        "title": TITLES[plan.of_kind()],
        "total": number_format(seen.total, force_grouping=True),
        "is_exact": seen.is_exact,
        "looked_at": number_format(seen.looked_at, force_grouping=True),
        "to_send": told(seen.scaled(seen.to_send)),
        "skipped": told(sum(skips.values())),
        "skipped_why": in_reasons(skips),
        "unreadable": told(sum(refusals.values())) if refusals else "",
        "unreadable_why": in_reasons(refusals),
        "route_help": route.help if route else "",
        "is_loud": route is not None and not route.is_quiet,
    }
