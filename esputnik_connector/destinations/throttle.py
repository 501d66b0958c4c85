"""The pace of requests, shared by every worker that uses the same storage.

It asks rather than sleeps: waits up to ``max_wait`` happen in place, so that a batch of single
requests flows at its pace; anything longer is the caller's to postpone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from limits import RateLimitItem, parse_many
from limits.errors import ConfigurationError as LimitsConfigurationError
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from esputnik_connector.exceptions import ConfigurationError, TemporaryError
from esputnik_connector.explanations import gettext as _

logger = logging.getLogger(__name__)

MEMORY = "memory://"
STORAGE_TIMEOUT = 0.5  # seconds; a pace is not worth a longer wait
STORAGE_REST = 60.0  # seconds during which a storage that failed is not asked
SHORTEST_WAIT = 0.01  # seconds; the clock may round a slot down to now


class ThrottledError(TemporaryError):
    """Our own pace, not the destination's: nothing was sent. ``retry_after`` says when to come."""


class Throttle:
    """Hands out the slots of one account.

    :param storage: a ``limits`` storage URI; ``""`` keeps the pace in this process.
    :param wait, clock: handed in by tests.
    """

    def __init__(
        self,
        rate: str,
        *,
        key: str,
        storage: str = "",
        max_wait: float = 2.0,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = parsed_rate(rate)
        self._key = key
        self._max_wait = max_wait
        self._wait = wait
        self._clock = clock
        self._shared = limiter(storage or MEMORY)
        self._own = limiter(MEMORY)
        self._shared_again_at = 0.0

    def take(self) -> None:
        """Take a slot, waiting for it in place if it is near.

        :raises ThrottledError: the next slot is further away than ``max_wait``.
        """
        waited = 0.0
        while (seconds := self._seconds_to_slot()) > 0:
            if waited + seconds > self._max_wait:
                raise ThrottledError(_("Held back by our own pace"), retry_after=seconds)
            self._wait(seconds)
            waited += seconds

    def _seconds_to_slot(self) -> float:
        """0 when a slot was taken, else the seconds until the next one."""
        if self._clock() < self._shared_again_at:
            return _hit(self._own, self._rate, self._key)
        try:
            return _hit(self._shared, self._rate, self._key)
        except StorageError as error:
            # The text of the error may hold the storage's address and password.
            cause = type(error.__cause__ or error).__name__
            logger.warning(
                "The shared pace is not available (%s); each worker keeps its own", cause
            )
            self._shared_again_at = self._clock() + STORAGE_REST
            return _hit(self._own, self._rate, self._key)


def _hit(limiter: MovingWindowRateLimiter, rate: RateLimitItem, key: str) -> float:
    if limiter.hit(rate, key):
        return 0.0
    free_at = limiter.get_window_stats(rate, key).reset_time
    return max(free_at - time.time(), SHORTEST_WAIT)  # limits itself reads time.time()


def parsed_rate(rate: str) -> RateLimitItem:
    """:raises ConfigurationError: ``rate`` is not of the form ``5/second``, several of them, or one
    at which nothing would ever be sent."""
    try:
        (item,) = parse_many(rate)
        if item.amount <= 0:
            raise ValueError("no request at all")
    except (ValueError, TypeError) as error:
        message = _("The rate %(rate)r cannot be read. Write it like '5/second' or '100/minute'.")
        raise ConfigurationError(message % {"rate": rate}) from error
    return item


@lru_cache(maxsize=8)
def limiter(storage: str) -> MovingWindowRateLimiter:
    """The one limiter of a storage in this process, so that all its clients share a pace."""
    try:
        return MovingWindowRateLimiter(_storage(storage))
    except (LimitsConfigurationError, NotImplementedError, ImportError, ValueError) as error:
        scheme = storage.partition(":")[0]
        raise ConfigurationError(
            _(
                "RATE_LIMIT_STORAGE (%(scheme)s:…) cannot be used: %(error)s. Write a Redis "
                "address (redis://…) and install the 'redis' extra, or leave it empty."
            )
            % {"scheme": scheme, "error": type(error).__name__}
        ) from error


def _storage(uri: str) -> Storage:
    if not uri.startswith("redis"):
        return _sync(storage_from_string(uri, wrap_exceptions=True))
    return _sync(
        storage_from_string(
            uri,
            wrap_exceptions=True,
            socket_timeout=STORAGE_TIMEOUT,
            socket_connect_timeout=STORAGE_TIMEOUT,
            **_without_retries(),
        )
    )


def _without_retries() -> dict[str, Any]:
    """redis-py retries with growing pauses by itself: 10 s for a server that is gone."""
    # First and whole: while another thread imports it, limits takes the half for an old version.
    import redis  # noqa: F401
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {"retry": Retry(NoBackoff(), 0)}


def _sync(storage: object) -> Storage:
    if not isinstance(storage, Storage):
        raise ConfigurationError(_("RATE_LIMIT_STORAGE must not be an asynchronous storage."))
    return storage
