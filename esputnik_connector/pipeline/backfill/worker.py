"""Work at a historical import: page by page, in the same lanes as live traffic.

A worker may die at any line: what is settled is counted and gone from the page in the transaction
that settles it, and the next worker begins with the rest of the page.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from logging import getLogger

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import Destination
from esputnik_connector.exceptions import DecryptionError, without_message
from esputnik_connector.explanations import gettext as _
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Backfill, Lane, OutboxMessage
from esputnik_connector.models.backfill import ACCEPTED, REFUSED, RETRYING, WORKING, State
from esputnik_connector.models.lease import Lease, LostLease
from esputnik_connector.pipeline.delivery.lane import (
    LaneLease,
    lane_of,
    leased,
    log_outcomes,
    new_holder,
)
from esputnik_connector.pipeline.delivery.pace.permit import Permit
from esputnik_connector.pipeline.delivery.pace.rest import Pacer, defect_in_words
from esputnik_connector.pipeline.delivery.prepare.load import is_database_gone
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.pipeline.delivery.sender import POLLS_BETWEEN_BATCHES
from esputnik_connector.pipeline.delivery.settle.uploads import UploadPoller
from esputnik_connector.shops import reading

from .control import waits_for_contacts
from .gc_freeze import gc_frozen
from .page import PageSender, refresh
from .slices import Slices

logger = getLogger(__name__)

LIVE_SECONDS = 10.0  # for live traffic between two pages; what is left comes after the next one
BUSY_LANE = timedelta(seconds=1)  # until we ask again for a lane that another worker has
TAKEN_LANE = 0.1  # seconds; the same, before we leave it to another run
LOOKS_AT_TAKEN = 50  # at the most: live traffic has the lane for seconds, and is soon done
LONGEST_REST = timedelta(seconds=60)  # between two looks at whatever a run waits for


def _nothing(_run: Backfill) -> None:
    """No terminal shows the progress."""


class BackfillWorker:
    """One worker at one run. Many may try at once; a run has one."""

    def __init__(
        self,
        run: Backfill,
        *,
        clock: Callable[[], datetime] = timezone.now,
        after_page: Callable[[Backfill], None] = _nothing,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.run = run
        self.connection = run.connection
        self.clock = clock
        self._after_page = after_page
        self._wait = wait
        self._looks_left = LOOKS_AT_TAKEN
        self._holder = new_holder()
        self._permit = Permit(run.connection)
        self._pacer = Pacer(run.connection, clock)
        self._uploads = UploadPoller(run.connection, self._pacer, clock)
        self._slices = Slices(clock, self._is_live_due)
        self._lane: Lane | None = None  # read again with each lease
        self._did_only_ask = False  # the last time: then it is the page's turn

    def work(self, *, seconds: float) -> datetime | None:
        """Go on for about that long.

        Returns when a worker should go on; ``None`` when none needs to, or when another one works
        at it or will.
        """
        deadline = self.clock() + timedelta(seconds=seconds)
        if not self._permit.is_given():
            return None
        if not self.connection.environment:
            self.connection.bind()
        lease = self.run.lease(
            self._holder, seconds=conf.LEASE_SECONDS, clock=self.clock, wake_at=None
        )
        if lease is None:
            return None
        refresh(self.run)
        wake_at = None
        try:
            wake_at = self._go_on(lease, deadline)
        finally:
            is_mine = lease.release(wake_at=wake_at)
        return wake_at if is_mine else None

    def _go_on(self, lease: Lease, deadline: datetime) -> datetime | None:
        try:
            destination = registry.destination(self.connection, order_route=self.run.route)
        except DecryptionError as error:
            self._pacer.pause_connection(str(error))
            return None
        with closing(destination), fresh_reads(), reading.long_walk(registry.shop()), gc_frozen():
            while self._permit.still_holds():
                wake_at = self._turn(destination, lease)
                self._after_page(self.run)
                if not self.run.is_working or wake_at is not None:
                    return wake_at if self.run.is_working else None
                if self.clock() >= deadline:
                    return self.clock()
        return None

    def _turn(self, destination: Destination, lease: Lease) -> datetime | None:
        """Live traffic first, then one page, or a part of one while live changes come. Returns when
        to come back if that is not now."""
        self._serve_live_traffic()
        now = self.clock()
        if waits_for_contacts(self.run):
            return now + LONGEST_REST
        lane = self._lane = self._lane or lane_of(self.connection, self.run.of_kind())
        if lane.is_paused(now):
            return self._after_pause(lane)
        try:
            with leased(lane, self._holder, clock=self.clock) as lane_lease:
                if lane_lease is None:
                    return self._wait_for_lane(lease)
                self._looks_left = LOOKS_AT_TAKEN
                if lane.is_paused(now):  # another worker was turned away since
                    return self._after_pause(lane)
                return self._page(destination, lane, lease, lane_lease)
        except LostLease:
            logger.warning("lane %s went to another worker", lane)
            return now + BUSY_LANE
        except Exception as error:  # a defect of ours: the run must not stay "running" for it
            if is_database_gone(error):
                raise
            logger.error("import %s cannot go on: %s", self.run.pk, without_message(error))
            self.run.change(*WORKING, to=State.PAUSED, detail=defect_in_words(error))
            return None

    def _after_pause(self, lane: Lane) -> datetime:
        now = self.clock()
        return min(lane.paused_until or now, now + LONGEST_REST)

    def _wait_for_lane(self, lease: Lease) -> datetime | None:
        """Another worker has it: wait here for a moment, since to come back takes a message."""
        if not self._looks_left:
            return self.clock() + BUSY_LANE
        self._looks_left -= 1
        self._slices.live_came()
        lease.keep_if_due()
        self._wait(TAKEN_LANE)
        return None

    def _is_live_due(self) -> bool:
        now = self.clock()
        resting = Lane.objects.resting(now).filter(connection=self.connection).values("kind")
        due = OutboxMessage.objects.filter(connection=self.connection).due(now)
        return due.exclude(kind__in=resting).exists()

    def _serve_live_traffic(self) -> None:
        if self._is_live_due():
            self._slices.live_came()
            Relay(self.connection, clock=self.clock).run(seconds=LIVE_SECONDS)

    def _page(
        self, destination: Destination, lane: Lane, run_lease: Lease, lane_lease: LaneLease
    ) -> datetime | None:
        """Ask about uploads, then send one page, or end the run; when to come back, if later."""
        run, joined = self.run, lane_lease.joined(run_lease)
        has_asked = self._ask_about_uploads(destination, lane, joined)
        refresh(run)
        if has_asked and self._slices.are_short:
            return None
        sender = PageSender(
            run,
            lane,
            destination,
            run_lease=run_lease,
            lane_lease=lane_lease,
            pacer=self._pacer,
            uploads=self._uploads,
            clock=self.clock,
        )
        if not run.page and not run.is_read:
            sender.read()
        if not run.page and run.is_read:
            return self._finish()
        if run.state == State.RUNNING and not lane.is_paused(self.clock()):
            most = self._slices.most(len(run.page))
            with self._slices.measured(most):
                sender.send(most, is_over=self._slices.is_over)
        return self.clock() + min(sender.rest, LONGEST_REST) if sender.rest else None

    def _ask_about_uploads(self, destination: Destination, lane: Lane, lease: LaneLease) -> bool:
        """Whether that was enough for this time, while live changes wait for the lane."""
        has_more = bool(self.run.page) or not self.run.is_read
        most = POLLS_BETWEEN_BATCHES if has_more else None
        if self._slices.are_short:
            most = 0 if self._did_only_ask and has_more else 1
        asked = 0
        for receipts in self._uploads.poll(destination, lane, lease, most=most):
            log_outcomes(lane, receipts)
            asked += 1
        self._did_only_ask = bool(asked)
        return bool(asked)

    def _finish(self) -> datetime | None:
        """All is sent: wait for the uploads, then it is over."""
        run, now = self.run, self.clock()
        uploads = self._uploads.waiting(run.of_kind()).filter(backfill=run)
        polls = list(uploads.order_by("poll_at").values_list("poll_at", flat=True)[:1])
        if polls:
            run.change(State.RUNNING, to=State.AWAITING_UPLOADS)
            return min(max(polls[0] or now, now + BUSY_LANE), now + LONGEST_REST)
        if run.counts.get(ACCEPTED):
            detail = _(
                "%(destination)s's answer to some uploads was given up, as when the account was "
                "replaced. Restart the import: what arrived is not sent again."
            ) % {"destination": registry.destination_label(self.connection.destination)}
            run.change(*WORKING, to=State.PAUSED, detail=detail)
            return None
        if run.change(*WORKING, to=State.FINISHED, total=run.done, detail=self._what_is_left()):
            logger.info("import %s of %s finished", run.pk, run)
        return None

    def _what_is_left(self) -> str:
        """What a finished run says of the records that did not arrive, in the destination's
        words."""
        counts = self.run.counts
        if not counts.get(REFUSED) and not counts.get(RETRYING):
            return ""
        rows = OutboxMessage.objects.of(self.connection, self.run.of_kind()).exclude(detail="")
        words = rows.order_by("-pk").values_list("detail", flat=True).first()
        if not words:
            return ""
        return _(
            "Not everything has arrived: %(refused)d refused, %(retrying)d tried again by "
            "themselves. %(destination)s says: %(words)s"
        ) % {
            "destination": registry.destination_label(self.connection.destination),
            "refused": counts.get(REFUSED, 0),
            "retrying": counts.get(RETRYING, 0),
            "words": words,
        }
