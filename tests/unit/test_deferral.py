"""Why a record has to wait, and whether that counts as a try of it."""

from __future__ import annotations

import pytest

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.destinations.deferral import deferral_reason, deferred
from esputnik_connector.destinations.throttle import ThrottledError
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.records import Kind, Outcome, Reason

ENVELOPE = Envelope(kind=Kind.ORDER, key="100001", payload={}, digest="d")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CredentialsError("no", status=401), Reason.KEY_REFUSED),
        (CredentialsError("no", status=403), Reason.KEY_REFUSED),
        (TemporaryError("slow down", status=429), Reason.BUSY),
        (ThrottledError("our own pace"), Reason.BUSY),
        (TemporaryError("down", status=503), Reason.UNREACHABLE),
        (TemporaryError("no connection"), Reason.UNREACHABLE),
        (RejectedError("odd", status=400), Reason.UNREACHABLE),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else type(value).__name__,
)
def test_the_reason_says_what_is_to_be_paused(error, reason):
    assert deferral_reason(error) is reason
    receipt = deferred(ENVELOPE, error, was_tried=True)
    assert (receipt.kind, receipt.key) == (Kind.ORDER, "100001")
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, reason)
    assert (receipt.detail, receipt.status) == (str(error), error.status)


@pytest.mark.parametrize("was_received", [True, False])
@pytest.mark.parametrize("was_tried", [True, False])
def test_a_try_counts_only_when_the_destination_may_have_seen_this_record(was_tried, was_received):
    error = TemporaryError("no answer", was_received=was_received)
    receipt = deferred(ENVELOPE, error, was_tried=was_tried)
    assert receipt.is_counted is (was_tried and was_received)


def test_a_refused_key_is_no_try_of_any_record():
    assert not deferred(ENVELOPE, CredentialsError("no", status=401), was_tried=True).is_counted


def test_the_wait_that_was_asked_for_is_kept_and_a_senseless_one_is_not():
    asked = TemporaryError("wait", status=429, retry_after=90)
    assert deferred(ENVELOPE, asked, was_tried=True).retry_after == 90
    for senseless in (float("nan"), float("inf"), -5):
        odd = TemporaryError("wait", status=429, retry_after=senseless)
        assert deferred(ENVELOPE, odd, was_tried=True).retry_after == 0
