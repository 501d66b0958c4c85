"""Envelopes → receipts: send a prepared batch, and hand on each result as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from logging import getLogger

from esputnik_connector import registry
from esputnik_connector.destinations.base import Destination, Envelope, Receipt
from esputnik_connector.destinations.deferral import deferred
from esputnik_connector.exceptions import (
    CredentialsError,
    RejectedError,
    TemporaryError,
    without_message,
)
from esputnik_connector.explanations import gettext as _
from esputnik_connector.halving import Halving
from esputnik_connector.models import Connection
from esputnik_connector.models.lease import LostLease
from esputnik_connector.records import Outcome, Reason

from .prepare.dispatch import Prepared, Result

logger = getLogger(__name__)


# Of a batch that goes one request after another; what is left goes when others had their turn.
LONGEST_TURN = timedelta(seconds=2)


def never() -> bool:
    """Nobody else waits."""
    return False


def long_turn(clock: Callable[[], datetime]) -> Callable[[], bool]:
    """Says whether one that begins now has had its time."""
    ends_at = clock() + LONGEST_TURN
    return lambda: clock() >= ends_at


class Stop(Exception):
    """Nothing more of the batch is to be sent now: a person has paused or ended the run, or others
    have waited for long enough."""


def deliver(
    destination: Destination,
    prepared: Prepared,
    settle: Callable[[list[Result]], None],
    *,
    is_over: Callable[[], bool] = never,
) -> None:
    """Send what goes out, halving a refused batch until the culprit stands alone.

    After a temporary failure the rest is deferred without a call.

    :param settle: called with the results of each call as soon as they are there, one per envelope
        over all. What it raises passes through, but for :class:`Stop`.
    :param is_over: asked when some of it is settled whether the rest had better go later.
    :raises LostLease: the destination's ``before_call`` found the lane with another worker.
    """
    landing = _Landing(prepared, settle, is_over)
    destination.after_call = landing.early
    parts = Halving(prepared.outgoing)
    try:
        for part in parts:
            _deliver_part(destination, landing, parts, part)
    except Stop:
        return


@contextmanager
def by_route(connection: Connection, usual: Destination, route: str) -> Iterator[Destination]:
    """What a historical import left behind stays as quiet as it was.

    :param route: of orders; ``""`` for what goes by the connection's own.
    """
    if not route:
        yield usual
        return
    with closing(registry.destination(connection, order_route=route)) as quiet:
        yield quiet


class _Landing:
    """Hands results on to be settled, each once: some come before a ``deliver`` is over."""

    def __init__(
        self,
        prepared: Prepared,
        settle: Callable[[list[Result]], None],
        is_over: Callable[[], bool],
    ) -> None:
        self._aloft = {envelope.key: envelope for envelope in prepared.outgoing}
        self._prepared = prepared
        self._settle = settle
        self._is_over = is_over
        self.has_failed = False

    def left(self, part: Sequence[Envelope]) -> list[Envelope]:
        return [envelope for envelope in part if envelope.key in self._aloft]

    def early(self, receipts: Sequence[Receipt]) -> None:
        known = [receipt for receipt in receipts if receipt.key in self._aloft]
        self.settle(_matched([self._aloft[receipt.key] for receipt in known], known))

    def settle(self, pairs: Sequence[tuple[Envelope, Receipt]]) -> None:
        if not pairs:
            return
        try:
            self._settle([self._prepared.result(*pair) for pair in pairs])
        except Exception:  # no fault of the destination's, in whose code it may surface
            self.has_failed = True
            raise
        for envelope, _receipt in pairs:
            del self._aloft[envelope.key]
        if self._aloft and self._is_over():
            raise Stop


def _deliver_part(
    destination: Destination,
    landing: _Landing,
    parts: Halving[Envelope],
    part: Sequence[Envelope],
) -> None:
    try:
        receipts = destination.deliver(part)
    except RejectedError as error:
        left = landing.left(part)
        if left and not parts.halve(left):
            landing.settle([(left[0], _refused(left[0], error))])
    except (TemporaryError, CredentialsError) as error:
        landing.settle(_deferred(landing.left(part), parts.rest(), error))
    except (LostLease, Stop):
        raise
    except Exception as error:  # a defect of ours must not hold back the lane for ever
        if landing.has_failed:
            raise
        kind, cause = part[0].kind.value, without_message(error)
        logger.error("a delivery of %d %s failed: %s", len(part), kind, cause)
        crash = TemporaryError(type(error).__name__, was_received=True)
        landing.settle(_deferred(landing.left(part), parts.rest(), crash))
    else:
        landing.settle(_matched(landing.left(part), receipts))


def _matched(
    chunk: Sequence[Envelope], receipts: Sequence[Receipt]
) -> list[tuple[Envelope, Receipt]]:
    by_key = {receipt.key: receipt for receipt in receipts}
    return [(envelope, _usable(envelope, by_key.get(envelope.key))) for envelope in chunk]


def _usable(envelope: Envelope, receipt: Receipt | None) -> Receipt:
    """The receipt that a destination gave, or what stands for one that cannot be used."""
    if receipt is None:
        logger.error("no receipt for %s %s", envelope.kind.value, envelope.key)
        silence = TemporaryError(_("the destination gave no receipt"), was_received=True)
        return deferred(envelope, silence, was_tried=True)
    if receipt.outcome is Outcome.ACCEPTED and not receipt.session:
        return replace(
            receipt,
            outcome=Outcome.DEFERRED,
            reason=Reason.UPLOAD_FAILED,
            detail=_("the answer names no upload that could be asked about"),
            is_counted=True,
        )
    return receipt


def _deferred(
    failed: Sequence[Envelope],
    untouched: Sequence[Envelope],
    error: TemporaryError | CredentialsError,
) -> list[tuple[Envelope, Receipt]]:
    """What stands for a call that failed as a whole, and for calls that are not made because of
    it."""
    return [
        *((envelope, deferred(envelope, error, was_tried=True)) for envelope in failed),
        *((envelope, deferred(envelope, error, was_tried=False)) for envelope in untouched),
    ]


def _refused(envelope: Envelope, error: RejectedError) -> Receipt:
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.REJECTED,
        reason=Reason.REFUSED,
        detail=str(error),
        status=error.status,
    )
