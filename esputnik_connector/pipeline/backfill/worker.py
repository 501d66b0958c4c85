"""Work at a historical import: page by page, in the same lanes as live traffic.

A worker may die at any line: what is settled is counted and gone from the page in the transaction
that settles it, and the rest of the page is what the next worker begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from logging import getLogger
from time import monotonic

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import ConfigurationError, DecryptionError, RecordError
from esputnik_connector.models import Backfill, Lane, OutboxMessage
from esputnik_connector.models.backfill import WORKING, State
from esputnik_connector.pipeline.delivery import backoff
from esputnik_connector.pipeline.delivery.dispatch import LostLease, Result, deliver, prepare
from esputnik_connector.pipeline.delivery.lane import LaneHolder
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.settle import Rows, by_key, mark_unknown, settle
from esputnik_connector.records import Kind, Outcome, Reason
from esputnik_connector.shops import reading

from . import ledger, stop_loss
from .control import next_page, waits_for_contacts
from .gc_freeze import heap_at_rest

logger = getLogger(__name__)

# Of one page, the better part of an hour; then even a lone failure does not stop it.
LAST_TRIES = 12
LIVE_SECONDS = 10.0  # for live traffic between two pages; what is left comes after the next one
KEPT_JUST_NOW = 1.0  # seconds; a lease lasts longer than a request may
BUSY_LANE = timedelta(seconds=1)  # until we ask again for a lane that somebody else has
LONGEST_REST = timedelta(seconds=60)  # between two looks at whatever a run waits for


def _nothing(_run: Backfill) -> None:
    """Nobody watches."""


class BackfillWorker(LaneHolder):
    """One worker at one run. Many may try at once; a run has one."""

    def __init__(
        self,
        run: Backfill,
        *,
        clock: Callable[[], datetime] = timezone.now,
        after_page: Callable[[Backfill], None] = _nothing,
    ) -> None:
        super().__init__(run.connection, clock=clock)
        self.run = run
        self.after_page = after_page
        self.rest_until: datetime | None = None
        self.kept_at: float | None = None

    def work(self, *, seconds: float) -> datetime | None:
        """Go on for about that long.

        Returns when somebody should go on; ``None`` when nobody needs to, or somebody else works
        at it or will.
        """
        deadline = self.clock() + timedelta(seconds=seconds)
        if not self._may_work():
            return None
        if not self.run.lease(self.holder, seconds=conf.LEASE_SECONDS, now=self.clock()):
            return None
        self._look_again()
        wake_at = None
        try:
            wake_at = self._go_on(deadline)
        finally:
            is_mine = self.run.release(self.holder, wake_at=wake_at)
        return wake_at if is_mine else None

    def _may_work(self) -> bool:
        if not self.connection.is_enabled or self.connection.paused_at is not None:
            return False
        if not self.is_bound_here():
            return False
        if not self.connection.environment:
            self.connection.bind()
        return True

    def _look_again(self) -> None:
        """Somebody may have paused it; the connection is looked after apart from it."""
        self.run.refresh_from_db()
        self.run.connection = self.connection

    def _go_on(self, deadline: datetime) -> datetime | None:
        try:
            route = self.run.route
            destination = registry.destination(self.connection, order_route=route)
        except DecryptionError as error:
            self._pause_connection(str(error))
            return None
        with closing(destination), reading.long_walk(registry.shop()), heap_at_rest():
            while self._is_open():
                wake_at = self._turn(destination)
                self.after_page(self.run)
                if not self.run.is_working or wake_at is not None:
                    return wake_at if self.run.is_working else None
                if self.clock() >= deadline:
                    return self.clock()
        return None

    def _turn(self, destination: Destination) -> datetime | None:
        """Live traffic first, then one page. Returns when to come back if that is not now."""
        self._serve_live_traffic()
        now = self.clock()
        if waits_for_contacts(self.run):
            return now + LONGEST_REST
        lane, _new = Lane.objects.get_or_create(connection=self.connection, kind=self.run.kind)
        if lane.is_paused(now):
            return min(lane.paused_until or now, now + LONGEST_REST)
        if not self._lease(lane):
            return now + BUSY_LANE
        try:
            return self._hold(destination, lane)
        except LostLease:
            logger.warning("lane %s went to another worker", lane)
            return now + BUSY_LANE
        finally:
            self._release()

    def _serve_live_traffic(self) -> None:
        if OutboxMessage.objects.filter(connection=self.connection).due(self.clock()).exists():
            Relay(self.connection, clock=self.clock).run(seconds=LIVE_SECONDS)

    def _hold(self, destination: Destination, lane: Lane) -> datetime | None:
        """What is done with the lane in hand."""
        self._resolve_imports(destination, lane)
        self._look_again()
        if not self.run.page and not self.run.is_read:
            self._read_page(destination)
        if not self.run.page and self.run.is_read:
            return self._finish()
        if self.run.state == State.RUNNING and not lane.is_paused(self.clock()):
            self._send_page(destination, lane)
        rest, self.rest_until = self.rest_until, None
        return rest

    def _read_page(self, destination: Destination) -> None:
        """Note the next page before anything of it is sent.

        Whatever the shop raises pauses the run: a page that cannot be read must never pass for the
        end of the history.
        """
        run, limit = self.run, destination.batch_sizes.get(self.run.of_kind(), 1000)
        try:
            with transaction.atomic():
                keys, cursor = next_page(run, limit)
        except (ConfigurationError, RecordError) as error:  # both are written for people
            logger.error("a page of import %s cannot be read: %s", run.pk, error)
            run.change(*WORKING, to=State.PAUSED, detail=str(error))
            return
        except Exception as error:  # a database error, a defect of the shop's adapter
            logger.exception("a page of import %s cannot be read", run.pk)
            detail = _(
                "The shop could not be read (%(error)s); the log has the details. Nothing is "
                "lost: resume when it is mended."
            ) % {"error": type(error).__name__}
            run.change(*WORKING, to=State.PAUSED, detail=detail)
            return
        run.page, run.cursor, run.is_read = keys, cursor, not cursor
        run.page_size, run.page_refused, run.tries = len(keys), 0, 0
        self._save("page", "cursor", "is_read", "page_size", "page_refused", "tries")

    def _save(self, *names: str) -> None:
        values = {name: getattr(self.run, name) for name in names}
        if not Backfill.objects.filter(pk=self.run.pk, holder=self.holder).update(**values):
            raise LostLease

    def _send_page(self, destination: Destination, lane: Lane) -> None:
        """Send the page, or as much of it as goes together after so many failures."""
        kind = self.run.of_kind()
        full = destination.batch_sizes.get(kind, 1000)
        keys = self.run.page[: backoff.chunk_size(full, self.run.tries)]
        rows = self._rows(kind, keys)
        importing = self._importing(kind, keys)
        self._settle(lane, [_left_to_live(kind, key) for key in keys if key in importing], rows)
        keys = [key for key in keys if key not in importing]
        prepared = prepare(self.connection, destination, registry.shop(), kind, keys)
        self._settle(lane, prepared.settled, rows)
        self._keep()
        mark_unknown(self.connection, kind, prepared)
        destination.before_call = self._keep
        for results in deliver(destination, prepared):
            self._settle(lane, results, rows, is_alone=len(keys) == 1)
            if self.run.state not in WORKING:
                return

    def _rows(self, kind: Kind, keys: Sequence[str]) -> Rows:
        """Changes of these records that wait or were set aside: they are settled with them."""
        mine = OutboxMessage.objects.of(self.connection, kind).filter(session="")
        return by_key(mine.filter(key__in=keys).order_by("pk")) if mine.exists() else {}

    def _importing(self, kind: Kind, keys: Sequence[str]) -> set[str]:
        waiting = self._waiting_imports(kind)
        if not waiting.exists():
            return set()
        return set(waiting.filter(key__in=keys).values_list("key", flat=True))

    def _keep(self) -> None:
        """What was kept a moment ago has minutes to run: nobody can have taken it."""
        if self.kept_at is not None and monotonic() - self.kept_at < KEPT_JUST_NOW:
            return
        super()._keep()
        mine = Backfill.objects.filter(pk=self.run.pk, holder=self.holder)
        until = self.clock() + timedelta(seconds=conf.LEASE_SECONDS)
        if not mine.update(leased_until=until):
            raise LostLease
        self.kept_at = monotonic()

    def _settle(
        self, lane: Lane, results: Sequence[Result], rows: Rows, *, is_alone: bool = False
    ) -> None:
        """Settle what is settled; the rest of the page goes again.

        A record that fails all alone, while others go through, is left to live traffic, which
        tries it for days, and the run goes on. In an outage nobody is: the page waits.
        """
        if not results:
            return
        self._keep()
        is_culprit = is_alone and (
            not lane.failures or len(self.run.page) == 1 or self.run.tries >= LAST_TRIES
        )
        receipts = [result.receipt for result in results]
        stays = [one for one in receipts if _stays_on_page(one, is_culprit=is_culprit)]
        kept = {receipt.key for receipt in stays}
        settled = [result for result in results if result.receipt.key not in kept]
        is_suspect = any(receipt.is_counted for receipt in stays)
        settle(
            self.connection, self.run.of_kind(), settled, rows, now=self.clock(),
            backfill=self.run,
            also=lambda: self._note(
                [one.receipt for one in settled], is_suspect=is_suspect, is_alone=is_alone
            ),
        )  # fmt: skip
        self._log(lane, receipts)
        self._pace(lane, receipts)
        for receipt in stays:
            self._rest(timedelta(seconds=max(receipt.retry_after, BUSY_LANE.total_seconds())))

    def _note(self, receipts: Sequence[Receipt], *, is_suspect: bool, is_alone: bool) -> None:
        """Count records and take them off the page. In the transaction that settles them."""
        run = Backfill.objects.select_for_update().get(pk=self.run.pk)
        if run.holder != self.holder:
            raise LostLease
        ledger.enter(run, receipts)
        gone = {receipt.key for receipt in receipts}
        run.page = [key for key in run.page if key not in gone]
        if is_suspect and is_alone:  # if the next one goes through, it was this record
            run.page = [*run.page[1:2], *run.page[:1], *run.page[2:]]
        run.page_refused += sum(one.outcome is Outcome.REJECTED for one in receipts)
        run.tries = run.tries + 1 if is_suspect else max(run.tries - 1, 0)
        run.save(
            update_fields=["counts", "skips", "refusals", "page", "page_refused", "tries"]
        )  # and nothing else: a person may just have paused it
        if run.state in WORKING and (run.page or not run.is_read):
            stop_loss.check(run, refused=run.page_refused, of=run.page_size)
        run.connection = self.connection
        self.run = run

    def _rest(self, span: timedelta) -> None:
        until = self.clock() + min(span, LONGEST_REST)
        self.rest_until = max(self.rest_until or until, until)

    def _finish(self) -> datetime | None:
        """All is sent: wait for the imports, then it is over."""
        run, now = self.run, self.clock()
        imports = self._waiting_imports(run.of_kind()).filter(backfill=run)
        polls = list(imports.order_by("poll_at").values_list("poll_at", flat=True)[:1])
        if polls:
            run.change(State.RUNNING, to=State.SETTLING)
            return min(max(polls[0] or now, now + BUSY_LANE), now + LONGEST_REST)
        if run.counts.get(ledger.ACCEPTED):
            detail = _(
                "%(destination)s's answer to some imports was given up, as when the account was "
                "replaced. Restart the import: what arrived is not sent again."
            ) % {"destination": registry.destination_label(self.connection.destination)}
            run.change(*WORKING, to=State.PAUSED, detail=detail)
            return None
        if run.change(*WORKING, to=State.FINISHED, total=run.done, detail=""):
            logger.info("import %s of %s finished", run.pk, run)
        return None


def _stays_on_page(receipt: Receipt, *, is_culprit: bool) -> bool:
    if receipt.outcome is not Outcome.DEFERRED or receipt.reason is Reason.IMPORTING:
        return False
    return not (is_culprit and receipt.is_counted)


def _left_to_live(kind: Kind, key: str) -> Result:
    """A change of this record is being imported right now: ours would race with it."""
    return Result(Receipt(kind=kind, key=key, outcome=Outcome.DEFERRED, reason=Reason.IMPORTING))
