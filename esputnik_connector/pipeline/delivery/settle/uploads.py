"""Uploads: the destination accepted contacts in one session, and works on them. Ask what came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger
from typing import NamedTuple

from django.db import transaction
from django.db.models import Min, QuerySet

from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import (
    CredentialsError,
    RejectedError,
    TemporaryError,
    without_message,
)
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import (
    Backfill,
    Connection,
    Lane,
    LostUpload,
    OutboxMessage,
    SyncState,
)
from esputnik_connector.models.clock import has_come
from esputnik_connector.pipeline.delivery.lane import LaneLease
from esputnik_connector.pipeline.delivery.pace import backoff
from esputnik_connector.pipeline.delivery.pace.rest import Pacer
from esputnik_connector.pipeline.delivery.prepare.dispatch import Result
from esputnik_connector.pipeline.erasure.erase_again import (
    LONGEST_LOST_UPLOAD,
    erase_again,
    erase_guests,
)
from esputnik_connector.records import Kind, Outcome, Reason

from .beside import Asks, Beside, NotAnswered
from .in_flight import LONGEST_UPLOAD, follow, send_again
from .notify import notify
from .outbox_rows import Rows, by_key, outcome_of_history, settle_rows, with_rows_where_needed

logger = getLogger(__name__)

MOST_UNANSWERED = 3  # polls without an answer in one run: each takes as long as a request may


class Uploading(NamedTuple):
    """What is known of one record while an upload works on it."""

    key: str
    locators: Mapping[str, str]
    backfill_id: int | None  # of the historical import that waits for it


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One session of the destination, and the records that it still works on."""

    kind: Kind
    session: str
    since: datetime  # when it was accepted
    records: Sequence[Uploading]

    @property
    def keys(self) -> list[str]:
        return [record.key for record in self.records]


class UploadPoller:
    """Asks about the uploads of one connection that are due to be asked about."""

    def __init__(self, connection: Connection, pacer: Pacer, clock: Callable[[], datetime]) -> None:
        self.connection = connection
        self.beside: Beside | None = None  # where it is set, nobody waits for answers
        self._pacer = pacer
        self._clock = clock
        self._unanswered = 0

    @property
    def is_asking(self) -> bool:
        """Is an answer awaited?"""
        return self.beside is not None and self.beside.is_asking

    def waiting(self, kind: Kind) -> QuerySet[SyncState]:
        """Records of this kind that an upload still works on."""
        return SyncState.objects.uploading().filter(connection=self.connection, kind=kind.value)

    def due(self, kind: Kind) -> QuerySet[SyncState]:
        """Those whose upload is to be asked about now; none more after many vain questions."""
        if self._unanswered >= MOST_UNANSWERED:
            return SyncState.objects.none()
        return self.waiting(kind).filter(has_come("poll_at", self._clock()))

    def lost_due(self, kind: Kind) -> QuerySet[LostUpload]:
        """Lost uploads that are to be asked about now."""
        if self._unanswered >= MOST_UNANSWERED:
            return LostUpload.objects.none()
        lost = LostUpload.objects.filter(connection=self.connection, kind=kind.value)
        return lost.filter(has_come("poll_at", self._clock()))

    def poll(
        self,
        destination: Destination,
        lane: Lane,
        lease: LaneLease,
        *,
        most: int | None = None,
        within: timedelta | None = None,
    ) -> Iterator[Sequence[Receipt]]:
        """Ask about each upload that is due, and settle it; what was answered, by session.

        :param most: about how many, those first that have waited longest; ``None`` for all.
        :param within: after that long, no other one.
        :raises LostLease: another worker has the lane.
        """
        kind, asked, begun = Kind(lane.kind), 0, self._clock()
        try:
            for session, since in self._sessions_due(kind, most):
                upload = self._upload(kind, session, since)
                if upload.records:
                    yield self._poll_one(destination, lease, upload)
                asked += 1
                is_late = within is not None and self._clock() - begun > within
                if is_late or self._unanswered >= MOST_UNANSWERED:
                    return
            left = None if most is None else max(0, most - asked)
            for lost in self.lost_due(kind).order_by("poll_at", "pk")[:left]:
                self._poll_lost(destination, lease, lost)
                yield ()
        except NotAnswered:
            return
        except CredentialsError as error:
            self._pacer.pause_connection(str(error))
        except TemporaryError as error:  # so is everything else that this lane would send
            self._pacer.pause_lane(lane, str(error), error.retry_after)

    def _sessions_due(self, kind: Kind, most: int | None) -> list[tuple[str, datetime]]:
        """Names, and since when each is worked on."""
        waiting = self.due(kind).order_by().values("session")
        waiting = waiting.annotate(first=Min("poll_at"), since=Min("session_since"))
        found = waiting.order_by("first", "session").values_list("session", "since")[:most]
        return [(session, since or self._clock()) for session, since in found]

    def _upload(self, kind: Kind, session: str, since: datetime) -> Upload:
        mine = self.waiting(kind).filter(session=session).order_by("pk")
        rows = mine.values_list(*Uploading._fields)
        records = [Uploading(*row) for row in rows]
        return Upload(kind=kind, session=session, since=since, records=records)

    def _poll_one(
        self, destination: Destination, lease: LaneLease, upload: Upload
    ) -> Sequence[Receipt]:
        """An upload that does not end in time is given up, and followed from then on."""
        lease.keep_if_due()
        keys, kind = upload.keys, upload.kind
        locators = {record.key: record.locators for record in upload.records}
        answered = {one.key: one for one in self._ask(destination, upload.session, keys, locators)}
        now = self._clock()
        receipts = [answered.get(key) or _still_uploading(kind, key) for key in keys]
        is_old = _is_over(upload.since, LONGEST_UPLOAD, now)
        is_given_up = is_old and all(one.reason is Reason.UPLOADING for one in receipts)
        if is_given_up:
            words = _("the upload did not end in time")
            receipts = [_failed(kind, key, words) for key in keys]
        lease.keep_if_due()
        with transaction.atomic():
            settle_upload(self.connection, upload, receipts, now=now)
            if is_given_up:
                follow(self.connection, kind, upload.session, keys, now=now)
        return receipts

    def _poll_lost(self, destination: Destination, lease: LaneLease, lost: LostUpload) -> None:
        """When it ended after all, or was asked about for a day, its records go again. One without
        a name cannot be asked about, and is over by now."""
        lease.keep()
        kind, now = Kind(lost.kind), self._clock()
        receipts = self._ask(destination, lost.session, lost.keys, {}) if lost.session else []
        is_over = any(receipt.reason is not Reason.UPLOADING for receipt in receipts)
        is_over = is_over or not lost.session
        lease.keep()
        if is_over or _is_over(lost.lost_at, LONGEST_LOST_UPLOAD, now):
            with transaction.atomic():
                deleted = erase_again(self.connection, lost.keys, now=now)
                left = [key for key in lost.keys if key not in deleted]
                send_again(self.connection, kind, left, now=now)
                lost.delete()
            return
        lost.poll_at = backoff.lost_poll_due(lost.lost_at, now=now)
        lost.save(update_fields=["poll_at"])

    def _ask(
        self,
        destination: Destination,
        session: str,
        keys: Sequence[str],
        locators: Mapping[str, Mapping[str, str]],
    ) -> Sequence[Receipt]:
        """What the destination says of one session; nothing when it gave no answer that can be
        used. Then this session is asked about later, and live changes go on meanwhile.

        :raises CredentialsError, NotAnswered: the key was refused; the answer is awaited.
        :raises TemporaryError: the destination is not to be asked anything now.
        """
        asks: Asks = self.beside or destination
        try:
            receipts = asks.resolve(session, keys, locators=locators)
        except (CredentialsError, NotAnswered):
            raise
        except TemporaryError as error:
            if not error.was_received:  # no connection, or asked to wait
                raise
            logger.warning("upload %s: no answer (%s)", session, error)
            receipts = []
        except RejectedError as error:
            receipts = [_failed(Kind.CONTACT, key, str(error)) for key in keys]
        except Exception as error:  # a defect of the destination's must not stop the lane
            logger.error("upload %s cannot be asked about: %s", session, without_message(error))
            receipts = []
        self._unanswered += not receipts
        return receipts


