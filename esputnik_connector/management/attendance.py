"""Seeing imports through: watch while a Celery worker works, else do the work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector.management import progress
from esputnik_connector.models import Backfill
from esputnik_connector.pipeline.backfill import BackfillWorker

WORKER_PATIENCE = 3.0  # seconds for a Celery worker to begin; then we work ourselves
SLICE = 2.0  # seconds of work between two looks at the run
LOOK = 0.5  # seconds between two looks while somebody else works


def see_through(runs: Sequence[Backfill], say: Callable[[str], None], *, is_json: bool) -> None:
    """Show runs until they end, stop, or somebody presses Ctrl-C, which stops none of them."""
    shown = progress.display(say, is_json=is_json, is_terminal=sys.stdout.isatty())
    patience = time.monotonic() + WORKER_PATIENCE
    try:
        for run in runs:
            while run.is_working and _is_open(run, say):
                if not _is_worked_at(run) and time.monotonic() > patience:
                    _work(run, shown)
                else:
                    time.sleep(LOOK)
                run.refresh_from_db()
                shown.show(run)
    except KeyboardInterrupt:
        say(_("Without this command a Celery worker goes on with the import; --pause stops it."))
    finally:
        shown.close()


def _is_open(run: Backfill, say: Callable[[str], None]) -> bool:
    run.connection.refresh_from_db()
    if run.connection.is_enabled and run.connection.paused_at is None:
        return True
    say(
        _("Connection “%(name)s” was paused; the import goes on when it is resumed. %(why)s")
        % {"name": run.connection.name, "why": run.connection.pause_detail}
    )
    return False


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
