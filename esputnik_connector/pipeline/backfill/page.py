"""One page of a historical import: read it, send it, take off it what is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from logging import getLogger

from django.db import transaction

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import ConfigurationError, RecordError, without_message
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Backfill, Lane, OutboxMessage
from esputnik_connector.models.backfill import WORKING, State
from esputnik_connector.models.lease import Lease
from esputnik_connector.pipeline.delivery.deliver import Stop, deliver, never
from esputnik_connector.pipeline.delivery.lane import LaneLease, log_outcomes
from esputnik_connector.pipeline.delivery.pace import backoff
from esputnik_connector.pipeline.delivery.pace.rest import Pacer, batch_size
from esputnik_connector.pipeline.delivery.prepare import digests
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result, prepare
from esputnik_connector.pipeline.delivery.settle.batch import settle
from esputnik_connector.pipeline.delivery.settle.in_flight import in_flight
from esputnik_connector.pipeline.delivery.settle.outbox_rows import Rows, by_key, forced
from esputnik_connector.pipeline.delivery.settle.uploads import UploadPoller
from esputnik_connector.records import Kind, Outcome, Reason
from esputnik_connector.shops.bulk import among

from .control import next_page

logger = getLogger(__name__)

# Of one page, the better part of an hour; then even a lone failure does not stop it.
LAST_TRIES = 12
# The rest of the history would meet the same.
NEEDS_A_PERSON = (Reason.SWITCHED_OFF, Reason.UNCONFIRMED)
SHORTEST_REST = timedelta(seconds=1)


def refresh(run: Backfill) -> None:
    """Read the run again: a person may have paused it. Its connection is looked after elsewhere."""
    connection = run.connection
    run.refresh_from_db()
    run.connection = connection


class PageSender:
    """Sends pages of one run while its worker has the run and the lane in hand.

    ``rest`` says how long the page has to wait, if it has to.
    """

    def __init__(
        self,
        run: Backfill,
        lane: Lane,
        destination: Destination,
        *,
        run_lease: Lease,
        lane_lease: LaneLease,
        pacer: Pacer,
        uploads: UploadPoller,
        clock: Callable[[], datetime],
    ) -> None:
        self.run = run
        self.lane = lane
        self.destination = destination
        self.kind = run.of_kind()
        self.full = batch_size(destination, lane)
        self.rest: timedelta | None = None
        self._run_lease = run_lease
        self._lease = lane_lease.joined(run_lease)
        self._pacer = pacer
        self._uploads = uploads
        self._clock = clock

    def read(self) -> None:
        """Write down the keys of the next page, before anything of it is sent.

        Whatever the shop raises pauses the run: a page that cannot be read must never pass for the
        end of the history.

        :raises LostLease: another worker has the run.
        """
        run = self.run
        try:
            with transaction.atomic():
                keys, cursor = next_page(run, self.full)
        except (ConfigurationError, RecordError) as error:  # both are written for people
            logger.error("a page of import %s cannot be read: %s", run.pk, error)
            run.change(*WORKING, to=State.PAUSED, detail=str(error))
            return
        except Exception as error:  # a database error, a defect of the shop's adapter
            logger.error("a page of import %s cannot be read: %s", run.pk, without_message(error))
            detail = _(
                "The shop could not be read (%(error)s); the log has the details. Nothing is "
                "lost: resume when it is mended."
            ) % {"error": type(error).__name__}
            run.change(*WORKING, to=State.PAUSED, detail=detail)
            return
        run.page, run.cursor, run.is_read = keys, cursor, not cursor
        run.page_size, run.page_refused, run.tries = len(keys), 0, 0
        names = ("page", "cursor", "is_read", "page_size", "page_refused", "tries")
        self._run_lease.keep(**{name: getattr(run, name) for name in names})

    def send(self, most: int | None = None, *, is_over: Callable[[], bool] = never) -> None:
        """Send the page, or as much of it as goes together after so many failures.

        :param most: so many records at the most.
        :param is_over: asked after an answer whether the rest had better go later.
        :raises LostLease: another worker has the run or the lane.
        """
        keys = self.run.page[: backoff.chunk_size(self.full, self.run.tries)][:most]
        rows = self._rows(keys)
        uploading = self._uploading(keys)
        left = [_left_to_live(self.kind, key) for key in keys if key in uploading]
        self._settle(left, rows)
        keys = [key for key in keys if key not in uploading]
        connection = self.run.connection
        prepared = prepare(
            connection,
            self.destination,
            registry.shop(),
            self.kind,
            keys,
            forced=self._forced(keys, rows),
        )
        digests.write(connection, self.kind, prepared.outdated)
        self._settle(prepared.settled, rows)
        self._lease.keep_if_due()
        with in_flight(
            connection,
            self.kind,
            prepared,
            self.destination,
            keep=self._lease.keep_if_due,
            clock=self._clock,
            route=self.run.route,
        ) as flight:

            def land(answered: Sequence[Result]) -> None:
                results = self._confirmed(answered)
                with flight.landing(results):
                    self._settle(results, rows, is_alone=len(keys) == 1)
                if self.run.state not in WORKING:
                    raise Stop

            deliver(self.destination, prepared, land, is_over=is_over)

    def _rows(self, keys: Sequence[str]) -> Rows:
        """Changes of these records that wait or were set aside: they are settled with them."""
        mine = OutboxMessage.objects.of(self.run.connection, self.kind).filter(session="")
        return by_key(mine.filter(among("key", keys)).order_by("pk")) if mine.exists() else {}

    def _forced(self, keys: Sequence[str], rows: Rows) -> frozenset[str]:
        return frozenset(keys) if self.run.is_forced else forced(rows)

    def _uploading(self, keys: Sequence[str]) -> set[str]:
        waiting = self._uploads.waiting(self.kind)
        if not waiting.exists():
            return set()
        return set(waiting.filter(among("key", keys)).values_list("key", flat=True))

    def _settle(self, results: Sequence[Result], rows: Rows, *, is_alone: bool = False) -> None:
        """Settle what is settled; the rest of the page goes again.

        A record that fails all alone, while others go through, is left to live traffic, which
        tries it for days, and the run goes on. In an outage none is: the page waits.
        """
        if not results:
            return
        self._lease.keep_if_due()
        is_culprit = is_alone and (
            not self.lane.failures or len(self.run.page) == 1 or self.run.tries >= LAST_TRIES
        )
        receipts = [result.receipt for result in results]
        stays = [one for one in receipts if _stays_on_page(one, is_culprit=is_culprit)]
        kept = {receipt.key for receipt in stays}
        settled = [result for result in results if result.receipt.key not in kept]
        is_suspect = any(receipt.is_counted for receipt in stays)
        written = settle(
            self.run.connection,
            self.kind,
            settled,
            rows,
            now=self._clock(),
            backfill=self.run,
            also=lambda some: self._take_off_page(
                [one.receipt for one in some], is_suspect=is_suspect, is_alone=is_alone
            ),
        )
        receipts = [*stays, *(result.receipt for result in written)]
        log_outcomes(self.lane, receipts)
        self._pacer.pace(self.lane, receipts)
        self._stop_for_a_person(stays)
        if stays:
            seconds = max(receipt.retry_after for receipt in stays)
            self.rest = max(self.rest or SHORTEST_REST, timedelta(seconds=seconds))

    def _confirmed(self, results: Sequence[Result]) -> Sequence[Result]:
        """What a person has looked up needs no proof by the answer."""
        if not self.run.is_arrival_confirmed:
            return results
        return [
            replace(one, receipt=replace(one.receipt, outcome=Outcome.DELIVERED, reason=None))
            if one.receipt.reason is Reason.UNCONFIRMED
            else one
            for one in results
        ]

    def _stop_for_a_person(self, stays: Sequence[Receipt]) -> None:
        """Nothing that comes next would fare better until the merchant has acted."""
        stopped = next((one for one in stays if one.reason in NEEDS_A_PERSON), None)
        if stopped is not None and self.run.change(
            *WORKING, to=State.PAUSED, detail=stopped.detail, tries=0
        ):
            logger.warning("import %s is paused: %s", self.run.pk, stopped.reason)

    def _take_off_page(
        self, receipts: Sequence[Receipt], *, is_suspect: bool, is_alone: bool
    ) -> None:
        """Count records and take them off the page, in the transaction that settles them."""
        run = self.run
        self._run_lease.lock()  # and read what a person may have done to the run
        run.count(receipts)
        gone = {receipt.key for receipt in receipts}
        run.page = [key for key in run.page if key not in gone]
        if is_suspect and is_alone:  # if the next one goes through, it was this record
            run.page = [*run.page[1:2], *run.page[:1], *run.page[2:]]
        run.page_refused += sum(one.outcome is Outcome.REJECTED for one in receipts)
        run.tries = run.tries + 1 if is_suspect else max(run.tries - 1, 0)
        run.save(
            update_fields=["counts", "skips", "refusals", "page", "page_refused", "tries"]
        )  # and nothing else: a person may just have paused it
        if run.page or not run.is_read:
            run.stop_if_refused(run.page_refused, of=run.page_size)


def _stays_on_page(receipt: Receipt, *, is_culprit: bool) -> bool:
    if receipt.outcome is not Outcome.DEFERRED or receipt.goes_alone:
        return False
    if receipt.reason is Reason.UPLOADING:
        return False
    if receipt.reason in NEEDS_A_PERSON:
        return True
    return not (is_culprit and receipt.is_counted)


def _left_to_live(kind: Kind, key: str) -> Result:
    """An upload works on a change of this record right now: ours would race with it."""
    return Result(Receipt(kind=kind, key=key, outcome=Outcome.DEFERRED, reason=Reason.UPLOADING))
