"""The counts of a historical import: every record in exactly one of them, always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import Backfill
from esputnik_connector.models.backfill import WORKING
from esputnik_connector.records import Outcome

from . import stop_loss

DELIVERED, ACCEPTED, SKIPPED = "delivered", "accepted", "skipped"
REFUSED, RETRYING = "refused", "retrying"
COUNTS = (DELIVERED, ACCEPTED, SKIPPED, REFUSED, RETRYING)

COUNT_OF = {
    Outcome.DELIVERED: DELIVERED,
    Outcome.ACCEPTED: ACCEPTED,
    Outcome.SKIPPED: SKIPPED,
    Outcome.REJECTED: REFUSED,
    Outcome.DEFERRED: RETRYING,  # handed to live traffic, which tries it for days
}


def enter(run: Backfill, receipts: Iterable[Receipt]) -> None:
    """Count records that are settled now. Saves nothing."""
    counts = Counter(run.counts)
    skips, refusals = Counter(run.skips), Counter(run.refusals)
    for receipt in receipts:
        counts[COUNT_OF[receipt.outcome]] += 1
        reason = receipt.reason.value if receipt.reason else ""
        if receipt.outcome is Outcome.SKIPPED:
            skips[reason] += 1
        elif receipt.outcome is Outcome.REJECTED:
            refusals[reason] += 1
    run.counts, run.skips, run.refusals = dict(counts), dict(skips), dict(refusals)


def imported(backfill_id: int, receipts: Sequence[Receipt]) -> None:
    """An import that a run waited for is over. Runs in the transaction that settles it."""
    run = Backfill.objects.select_for_update().filter(pk=backfill_id).first()
    if run is None:
        return
    run.counts[ACCEPTED] = max(run.counts.get(ACCEPTED, 0) - len(receipts), 0)
    enter(run, receipts)
    run.save(update_fields=["counts", "skips", "refusals"])
    refused = sum(receipt.outcome is Outcome.REJECTED for receipt in receipts)
    if run.state in WORKING and not run.is_read:
        stop_loss.check(run, refused=refused, of=len(receipts))
