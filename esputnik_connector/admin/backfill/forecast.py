"""What an import would do, before the merchant starts it."""

from __future__ import annotations

from typing import Any

from esputnik_connector.models import Backfill
from esputnik_connector.operations.backfill_progress import (
    consent_text,
    forecast_counts,
    number_text,
    reasons_text,
)
from esputnik_connector.pipeline.backfill.consent import policy_of
from esputnik_connector.pipeline.backfill.forecast import forecast as forecast_run
from esputnik_connector.pipeline.backfill.routes import route_of

from .progress import TITLES


def forecast_of(plan: Backfill) -> dict[str, Any]:
    """Texts for the page. Reads the shop: all of a small range, else some from both ends.

    :raises ConnectorError: the connection cannot be used.
    """
    forecast = forecast_run(plan)
    counts = forecast_counts(forecast)
    route, policy = route_of(plan), policy_of(plan.connection)

    def number(count: int) -> str:
        return f"{counts.about}{number_text(count)}"

    return {
        "title": TITLES[plan.of_kind()],
        "total": number_text(counts.total),
        "is_exact": forecast.is_exact,
        "looked_at": number_text(forecast.looked_at),
        "to_send": number(counts.to_send),
        "skipped": number(counts.skipped),
        "skipped_why": reasons_text(counts.skips),
        "unreadable": number(counts.refused) if counts.refusals else "",
        "unreadable_why": reasons_text(counts.refusals),
        "route_help": route.help if route else "",
        "consent": consent_text(plan, forecast),
        "is_mailing": policy is not None and policy.is_mailing,
        "is_loud": route is not None and not route.is_quiet,
    }
