"""What waits, since when, and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min, QuerySet
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector.event_types import event_types
from esputnik_connector.models import (
    Connection,
    Heartbeat,
    Lane,
    OutboxMessage,
    Reconciliation,
)
from esputnik_connector.models.labels import KINDS
from esputnik_connector.pipeline.events.scan import HEARTBEAT

from .findings import Finding, ok, problem, warning

LATE = timedelta(minutes=5)  # several sweeps: a change that is due longer is worth a look
VERY_LATE = timedelta(hours=1)


def watched(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    """Does the scan run that finds what came back or got cheaper? Of no matter to a connection that
    sends nothing that is scanned for."""
    if not any(each.scan is not None and connection.sends(each) for each in event_types()):
        return
    last = Heartbeat.last(HEARTBEAT)
    if last is not None and now - last < VERY_LATE:
        text = _("The products that people wait for were scanned %s ago.") % timesince(last, now)
        yield ok(connection.name, text)
        return
    yield warning(
        connection.name,
        _("No scan of the products that people wait for: silent changes are not found."),
        _(
            "Let beat run esputnik_connector.watch_products every 15 minutes, or cron: "
            "manage.py esputnik_watch"
        ),
    )


def unsent(connection: Connection, *, now: datetime) -> Finding:
    """How much waits, and since when. Compared with when it was due: a retry may be hours away."""
    rows = OutboxMessage.objects.filter(connection=connection).unsent().order_by()
    waiting = rows.aggregate(count=Count("pk"), oldest=Min("captured_at"), due=Min("due_at"))
    if not waiting["count"]:
        return ok(connection.name, _("No change is waiting."))
    text = _("%(count)s changes wait; the oldest was noted %(age)s ago.") % {
        "count": waiting["count"],
        "age": timesince(waiting["oldest"], now),
    }
    overdue = now - waiting["due"]
    if overdue < LATE:
        return ok(connection.name, text)
    remedy = _(
        "If the connection may send, check that a Celery worker and beat are running, or run: "
        "manage.py esputnik_relay"
    )
    return (problem if overdue >= VERY_LATE else warning)(connection.name, text, remedy)


def set_aside(connection: Connection) -> Finding:
    count = _dead(connection).count()
    if not count:
        return ok(connection.name, _("No change is set aside."))
    return warning(
        connection.name,
        _("Changes set aside: %s") % count,
        _("See why in the admin: eSputnik → Unsent changes; then press “Try again”."),
    )


def _dead(connection: Connection) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(connection=connection).dead()


def held_back(connection: Connection) -> Iterator[Finding]:
    """What the last reconciliation of a kind found too much of to put it in line by itself."""
    for kind, label in KINDS.items():
        runs = Reconciliation.objects.of_the_shop().filter(connection=connection, kind=kind.value)
        last = runs.exclude(finished_at=None).order_by("-pk").first()
        if last is None or not last.held:
            continue
        yield problem(
            connection.name,
            _(
                "The last reconciliation held %(count)s records of the kind “%(kind)s” back: so "
                "many differences at once look like a mistake."
            )
            % {"count": last.held, "kind": label},
            _(
                "Look at them: manage.py esputnik_reconcile --dry-run. If they are right, let them "
                "through with --no-limit."
            ),
        )


def paused_lanes(connection: Connection, *, now: datetime) -> Iterator[Finding]:
    for lane in Lane.objects.filter(connection=connection).resting(now).order_by("kind"):
        yield warning(
            connection.name,
            _("The lane of “%(kind)s” rests for %(time)s: %(why)s")
            % {
                "kind": lane.get_kind_display(),
                "time": timesince(now, lane.paused_until),
                "why": lane.pause_detail or "?",
            },
            _("It goes on by itself. If it keeps resting, the reason says why."),
        )


def paces(connection: Connection) -> Iterator[Finding]:
    """How fast each lane found that it may go, and what the settings allow at the most."""
    found = [
        f"{lane.get_kind_display()} {round(lane.pace)}"
        for lane in Lane.objects.filter(connection=connection).order_by("kind")
        if lane.pace is not None
    ]
    if found:
        words = _("Requests a second that went well lately: %(paces)s.")
        yield ok(connection.name, words % {"paces": ", ".join(found)})
