"""How long a worker waited for a destination, and by which ids the destination knows the requests.

The client notes each exchange here, and the line of the log that tells of a batch takes them: so a
line names the seconds and the ids of the requests behind it, and no layer between has to carry
them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

# What servers and the proxies before them call the id by which their own support finds a request.
ID_HEADERS = ("X-Request-Id", "Request-Id", "X-Correlation-Id")
USABLE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,100}")  # it goes into a log, and is not ours
KEPT_IDS = 20  # of contacts sent one by one there are more requests than a line can name


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """What was exchanged since it was last asked for."""

    seconds: float = 0.0
    request_ids: tuple[str, ...] = ()


_NONE = Exchanges()
_noted: ContextVar[Exchanges] = ContextVar("esputnik_exchanges", default=_NONE)


def note(seconds: float, headers: Mapping[str, str]) -> None:
    """An exchange is over, after so many seconds; ``headers`` are those of the answer, if any."""
    before = _noted.get()
    found = next((headers[name] for name in ID_HEADERS if headers.get(name)), "")
    ids = before.request_ids
    if USABLE_ID.fullmatch(found) and len(ids) < KEPT_IDS:
        ids = (*ids, found)
    _noted.set(Exchanges(seconds=before.seconds + seconds, request_ids=ids))


def join(found: Exchanges) -> None:
    """What another thread had noted belongs to this one's batch."""
    before = _noted.get()
    ids = (*before.request_ids, *found.request_ids)[:KEPT_IDS]
    _noted.set(Exchanges(seconds=before.seconds + found.seconds, request_ids=ids))


def taken() -> Exchanges:
    """What was noted since the last call, in this thread."""
    found = _noted.get()
    _noted.set(_NONE)
    return found
