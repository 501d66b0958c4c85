"""Send the calls of one delivery in turn, until they are over, refused or out of time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.destinations.deferral import deferred
from esputnik_connector.destinations.throttle import ThrottledError
from esputnik_connector.exceptions import (
    CredentialsError,
    DestinationError,
    RejectedError,
    TemporaryError,
)
from esputnik_connector.explanations import gettext as _

from . import receipts
from .calls import Call
from .client import EsputnikClient

CALLS_PER_DELIVERY = 100  # while halving; the rest waits, so that no delivery outlives its lease
DELIVERY_SECONDS = 60.0  # then what is settled is written down, and the rest goes next


def sent(
    calls: Iterable[Call],
    *,
    client: EsputnikClient,
    before_call: Callable[[], None],
    after_call: Callable[[Sequence[Receipt]], None],
    order: Sequence[str],
) -> list[Receipt]:
    """A receipt for each record of these calls, in the ``order`` of their keys.

    :param before_call: keeps the lane. :param after_call: settles what a call brought before the
        next one is made.
    :raises TemporaryError, CredentialsError, RejectedError: nothing was answered before.
    """
    found: dict[str, Receipt] = {}
    waiting = deque(calls)
    calls_left = max(CALLS_PER_DELIVERY, len(waiting))
    started = time.monotonic()
    while waiting:
        if found and time.monotonic() - started > DELIVERY_SECONDS:
            _collect(found, _postponed(waiting, _out_of_time()))
            break
        if not calls_left:
            _collect(found, _postponed(waiting, _too_many_refusals()))
            break
        call = waiting.popleft()
        calls_left -= 1
        before_call()
        try:
            answered = call.send(client, call.envelopes)
        except RejectedError as error:
            waiting.extendleft(reversed(_after_refusal(call, error, found)))
        except (TemporaryError, CredentialsError) as error:
            if not found:
                raise
            tried = [deferred(one, error, was_tried=True) for one in call.envelopes]
            _collect(found, [*tried, *_postponed(waiting, error)])
            break
        else:
            _collect(found, answered)
            if waiting:
                after_call(answered)
    return [found[key] for key in order]


def _after_refusal(call: Call, error: RejectedError, found: dict[str, Receipt]) -> list[Call]:
    """What remains to be called after a refusal.

    :raises RejectedError: there is no receipt yet, so the caller can halve the batch.
    """
    if len(call.envelopes) == 1:
        _collect(found, [receipts.rejected(call.envelopes[0], error)])
        return []
    if not found:
        raise error
    return call.halves()


def _too_many_refusals() -> ThrottledError:
    return ThrottledError(_("Too many refusals at once; the rest comes next time"))


def _out_of_time() -> ThrottledError:
    return ThrottledError(_("A minute of slow answers: the rest goes next"))


def _postponed(calls: Iterable[Call], error: DestinationError) -> list[Receipt]:
    """Receipts for records whose turn did not come."""
    untouched = (envelope for call in calls for envelope in call.envelopes)
    return [deferred(envelope, error, was_tried=False) for envelope in untouched]


def _collect(found: dict[str, Receipt], more: Sequence[Receipt]) -> None:
    found.update((receipt.key, receipt) for receipt in more)
