"""Ask the destination what it really holds of each delivered record, at its pace, and send again
what it lost or has otherwise.

A run saves its place after each page, so that it may be stopped anywhere and go on later. Nothing
is sent from here: what has to be sent is put in line, and what was delivered of it is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

from django.db import transaction
from django.utils import timezone

from esputnik_connector.destinations.base import Destination, Envelope, Remote
from esputnik_connector.destinations.throttle import ThrottledError
from esputnik_connector.exceptions import NotSupportedError, Skip, TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, Reconciliation, SyncState
from esputnik_connector.models.reconcile import REMOTE_STAGES, Stage, Verdict
from esputnik_connector.pipeline.delivery.prepare.dispatch import prepare
from esputnik_connector.pipeline.delivery.settle import in_flight
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind, Reason
from esputnik_connector.shops.base import ShopAdapter

from .compare import lines_of
from .run import Overtaken

PAGE = 20  # records of one page; what was asked about since the last one is asked about again
MOST_REFUSED = 5  # times that the destination asks us to wait for one record
LONGEST_REST = 60.0  # seconds before we ask again, whatever it said

Found = Callable[[str, str, Sequence[str]], None]  # key, verdict, names of fields that differ


def _nothing(_key: str, _verdict: str, _names: Sequence[str]) -> None:
    """No person watches the progress."""


class RemoteReconciler:
    """Moves one run on, page by page. One in the stage ``REPAIR`` sends again.

    :param with_absent: also what is not there any more. Whoever was erased there after the backup
        of a restored database would come back by it.
    :param on_found: is told of each record that is not there as the shop has it.
    """

    def __init__(
        self,
        run: Reconciliation,
        destination: Destination,
        shop: ShopAdapter,
        *,
        with_absent: bool = True,
        on_found: Found = _nothing,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.run = run
        self.connection: Connection = run.connection
        self.destination = destination
        self.shop = shop
        self._repaired = {Verdict.ALTERED.value}
        if with_absent:
            self._repaired.add(Verdict.ABSENT.value)
        self._on_found = on_found
        self._wait = wait

    def work(self) -> None:
        """Go on to the end.

        :raises NotSupportedError: the destination cannot be asked.
        :raises TemporaryError, CredentialsError: it could not be asked. What was found before is
            saved; a later call goes on there.
        :raises Overtaken: another process moves the same run on.
        """
        if not self.destination.supports_look_up or self.run.kind != Kind.CONTACT.value:
            text = _("%(destination)s cannot be asked what it holds of the kind “%(kind)s”.")
            told = {"destination": self.destination.label, "kind": self.run.get_kind_display()}
            raise NotSupportedError(text % told)
        while self.run.finished_at is None:
            with fresh_reads():
                self._page()

    def _page(self) -> None:
        states = SyncState.objects.filter(connection=self.connection, kind=self.run.kind)
        states = states.filter(pk__gt=int(self.run.cursor or 0), delivered_at__isnull=False)
        rows = list(states.order_by("pk").values_list("pk", "key")[:PAGE])
        keys = [key for _pk, key in rows]
        found, names = self._verdicts(keys) if keys else ({}, {})
        repaired = [key for key, verdict in found.items() if verdict in self._repaired]
        if self.run.stage != Stage.REPAIR.value:
            repaired = []
        before = self.run.cursor
        self.run.cursor = str(rows[-1][0]) if rows else before
        self.run.count(found.items())
        self.run.queued += len(repaired)
        self.run.finished_at = None if rows else timezone.now()
        with transaction.atomic():
            self._advance(before)
            in_flight.send_again(self.connection, Kind(self.run.kind), repaired, now=timezone.now())
        if repaired:
            wake(self.connection.pk)
        for key, verdict in found.items():
            if verdict in (Verdict.ABSENT.value, Verdict.ALTERED.value):
                self._on_found(key, verdict, names.get(key, ()))

    def _verdicts(self, keys: Sequence[str]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """Key → what is to be said of it, and the names of the fields that differ."""
        kind = Kind(self.run.kind)
        found = lines_of(self.connection, kind, keys)
        uploading = SyncState.objects.uploading().filter(
            connection=self.connection, kind=kind.value, key__in=keys
        )
        found |= dict.fromkeys(uploading.values_list("key", flat=True), Reason.UPLOADING.value)
        left = [key for key in keys if key not in found]
        prepared = prepare(
            self.connection, self.destination, self.shop, kind, left, with_unchanged=True
        )
        for result in prepared.settled:
            receipt = result.receipt
            found[receipt.key] = (receipt.reason or receipt.outcome).value
        names: dict[str, tuple[str, ...]] = {}
        for envelope in prepared.outgoing:
            found[envelope.key], names[envelope.key] = self._compared(envelope)
        return found, names

    def _compared(self, envelope: Envelope) -> tuple[str, tuple[str, ...]]:
        try:
            remote = self._asked(envelope)
        except Skip as skip:
            return skip.reason.value, ()
        if not remote.is_found:
            return Verdict.ABSENT.value, ()
        verdict = Verdict.ALTERED if remote.differing else Verdict.EQUAL
        return verdict.value, tuple(remote.differing)

    def _asked(self, envelope: Envelope) -> Remote:
        """What it holds, however long it asks us to wait in between."""
        for _again in range(MOST_REFUSED):
            try:
                return self.destination.look_up(envelope)
            except TemporaryError as error:
                is_busy = error.status == HTTPStatus.TOO_MANY_REQUESTS
                if not (is_busy or isinstance(error, ThrottledError)):
                    raise
                self._wait(min(max(error.retry_after, 1.0), LONGEST_REST))
        return self.destination.look_up(envelope)

    def _advance(self, before: str) -> None:
        run = self.run
        mine = Reconciliation.objects.unfinished().filter(pk=run.pk, stage=run.stage, cursor=before)
        names = ("cursor", "counts", "examples", "queued", "finished_at")
        if not mine.update(**{name: getattr(run, name) for name in names}):
            raise Overtaken


def remote_run(connection: Connection, kind: Kind, *, is_repairing: bool) -> Reconciliation:
    """The run of this kind that was not over when it was left, or a new one."""
    stage = Stage.REPAIR if is_repairing else Stage.REMOTE
    open_runs = Reconciliation.objects.unfinished().filter(connection=connection, kind=kind.value)
    found: Reconciliation | None = open_runs.filter(stage=stage.value).first()
    return found or Reconciliation.objects.create(
        connection=connection, kind=kind.value, stage=stage.value
    )


def abandon(connection: Connection, kinds: Iterable[Kind]) -> None:
    """Let the next run begin anew: what was found by those that were left is forgotten."""
    open_runs = Reconciliation.objects.unfinished().filter(
        connection=connection, kind__in=[kind.value for kind in kinds], stage__in=REMOTE_STAGES
    )
    open_runs.delete()
