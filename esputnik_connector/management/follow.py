"""Follow imports to their end: watch while a Celery worker works, else do the work here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.management import progress
from esputnik_connector.management.base import INTERRUPTED
from esputnik_connector.management.interrupts import DeferredInterrupt, is_interrupt
from esputnik_connector.models import Backfill
from esputnik_connector.operations.backfill_progress import (
    is_stuck,
    is_worked_at,
    waiting_text,
)
from esputnik_connector.pipeline.backfill.worker import BackfillWorker

WORKER_START = 3.0  # seconds for a Celery worker to begin; then this process works itself
WORK_TURN = 2.0  # seconds of work between two looks at the run
LOOK_PAUSE = 0.5  # seconds between two looks while a worker works


def follow_runs(
    runs: Sequence[Backfill], say: Callable[[str], None], *, is_json: bool, command: str
) -> None:
    """Show runs until they end, or stop. Ctrl-C stops none of them; the command then ends with 130,
    after the page that it works at.

    :param command: what to type to come back to them.
    """
    shown = progress.display(say, is_json=is_json, is_terminal=sys.stdout.isatty())
    worker_deadline = time.monotonic() + WORKER_START
    works_here = False
    try:
        for run in runs:
            while run.is_working and not (obstacle := _obstacle(run)):
                works_here = (
                    not is_worked_at(run, timezone.now()) and time.monotonic() > worker_deadline
                )
                if works_here:
                    _work(run, shown)
                else:
                    time.sleep(LOOK_PAUSE)
                run.refresh_from_db()
                shown.show(run)
            if run.is_working:
                shown.close()
                say(obstacle)
    except BaseException as error:
        if not is_interrupt(error):
            raise
        shown.close()
        say(_interrupted_text(command, works_here=works_here))
        raise SystemExit(INTERRUPTED) from None
    finally:
        shown.close()


def _interrupted_text(command: str, *, works_here: bool) -> str:
    state = (
        _("The import is not over. It goes on when a Celery worker runs, or when you look again.")
        if works_here
        else _("The import goes on: a Celery worker works at it.")
    )
    ways = _("Look again:  %(command)s --watch\nPause it:    %(command)s --pause")
    return f"\n{state}\n{ways % {'command': command}}"


def _obstacle(run: Backfill) -> str:
    """Why nothing is sent until a person acts, ``""`` if something can be."""
    run.connection.refresh_from_db()
    if run.connection.is_enabled and run.connection.paused_at is None:
        return waiting_text(run) if is_stuck(run) else ""
    return _("Connection “%(name)s” was paused; the import goes on when it is resumed. %(why)s") % {
        "name": run.connection.name,
        "why": run.connection.pause_detail,
    }


def _work(run: Backfill, shown: progress.Display) -> None:
    fresh = Backfill.objects.select_related("connection").get(pk=run.pk)
    with DeferredInterrupt() as interrupt:

        def after_page(run: Backfill) -> None:
            shown.show(run)
            interrupt.check()

        wake_at = BackfillWorker(fresh, after_page=after_page).work(seconds=WORK_TURN)
    if wake_at is None:
        time.sleep(LOOK_PAUSE)
        return
    wait = (wake_at - timezone.now()).total_seconds()
    time.sleep(min(max(wait, 0.0), WORK_TURN))
