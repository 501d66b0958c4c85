"""A settled batch as numbers: for the counters that a monitor reads, and for a line of the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import OutboxMessage
from esputnik_connector.models.outcome_count import Outcomes
from esputnik_connector.records import Outcome, Reason

TAKEN = (Outcome.DELIVERED, Outcome.ACCEPTED)


def alike(receipts: Iterable[Receipt]) -> dict[tuple[str, str], list[Receipt]]:
    """(outcome, reason) → the receipts that have both; reason ``""`` for none."""
    found: dict[tuple[Outcome, Reason | None], list[Receipt]] = {}
    for receipt in receipts:
        found.setdefault((receipt.outcome, receipt.reason), []).append(receipt)
    return {
        (outcome.value, reason.value if reason else ""): some
        for (outcome, reason), some in found.items()
    }


def counted(
    receipts: Sequence[Receipt], rows: Mapping[str, Sequence[OutboxMessage]], now: datetime
) -> list[Outcomes]:
    """What the counters grow by. To be asked before the rows are changed.

    :param rows: the outbox rows of these records, as they were read.
    """
    return [
        Outcomes(
            kind=some[0].kind.value,
            outcome=outcome,
            reason=reason,
            records=len(some),
            waits=[wait for one in some if (wait := _wait(one, rows, now)) is not None],
            is_live=any(not row.is_catch_up for one in some for row in rows.get(one.key, ())),
        )
        for (outcome, reason), some in alike(receipts).items()
    ]


def _wait(
    receipt: Receipt, rows: Mapping[str, Sequence[OutboxMessage]], now: datetime
) -> float | None:
    """Seconds from the shop's commit until the destination took it; ``None`` where it took nothing
    now: it was accepted before, when its upload began, or it is history, for which no customer
    waits."""
    mine = rows.get(receipt.key, ())
    if receipt.outcome not in TAKEN or not mine or any(row.session for row in mine):
        return None
    return max(0.0, (now - min(row.captured_at for row in mine)).total_seconds())
