"""A historical import as a page shows it: numbers, pace, what it waits for, what may be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector import registry
from esputnik_connector.admin.outbox import moment
from esputnik_connector.admin.state import state_in_words
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.management.progress import LABELS, duration, in_reasons
from esputnik_connector.models import Backfill, Heartbeat, Lane, OutboxMessage
from esputnik_connector.models.backfill import WORKING, State
from esputnik_connector.models.timezones import local
from esputnik_connector.pipeline.backfill import ledger
from esputnik_connector.pipeline.backfill.control import waits_for_contacts
from esputnik_connector.pipeline.backfill.routes import route_of
from esputnik_connector.records import Kind

SILENCE = timedelta(minutes=3)  # several sweeps; then nobody is there
BREATH = timedelta(seconds=30)  # between two turns of whoever works at a run
LEFT = "left"

TITLES = {Kind.CONTACT: gettext_lazy("Customers"), Kind.ORDER: gettext_lazy("Orders")}
DEEDS = {
    "pause": gettext_lazy("Pause"),
    "resume": gettext_lazy("Resume"),
    "restart": gettext_lazy("Start again"),
    "retry": gettext_lazy("Try the refused again"),
    "cancel": gettext_lazy("Cancel"),
}
DEEDS_IN: Mapping[str, tuple[str, ...]] = {
    State.RUNNING.value: ("pause", "cancel"),
    State.SETTLING.value: ("pause", "cancel"),
    State.PAUSED.value: ("resume", "restart", "cancel"),
    State.FINISHED.value: ("restart", "retry"),
    State.CANCELLED.value: ("restart", "retry"),
}


@dataclass(frozen=True)
class Sample:
    """How far a run was at a moment before, in seconds of the epoch."""

    at: float
    done: int


def heading(run: Backfill) -> dict[str, Any]:
    """What stays as it is while the run goes on."""
    return {
        "run": run,
        "title": TITLES[run.of_kind()],
        "choices": ", ".join(_choices(run)),
        "deeds": [(deed, DEEDS[deed]) for deed in DEEDS_IN[run.state] if _may(run, deed)],
    }


def progress(
    run: Backfill, *, now: datetime, sample: Sample | None = None, has_links: bool
) -> dict[str, Any]:
    """What changes meanwhile, as texts of the reader's language; for a page and for its script.

    :param has_links: lead to the list of unsent changes, which not everybody may see.
    """
    total = max(run.total, run.done)
    return {
        "id": run.pk, "state": run.state, "done": run.done, "total": total,
        "at": now.timestamp(), "is_working": run.is_working,
        "share": _("%(share)d %% of %(total)s") % {
            "share": run.done * 100 // total if total else 100, "total": _number(total)
        },
        "pace": pace(run, now, sample),
        "rows": list(_rows(run, has_links=has_links)),
        "alerts": list(_alerts(run, now)),
    }  # fmt: skip


def pace(run: Backfill, now: datetime, sample: Sample | None) -> str:
    """How fast it went since the sample, and how long the rest takes at that pace."""
    if run.state != State.RUNNING or sample is None or now.timestamp() <= sample.at:
        return ""
    if run.done <= sample.done:
        return ""
    rate = (run.done - sample.done) / (now.timestamp() - sample.at)
    return _("%(rate)s a second, about %(left)s to go") % {
        "rate": _number(max(round(rate), 1)), "left": duration(run.left / rate)
    }  # fmt: skip


def set_aside_url(run: Backfill) -> str:
    """The list of changes of this kind that were refused."""
    page = reverse("admin:esputnik_connector_outboxmessage_changelist")
    return f"{page}?connection__id__exact={run.connection_id}&kind__exact={run.kind}"


def _may(run: Backfill, deed: str) -> bool:
    if deed != "retry":
        return True
    return OutboxMessage.objects.of(run.connection, run.of_kind()).dead().exists()


def route_in_words(run: Backfill) -> str:
    """How the orders of a run travel; the bare word of one that its destination no longer has."""
    try:
        route = route_of(run)
    except ConfigurationError:
        route = None
    return str(route.label) if route else run.route


def _choices(run: Backfill) -> Iterator[str]:
    if run.route:
        yield route_in_words(run)
    if run.keys is not None:
        yield _("only chosen records")
    if run.since:
        yield _("from %(day)s") % {"day": _day(run.since)}
    if run.until:  # the first moment that is not imported any more
        yield _("to %(day)s") % {"day": _day(run.until - timedelta(seconds=1))}
    if run.newest_first:
        yield _("the newest first")
    yield _("started %(time)s") % {"time": moment(run.started_at)}
    if run.finished_at:
        yield _("ended %(time)s") % {"time": moment(run.finished_at)}


def _rows(run: Backfill, *, has_links: bool) -> Iterator[dict[str, str]]:
    details = {ledger.SKIPPED: run.skips, ledger.REFUSED: run.refusals}
    links = {ledger.REFUSED: "&is_dead__exact=1", ledger.RETRYING: "&is_dead__exact=0"}
    for name in ledger.COUNTS:
        count = run.counts.get(name, 0)
        link = f"{set_aside_url(run)}{links[name]}" if has_links and count and name in links else ""
        yield {
            "name": name, "label": str(LABELS[name]), "count": _number(count), "url": link,
            "why": in_reasons(details.get(name, {})),
        }  # fmt: skip
    yield {
        "name": LEFT,
        "label": _("still to come"),
        "count": _number(run.left),
        "url": "",
        "why": "",
    }


def _alerts(run: Backfill, now: datetime) -> Iterator[str]:
    """What keeps it from going on, and what to do about it."""
    if run.is_former:
        yield _("This went to a former account and does not count for the present one.")
    if run.state == State.PAUSED and run.detail:
        yield run.detail
    if run.state not in WORKING:
        return
    connection = run.connection
    if (
        not connection.is_enabled
        or connection.paused_at is not None
        or not connection.is_bound_here
    ):
        yield _("The connection sends nothing now: %(state)s.") % {
            "state": state_in_words(connection)
        }
        return
    if is_left_alone(run, now):
        yield _silence(now)
    elif waits_for_contacts(run):
        yield _("Waits until the import of customers has ended.")
    lane = Lane.objects.filter(connection=connection, kind=run.kind, paused_until__gt=now).first()
    if lane is not None and lane.paused_until is not None:
        text = _(
            "%(destination)s is given a rest until %(time)s, then it goes on by itself: %(why)s"
        )
        yield text % {
            "destination": registry.destination_label(connection.destination),
            "time": moment(lane.paused_until),
            "why": lane.pause_detail or "—",
        }


def is_left_alone(run: Backfill, now: datetime) -> bool:
    """Does nobody work at it, and has no worker been seen for a while?"""
    if run.leased_until is not None and run.leased_until > now:
        return False
    if run.wake_at is not None and run.wake_at > now - BREATH:
        return False
    last = Heartbeat.last("sweep")
    return last is None or now - last > SILENCE


def _silence(now: datetime) -> str:
    last = Heartbeat.last("sweep")
    seen = (
        _("No worker has been seen yet.")
        if last is None
        else _("No worker has been seen for %(time)s.") % {"time": timesince(last, now)}
    )
    return f"{seen} " + _(
        "Nothing goes out until one runs. Ask whoever looks after the server to start Celery's "
        "worker and beat; the import then goes on by itself."
    )


def _number(value: int) -> str:
    return number_format(value, force_grouping=True)


def _day(value: datetime) -> str:
    return date_format(local(value), "SHORT_DATE_FORMAT")
