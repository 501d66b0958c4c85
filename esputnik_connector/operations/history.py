"""Historical imports by code: begin, watch, pause, resume and cancel one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.forecast import Forecast, forecast
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.wake import wake_backfill
from esputnik_connector.records import Kind

from .connection.named import AnyConnection, get_connection


def start_import(
    connection: AnyConnection,
    kind: Kind,
    *,
    route: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
    keys: Sequence[str] | None = None,
) -> tuple[Backfill, bool]:
    """Begin a historical import of contacts or orders and wake a worker, or find the open one.

    :param route: of orders, one of the destination's ``history_routes`` (eSputnik: ``past_events``,
        which is quiet, or ``orders``, which starts a workflow event for each order).
    :param since, until: registered or placed from the one moment on, and before the other.
    :param keys: only these records.
    :returns: the run, and whether it is a new one.
    :raises BadRequestError: the range or the route is no use.
    :raises ConfigurationError: the shop cannot walk over its history.
    """
    run, is_new = control.start(
        get_connection(connection),
        kind,
        route=route,
        since=since,
        until=until,
        newest_first=newest_first,
        keys=keys,
    )
    if is_new:
        wake_backfill(run.pk)
    return run, is_new


def forecast_import(run: Backfill, *, is_thorough: bool = False) -> Forecast:
    """What an import would send and skip. Sends nothing; ``run`` need not be saved.

    :param is_thorough: look at every record of the range, instead of a sample from both ends.
    """
    return forecast(run, is_thorough=is_thorough)


def work_at_import(run: Backfill, *, seconds: float = 50) -> datetime | None:
    """Do a worker's work at an import for about ``seconds``. Speaks HTTP.

    ``run.state``, ``run.counts`` and ``run.total`` tell how far it is, after ``refresh_from_db()``.

    :returns: when to go on; ``None`` when it is over, stopped, or another worker's.
    """
    return BackfillWorker(run).work(seconds=seconds)


def pause_import(run: Backfill) -> bool:
    """Stop after the request that is under way; False if the run was not working."""
    return control.pause(run)


def resume_import(run: Backfill) -> bool:
    """Go on where it was, and wake a worker; False if the run was not paused."""
    is_resumed = control.resume(run)
    if is_resumed:
        wake_backfill(run.pk)
    return is_resumed


def cancel_import(run: Backfill) -> bool:
    """End it for good; what was sent stays sent. False if it was over already."""
    return control.cancel(run)
