"""Receipts for records that have to wait: their turn did not come, or came to nothing."""

from __future__ import annotations

from http import HTTPStatus

from esputnik_connector.exceptions import CredentialsError, DestinationError, TemporaryError
from esputnik_connector.records import Outcome, Reason

from .throttle import ThrottledError
from .values import Envelope, Receipt


def deferral_reason(error: DestinationError) -> Reason:
    """Why a record has to wait after ``error``: the one word that tells what is to be paused."""
    if isinstance(error, CredentialsError):
        return Reason.KEY_REFUSED
    if error.status == HTTPStatus.TOO_MANY_REQUESTS or isinstance(error, ThrottledError):
        return Reason.BUSY
    return Reason.UNREACHABLE


def deferred(envelope: Envelope, error: DestinationError, *, was_tried: bool) -> Receipt:
    """A DEFERRED receipt that keeps what ``error`` says.

    It counts as a try when the destination may have seen the record, which may then be the cause.

    :param was_tried: the record was in the request that failed.
    """
    temporary = error if isinstance(error, TemporaryError) else None
    return Receipt(
        kind=envelope.kind,
        key=envelope.key,
        outcome=Outcome.DEFERRED,
        reason=deferral_reason(error),
        detail=str(error),
        status=error.status,
        retry_after=temporary.retry_after if temporary else 0,
        is_counted=was_tried and temporary is not None and temporary.was_received,
    )