def _is_over(since: datetime, longest: timedelta, now: datetime) -> bool:
    """Did it last that long? Or began, by a worker's wrong clock, as long after now."""
    return abs(now - since) > longest


def _still_uploading(kind: Kind, key: str) -> Receipt:
    return Receipt(kind=kind, key=key, outcome=Outcome.DEFERRED, reason=Reason.UPLOADING)


def _failed(kind: Kind, key: str, words: str) -> Receipt:
    return Receipt(
        kind=kind,
        key=key,
        outcome=Outcome.DEFERRED,
        reason=Reason.UPLOAD_FAILED,
        detail=words,
        is_counted=True,
    )


def settle_upload(
    connection: Connection, upload: Upload, receipts: Sequence[Receipt], *, now: datetime
) -> None:
    """Write what became of an upload.

    What is still being worked on is asked about again later. A record whose upload failed goes back
    in line; one that was refused is set aside. An upload that was given up meanwhile, as when the
    account was replaced, is over already.
    """
    session = {"connection_id": connection.pk, "kind": upload.kind.value, "session": upload.session}
    over = [one for one in receipts if one.reason is not Reason.UPLOADING]
    stored = {one.key: one.remote_id for one in over if one.outcome is Outcome.DELIVERED}
    failed = [one.key for one in over if one.key not in stored]
    with transaction.atomic(savepoint=False):
        ended = SyncState.objects.end_upload(session, stored, failed, now=now)
        if len(over) < len(upload.records):
            open_still = SyncState.objects.filter(**session)
            open_still.update(poll_at=backoff.poll_due(upload.since, now=now))
        live, history = _by_run(upload, over, ended)
        for backfill_id, results in history.items():
            run = Backfill.objects.select_for_update().filter(pk=backfill_id).first()
            if run is not None:
                run.count_uploaded([result.receipt for result in results])
        old = [result for results in history.values() for result in results]
        every = [*live, *old]
        rows: Rows = by_key(OutboxMessage.objects.filter(**session).order_by("pk"))
        rows = with_rows_where_needed(connection, [one.receipt for one in every], rows)
        attempts = [*live, *outcome_of_history(old)]
        settle_rows(connection, every, rows, now, attempts=attempts)
        erase_guests(connection, _emails(upload, stored.keys() & ended), now=now)
    notify(connection, every)


def _by_run(
    upload: Upload, over: Sequence[Receipt], ended: Collection[str]
) -> tuple[list[Result], Mapping[int, list[Result]]]:
    """What is over, live and by historical import."""
    runs = {record.key: record.backfill_id for record in upload.records}
    live: list[Result] = []
    history: defaultdict[int, list[Result]] = defaultdict(list)
    for receipt in over:
        if receipt.key in ended:
            run = runs[receipt.key]
            (live if run is None else history[run]).append(Result(receipt))
    return live, history


def _emails(upload: Upload, keys: Collection[str]) -> dict[str, str]:
    """Salted hash of an e-mail → the key of whoever was sent with it."""
    found = ((one.locators.get("email", ""), one.key) for one in upload.records if one.key in keys)
    return {email: key for email, key in found if email}
