"""Wake workers when the shopper has their answer: nobody waits for the database's word about it.

Whether a worker needs to be told is a look into the database, now and then a write, and a message
to the broker. Within a request all of it waits until the server has sent the answer; elsewhere, as
in a command or a task, it is done at once. A request is known by its thread: under ASGI, too,
Django tells of its begin and its end in the one in which its views run.
"""

from __future__ import annotations

import threading
import time
from logging import getLogger

from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from esputnik_connector.exceptions import without_message

from .wake import wake_now

logger = getLogger(__name__)

LONGEST_REQUEST = 30.0  # seconds; the end of one that is older may never be told in this thread

_request = threading.local()  # ``waking``, connection → in how many seconds; ``begun_at``


def connect() -> None:
    """Hear of the begin and the end of requests. Before Django closes the request's line to the
    database, which by default it does after each: a new one would cost more than all the rest."""
    uid = "esputnik_connector.after_answer"
    closes = request_finished.disconnect(close_old_connections)
    request_finished.connect(wake_all, dispatch_uid=uid)
    if closes:
        request_finished.connect(close_old_connections)
    request_started.connect(begin, dispatch_uid=uid)


def wake_soon(connection_id: int, delay: float) -> None:
    """Wake a worker in ``delay`` seconds: as soon as nobody waits for it. Never raises."""
    waking: dict[int, float] | None = getattr(_request, "waking", None)
    if waking is None or time.monotonic() - _request.begun_at > LONGEST_REQUEST:
        wake_now(connection_id, delay)
    else:
        waking[connection_id] = min(delay, waking.get(connection_id, delay))


def begin(**_: object) -> None:
    """A request came. What one before left undone, whose end nobody told, is done with this one."""
    _request.waking = getattr(_request, "waking", None) or {}
    _request.begun_at = time.monotonic()


def forget_request() -> None:
    """For tests: as if no request were under way in this thread."""
    _request.waking = None


def wake_all(**_: object) -> None:
    """The answer of this request is sent."""
    waking: dict[int, float] = getattr(_request, "waking", None) or {}
    _request.waking = None
    for connection_id, delay in waking.items():
        try:
            wake_now(connection_id, delay)
        except Exception as error:  # the server still has to end this request
            why = without_message(error)
            logger.error("no worker was woken for connection %s: %s", connection_id, why)
