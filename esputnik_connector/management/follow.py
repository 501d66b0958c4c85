"""Seeing imports through: watch while a Celery worker works, else do the work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.management import progress
from esputnik_connector.management.base import INTERRUPTED
from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill.worker import BackfillWorker

WORKER_PATIENCE = 3.0  # seconds for a Celery worker to begin; then we work ourselves
SLICE = 2.0  # seconds of work between two looks at the run
LOOK = 0.5  # seconds between two looks while somebody else works


def see_through(
    runs: Sequence[Backfill], say: Callable[[str], None], *, is_json: bool, command: str
) -> None:
    """Show runs until they end, or stop. Ctrl-C stops none of them; the command then ends with 130.

    :param command: what to type to come back to them.
    """
    shown = progress.display(say, is_json=is_json, is_terminal=sys.stdout.isatty())
    patience = time.monotonic() + WORKER_PATIENCE
    works_here = False
    try:
        for run in runs:
            while run.is_working and not (obstacle := _obstacle(run)):
                works_here = not _is_worked_at(run) and time.monotonic() > patience
                if works_here:
                    _work(run, shown)
                else:
                    time.sleep(LOOK)
                run.refresh_from_db()
                shown.show(run)
            if run.is_working:
                shown.close()
                say(obstacle)
    except KeyboardInterrupt:
        shown.close()
        say(_farewell(command, works_here=works_here))
        raise SystemExit(INTERRUPTED) from None
    finally:
        shown.close()


def _farewell(command: str, *, works_here: bool) -> str:
    fate = (
        _("The import is not over. It goes on when a Celery worker runs, or when you look again.")
        if works_here
        else _("The import goes on: a Celery worker works at it.")
    )
    ways = _("Look again:  %(command)s --watch\nPause it:    %(command)s --pause")
    return f"\n{fate}\n{ways % {'command': command}}"


def _obstacle(run: Backfill) -> str:
    """Why nothing is sent now, ``""`` if something can be."""
    run.connection.refresh_from_db()
    if run.connection.is_enabled and run.connection.paused_at is None:
        return ""
    return _("Connection “%(name)s” was paused; the import goes on when it is resumed. %(why)s") % {
        "name": run.connection.name, "why": run.connection.pause_detail
    }  # fmt: skip


def _is_worked_at(run: Backfill) -> bool:
    return bool(run.leased_until and run.leased_until > timezone.now())


def _work(run: Backfill, shown: progress.Display) -> None:
    fresh = Backfill.objects.select_related("connection").get(pk=run.pk)
    wake_at = BackfillWorker(fresh, after_page=shown.show).work(seconds=SLICE)
    if wake_at is None:
        time.sleep(LOOK)
        return
    wait = (wake_at - timezone.now()).total_seconds()
    time.sleep(min(max(wait, 0.0), SLICE))
