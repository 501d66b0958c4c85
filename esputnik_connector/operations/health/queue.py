"""What waits, since when, and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector.event_types import event_types
from esputnik_connector.models import Connection, Lane, Reconciliation
from esputnik_connector.models.backfill import FEWEST_REFUSALS, STOP_LOSS, State
from esputnik_connector.pipeline.events.scan import HEARTBEAT

from .backlog import OutboxCount
from .duration import alert_after
from .findings import Finding, Level, ok, problem, warning
from .silent_orders import not_arrived
from .snapshot import Snapshot

VERY_LATE = timedelta(hours=1)
LONG_WAIT = timedelta(minutes=30)  # since it was noted, whatever the time of its next try


def findings(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """Of one connection of the snapshot. Asks nothing."""
    waiting = snapshot.waiting_of(connection)
    yield from watched(connection, snapshot)
    line = unsent(connection, waiting, snapshot)
    yield line
    if line.level is not Level.PROBLEM:  # which says why
        yield from not_arrived(connection, snapshot.silent.get(connection.pk, 0))
    yield set_aside(connection, waiting)
    for held in snapshot.held:
        if held.connection_id == connection.pk:
            yield held_back(connection, held)
    for lane in snapshot.lanes:
        if lane.connection_id == connection.pk and lane.is_paused(snapshot.now):
            yield resting(connection, lane, snapshot)
    yield from stopped_imports(connection, snapshot)
    yield from refusals(connection, snapshot)
    yield from paces(connection, snapshot)


def stopped_imports(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """An import that paused itself waits for a person; one that a person paused does not."""
    for run in snapshot.imports:
        if run.connection_id == connection.pk and run.state == State.PAUSED and run.detail:
            text = _("The historical import of “%(kind)s” stopped: %(why)s")
            told = {"kind": run.get_kind_display(), "why": run.detail}
            remedy = _("See the page of historical imports, mend the cause, then press “Resume”.")
            found = problem(
                "import_stopped", connection.name, text % told, remedy, left=float(run.left)
            )
            yield replace(found, kind=run.kind)


def refusals(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """Is so much refused lately that it is a mistake in the set-up, and no single bad record?"""
    settled, refused = snapshot.lately.get(connection.pk, (0, 0))
    if refused < FEWEST_REFUSALS or refused <= STOP_LOSS * settled:
        return
    yield problem(
        "many_refused",
        connection.name,
        _("In the last two hours %(refused)d of %(settled)d records were refused.")
        % {"refused": refused, "settled": settled},
        _("See what eSputnik says of them in the admin, and mend the mapping or the records."),
        refused=refused,
        settled=settled,
    )


def watched(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """Does the scan run that finds what came back or got cheaper? Of no matter to a connection that
    sends nothing that is scanned for."""
    if not any(each.scan is not None and connection.sends(each) for each in event_types()):
        return
    last, now = snapshot.heartbeats.get(HEARTBEAT), snapshot.now
    if last is not None and now - last < VERY_LATE:
        text = _("The products that people wait for were scanned %s ago.") % timesince(last, now)
        yield ok("watch_ran", connection.name, text)
        return
    yield warning(
        "watch_late",
        connection.name,
        _("No scan of the products that people wait for: silent changes are not found."),
        _(
            "Let beat run esputnik_connector.watch_products every 15 minutes, or cron: "
            "manage.py esputnik_watch"
        ),
    )


def unsent(connection: Connection, waiting: OutboxCount, snapshot: Snapshot) -> Finding:
    """How much waits, and since when. Compared with when it was due: a retry may be hours away."""
    if waiting.oldest is None or waiting.due is None:
        return ok("nothing_waits", connection.name, _("No change is waiting."), count=0)
    text = _("%(count)s changes wait; the oldest was noted %(age)s ago.") % {
        "count": waiting.unsent,
        "age": timesince(waiting.oldest, snapshot.now),
    }
    overdue = snapshot.now - waiting.due
    numbers = {
        "count": waiting.unsent,
        "age_seconds": (snapshot.now - waiting.oldest).total_seconds(),
        "overdue_seconds": max(0.0, overdue.total_seconds()),
    }
    if connection.paused_by:  # as a person wants it
        return ok("changes_wait", connection.name, text, **numbers)
    if overdue < alert_after():
        if snapshot.now - waiting.oldest < LONG_WAIT:
            return ok("changes_wait", connection.name, text, **numbers)
        find = problem if _is_stuck(connection, snapshot) else warning
        remedy = _("They were tried and are tried again. The list of unsent changes says why.")
        return find("changes_delayed", connection.name, text, remedy, **numbers)
    remedy = _(
        "If the connection may send, check that a Celery worker and beat are running, or run: "
        "manage.py esputnik_relay"
    )
    find = problem if overdue >= VERY_LATE else warning
    return find("changes_overdue", connection.name, text, remedy, **numbers)


def _is_stuck(connection: Connection, snapshot: Snapshot) -> bool:
    """Does a lane wait for so long, and took nothing else in that time? Else single records do."""
    long_ago = snapshot.now - LONG_WAIT
    success = snapshot.last_success()
    return any(
        pk == connection.pk
        and some.oldest is not None
        and some.oldest <= long_ago
        and success.get((pk, kind), long_ago) <= long_ago
        for (pk, kind), some in snapshot.waiting.items()
    )


def set_aside(connection: Connection, waiting: OutboxCount) -> Finding:
    if not waiting.dead:
        return ok("nothing_set_aside", connection.name, _("No change is set aside."), count=0)
    return warning(
        "changes_set_aside",
        connection.name,
        _("Changes set aside: %s") % waiting.dead,
        _("See why in the admin: eSputnik → Unsent changes; then press “Try again”."),
        count=waiting.dead,
    )


def held_back(connection: Connection, held: Reconciliation) -> Finding:
    """What the last reconciliation of a kind found too much of to put it in line by itself."""
    text = _(
        "The last reconciliation held %(count)s records of the kind “%(kind)s” back: so "
        "many differences at once look like a mistake."
    ) % {"count": held.held, "kind": held.get_kind_display()}
    remedy = _(
        "Look at them: manage.py esputnik_reconcile --dry-run. If they are right, let them "
        "through with --no-limit."
    )
    found = problem("reconciliation_held", connection.name, text, remedy, count=held.held)
    return replace(found, kind=held.kind)


def resting(connection: Connection, lane: Lane, snapshot: Snapshot) -> Finding:
    until = lane.paused_until or snapshot.now
    found = warning(
        "lane_rests",
        connection.name,
        _("The lane of “%(kind)s” rests for %(time)s: %(why)s")
        % {
            "kind": lane.get_kind_display(),
            "time": timesince(snapshot.now, until),
            "why": lane.pause_detail or "?",
        },
        _("It goes on by itself. If it keeps resting, the reason says why."),
        seconds=(until - snapshot.now).total_seconds(),
        failures=lane.failures,
    )
    return replace(found, kind=lane.kind)


def paces(connection: Connection, snapshot: Snapshot) -> Iterator[Finding]:
    """How fast each lane found that it may go."""
    for lane in snapshot.lanes:
        if lane.connection_id == connection.pk and lane.pace is not None:
            text = _("The lane of “%(kind)s” has found that %(pace)d requests a second go well.")
            values = {"kind": lane.get_kind_display(), "pace": round(lane.pace)}
            found = ok("lane_pace", connection.name, text % values, per_second=lane.pace)
            yield replace(found, kind=lane.kind)
