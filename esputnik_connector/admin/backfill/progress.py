"""A historical import as a page shows it: its numbers, its pace, and why each record is where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.admin.display import time_text
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Backfill, OutboxMessage
from esputnik_connector.models.backfill import COUNTS, REFUSED, RETRYING, State
from esputnik_connector.models.timezones import local_time
from esputnik_connector.operations.backfill_progress import (
    COUNT_LABELS,
    Sample,
    number_text,
    pace_text,
    reasons_of,
    reasons_text,
)
from esputnik_connector.pipeline.backfill.routes import route_of
from esputnik_connector.records import Kind

from .alerts import alerts

LEFT = "left"

TITLES = {Kind.CONTACT: gettext_lazy("Customers"), Kind.ORDER: gettext_lazy("Orders")}
ACTIONS = {
    "pause": gettext_lazy("Pause"),
    "resume": gettext_lazy("Resume"),
    "restart": gettext_lazy("Start again"),
    "retry": gettext_lazy("Try the refused again"),
    "cancel": gettext_lazy("Cancel"),
}
ACTIONS_IN: Mapping[str, tuple[str, ...]] = {
    State.RUNNING.value: ("pause", "cancel"),
    State.AWAITING_UPLOADS.value: ("pause", "cancel"),
    State.PAUSED.value: ("resume", "restart", "cancel"),
    State.FINISHED.value: ("restart", "retry"),
    State.CANCELLED.value: ("restart", "retry"),
}


def heading(run: Backfill) -> dict[str, Any]:
    """What stays as it is while the run goes on."""
    return {
        "run": run,
        "title": TITLES[run.of_kind()],
        "choices": ", ".join(_choices(run)),
        "actions": [
            (action, ACTIONS[action]) for action in ACTIONS_IN[run.state] if _may(run, action)
        ],
    }


def progress(
    run: Backfill, *, now: datetime, sample: Sample | None = None, has_links: bool
) -> dict[str, Any]:
    """What changes meanwhile, as texts of the reader's language; for a page and for its script.

    :param sample: an earlier moment, in seconds of the epoch.
    :param has_links: lead to the list of unsent changes, which not everybody may see.
    """
    total = max(run.total, run.done)
    share = run.done * 100 // total if total else 100
    is_running = run.state == State.RUNNING
    return {
        "id": run.pk,
        "state": run.state,
        "done": run.done,
        "total": total,
        "at": now.timestamp(),
        "is_working": run.is_working,
        "share": _("%(share)d %% of %(total)s") % {"share": share, "total": number_text(total)},
        "pace": pace_text(run, sample, at=now.timestamp()) if is_running else "",
        "rows": list(_rows(run, has_links=has_links)),
        "alerts": list(alerts(run, now)),
    }


def unsent_url(run: Backfill) -> str:
    """The list of unsent changes of this kind and connection."""
    page = reverse("admin:esputnik_connector_outboxmessage_changelist")
    return f"{page}?connection__id__exact={run.connection_id}&kind__exact={run.kind}"


def _may(run: Backfill, action: str) -> bool:
    if action != "retry":
        return True
    return OutboxMessage.objects.of(run.connection, run.of_kind()).dead().exists()


def route_text(run: Backfill) -> str:
    """How the orders of a run travel; the bare word of one that its destination no longer has."""
    try:
        route = route_of(run)
    except ConfigurationError:
        route = None
    return str(route.label) if route else run.route


def _choices(run: Backfill) -> Iterator[str]:
    if run.route:
        yield route_text(run)
    if run.keys is not None:
        yield _("only chosen records")
    if run.since:
        yield _("from %(day)s") % {"day": _day(run.since)}
    if run.until:  # the first moment that is not imported any more
        yield _("to %(day)s") % {"day": _day(run.until - timedelta(seconds=1))}
    if run.newest_first:
        yield _("the newest first")
    yield _("started %(time)s") % {"time": time_text(run.started_at)}
    if run.finished_at:
        yield _("ended %(time)s") % {"time": time_text(run.finished_at)}


def _rows(run: Backfill, *, has_links: bool) -> Iterator[dict[str, str]]:
    links = {REFUSED: "&is_dead__exact=1", RETRYING: "&is_dead__exact=0"}
    for name in COUNTS:
        count = run.counts.get(name, 0)
        has_link = has_links and count and name in links
        yield {
            "name": name,
            "label": str(COUNT_LABELS[name]),
            "count": number_text(count),
            "url": f"{unsent_url(run)}{links[name]}" if has_link else "",
            "why": reasons_text(reasons_of(run, name)),
        }
    yield {
        "name": LEFT,
        "label": _("still to come"),
        "count": number_text(run.left),
        "url": "",
        "why": "",
    }


def _day(value: datetime) -> str:
    return date_format(local_time(value), "SHORT_DATE_FORMAT")
