"""When so much is refused that the rest would be too, an import stops by itself."""

from __future__ import annotations

from django.utils.translation import gettext as _

from esputnik_connector.models import Backfill
from esputnik_connector.models.backfill import WORKING, State

FLOOR = 5  # refusals; fewer are single bad records, whatever their share of a small page


def check(run: Backfill, *, refused: int, of: int) -> bool:
    """Pause the run when too large a share was refused; True if it was paused."""
    if refused < FLOOR or refused <= run.stop_loss * of:
        return False
    detail = _(
        "Paused by itself: %(refused)d of %(of)d records were refused. Look at the list of unsent "
        "changes for the reasons, mend the cause, then resume."
    ) % {"refused": refused, "of": of}
    return run.change(*WORKING, to=State.PAUSED, detail=detail)
