"""When to try again. Pure: the clock and the randomness are handed in."""

from __future__ import annotations

from datetime import datetime, timedelta

from esputnik_connector.destinations.responses import RETRY_AFTER_LIMIT

FIRST_RECORD_WAIT = 30.0  # seconds; doubles with every try
LONGEST_RECORD_WAIT = 6 * 3600.0  # so that 72 hours hold more than a dozen tries
FIRST_LANE_WAIT = 5.0
LONGEST_LANE_WAIT = 15 * 60.0  # a destination that is back should not wait longer than this
FIRST_POLL_WAIT = 1.0
LONGEST_POLL_WAIT = 60.0
FIRST_LOST_POLL_WAIT = 60.0
LONGEST_LOST_POLL_WAIT = 3600.0
LONGEST_ASKED_WAIT = RETRY_AFTER_LIMIT  # seconds; whatever a destination asks for


def believed(retry_after: float) -> timedelta:
    """A wait that the destination asked for, in seconds, as far as it makes sense."""
    return timedelta(seconds=min(max(retry_after, 0.0), LONGEST_ASKED_WAIT))


def _wait(first: float, longest: float, times: int, jitter: float, retry_after: float) -> timedelta:
    doubled = min(first * 2 ** min(times, 30), longest)
    return max(timedelta(seconds=doubled * (0.5 + jitter / 2)), believed(retry_after))


def record_due(attempts: int, *, now: datetime, jitter: float, retry_after: float = 0) -> datetime:
    """When a record that failed ``attempts`` times is due again. ``jitter`` is in [0, 1)."""
    return now + _wait(FIRST_RECORD_WAIT, LONGEST_RECORD_WAIT, attempts, jitter, retry_after)


def lane_due(failures: int, *, now: datetime, jitter: float, retry_after: float = 0) -> datetime:
    """Until when a lane rests after ``failures`` failures in a row."""
    return now + _wait(FIRST_LANE_WAIT, LONGEST_LANE_WAIT, failures, jitter, retry_after)


def poll_due(since: datetime, *, now: datetime) -> datetime:
    """When to ask again about an import that was accepted at ``since``: ever more patiently."""
    age = (now - since).total_seconds()
    return now + timedelta(seconds=min(max(FIRST_POLL_WAIT, age / 2), LONGEST_POLL_WAIT))


def lost_poll_due(since: datetime, *, now: datetime) -> datetime:
    """When to ask again about an upload that was lost at ``since``."""
    age = (now - since).total_seconds()
    seconds = min(max(FIRST_LOST_POLL_WAIT, age / 2), LONGEST_LOST_POLL_WAIT)
    return now + timedelta(seconds=seconds)


def chunk_size(full: int, attempts: int) -> int:
    """How many records go together after ``attempts`` failures: the culprit ends up alone."""
    return max(1, full >> (2 * max(0, attempts - 1)))
