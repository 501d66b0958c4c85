"""What keeps a historical import from going on, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.admin.connection.state import is_readable, obstacle_text
from esputnik_connector.admin.display import time_text
from esputnik_connector.models import Backfill, Connection, Heartbeat, Lane
from esputnik_connector.models.backfill import WORKING, State
from esputnik_connector.operations.backfill_progress import has_no_worker, is_stuck, waiting_text
from esputnik_connector.shops.base import SupportsHistory


def alerts(run: Backfill, now: datetime) -> Iterator[str]:
    """A sentence each, the reason that stops everything first."""
    if run.is_former:
        yield _("This went to a former account and does not count for the present one.")
    if run.state in (State.PAUSED, State.FINISHED) and run.detail:
        yield run.detail
    if run.state not in WORKING:
        return
    if not _may_send(run.connection):
        yield _sends_nothing(run.connection)
        return
    is_idle = has_no_worker(run, now)
    if is_idle:
        yield _no_worker_text(now)
    if (waiting := waiting_text(run)) and (is_stuck(run) or not is_idle):
        yield waiting
    lane = Lane.objects.filter(connection=run.connection, kind=run.kind).resting(now).first()
    if lane is not None and lane.paused_until is not None:
        text = _(
            "%(destination)s is given a rest until %(time)s, then it goes on by itself: %(why)s"
        )
        yield text % {
            "destination": registry.destination_label(run.connection.destination),
            "time": time_text(lane.paused_until),
            "why": lane.pause_detail or "—",
        }


def start_obstacle(connection: Connection) -> str:
    """Why no import of this connection can be started now, ``""`` if one can."""
    if not isinstance(registry.shop(), SupportsHistory):
        return str(SupportsHistory.missing)
    if _may_send(connection) and connection.api_key and is_readable(connection.api_key):
        return ""
    return _sends_nothing(connection)


def _may_send(connection: Connection) -> bool:
    return connection.is_enabled and connection.paused_at is None and connection.is_bound_here


def _sends_nothing(connection: Connection) -> str:
    return _("The connection sends nothing now: %(state)s.") % {"state": obstacle_text(connection)}


def _no_worker_text(now: datetime) -> str:
    last = Heartbeat.last("sweep")
    seen = (
        _("No worker has been seen yet.")
        if last is None
        else _("No worker has been seen for %(time)s.") % {"time": timesince(last, now)}
    )
    return f"{seen} " + _(
        "Nothing goes out until one runs. Ask the administrator of the server to start Celery's "
        "worker and beat; the import then goes on by itself."
    )
