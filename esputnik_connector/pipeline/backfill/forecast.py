"""What a historical import would do: translate records without sending them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Backfill, Connection
from esputnik_connector.models.timezones import kept_span
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.records import Kind, Outcome

from .control import history

SAMPLE = 500  # records from each end of the history, for the estimate


@dataclass
class Forecast:
    """What a run would do, in records. ``total`` is of all the range, the other counts are of the
    ``looked_at`` records alone. ``without_consent`` are people: one may have many orders."""

    total: int = 0
    looked_at: int = 0
    to_send: int = 0
    skips: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    without_consent: set[str] = field(default_factory=set)  # a hash per person without a yes

    @property
    def is_exact(self) -> bool:
        return self.looked_at >= self.total

    def scaled(self, count: int) -> int:
        """``count`` of those looked at, as a share of all."""
        return count if self.is_exact else round(count * self.total / max(self.looked_at, 1))


def forecast(run: Backfill, *, is_thorough: bool = False) -> Forecast:
    """Translate records without sending them: all of a small range, else some from both ends.

    :param run: need not be saved.
    :param is_thorough: look at every record, however large the range is.
    """
    kind = run.of_kind()
    with fresh_reads():
        found = Forecast(total=_total(run))
    route = run.route
    with (
        closing(registry.destination(run.connection, order_route=route)) as destination,
        fresh_reads(),
    ):
        for keys in _samples(run, is_thorough or found.total <= 2 * SAMPLE):
            _look(run.connection, destination, kind, keys, found)
    if is_thorough:
        found.total = found.looked_at
    return found


def _total(run: Backfill) -> int:
    if run.keys is not None:
        return len(run.keys)
    return history().count(run.of_kind(), **kept_span(run.since, run.until))


def _samples(run: Backfill, is_all: bool) -> Iterator[Sequence[str]]:
    """Keys by the page: all, or a page from each end."""
    if run.keys is not None:
        yield from (run.keys[at : at + SAMPLE] for at in range(0, len(run.keys), SAMPLE))
        return
    for newest_first in (run.newest_first,) if is_all else (False, True):
        cursor = ""
        while True:
            page = history().keys(
                run.of_kind(),
                after=cursor,
                limit=SAMPLE,
                newest_first=newest_first,
                **kept_span(run.since, run.until),
            )
            yield page.keys
            cursor = page.cursor
            if not cursor or not is_all:
                break


def _look(
    connection: Connection,
    destination: Destination,
    kind: Kind,
    keys: Sequence[str],
    found: Forecast,
) -> None:
    prepared = prepare(connection, destination, registry.shop(), kind, keys, counts_consent=True)
    found.without_consent.update(prepared.without_consent)
    found.looked_at += len(keys)
    found.to_send += len(prepared.outgoing)
    for result in prepared.settled:
        receipt = result.receipt
        counts = found.refusals if receipt.outcome is Outcome.REJECTED else found.skips
        reason = receipt.reason.value if receipt.reason else ""
        counts[reason] = counts.get(reason, 0) + 1
