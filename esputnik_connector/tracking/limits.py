"""How often one visitor may do something, counted in Django's cache.

Nobody is named there: what is counted stands under a keyed hash. A cache that is away limits
nobody; whoever fills in a form must not pay for it.
"""

from __future__ import annotations

import time
from logging import getLogger

from django.core.cache import cache
from django.utils.crypto import salted_hmac

HOUR = 3600
SALT = "esputnik_connector.limits"

logger = getLogger(__name__)


def is_over(what: str, who: str, *, most: int, seconds: int = HOUR) -> bool:
    """Count one more; has ``who`` done ``what`` more than ``most`` times in this stretch of time?

    :param most: 0 stands for no limit.
    """
    if not most:
        return False
    stretch = int(time.time()) // seconds
    key = salted_hmac(SALT, f"{what}:{stretch}:{who}", algorithm="sha256").hexdigest()
    try:
        return _count(f"esputnik:{key}", seconds) > most
    except Exception as error:  # of whatever library the project's cache is made with
        logger.error("%s is not limited, the cache is away (%s)", what, type(error).__name__)
        return False


def _count(key: str, seconds: int) -> int:
    if cache.add(key, 1, seconds):
        return 1
    try:
        count = int(cache.incr(key))
    except ValueError:  # thrown out by the cache a moment ago
        cache.set(key, 1, seconds)
        return 1
    cache.touch(key, seconds)  # some backends count by writing anew, for a time of their own
    return count
