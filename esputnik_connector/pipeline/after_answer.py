"""What is done when the shopper has their answer: nobody waits for the database's word about it.

Whether a worker needs to be told is a look into the database, now and then a write, and a message
to the broker. And what a visitor looked at, which no transaction of the shop carries, is written
down then, and so is what repeats a note that no worker reads yet. Within a request all of it waits
until the server has sent the answer; elsewhere, as in a command or a task, it is done at once. A
request is known by its thread: under ASGI, too, Django tells of its begin and its end in the one in
which its views run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from logging import getLogger
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, transaction

from esputnik_connector.exceptions import without_message

from .wake import wake_now

logger = getLogger(__name__)

LONGEST_REQUEST = 30.0  # seconds; the end of one that is older may never be told in this thread
MOST_NOTES = 100  # of one request; a page that tells more writes as it goes on

# ``waking``, connection → in how many seconds; ``notes``, in their order; ``memory``; ``begun_at``
_request = threading.local()


class Note:
    """Something to be written down when the answer is sent, unless the shop takes it back: what was
    told in a transaction goes with it.

    :param write: must not raise.
    """

    def __init__(self, alias: str, write: Callable[[], object]) -> None:
        self.__qualname__ = type(self).__qualname__  # Django names a callback that raises by it
        self._alias = alias
        self._write = write
        self._is_committed = not connections[alias].in_atomic_block
        self._savepoints = frozenset(connections[alias].savepoint_ids)
        if not self._is_committed:
            transaction.on_commit(self, using=alias, robust=True)

    def __call__(self) -> None:
        self._is_committed = True

    def write(self) -> None:
        """While its transaction is open, as around a test, into that one."""
        if self._is_committed or self._is_open:
            self._write()

    @property
    def is_safe_now(self) -> bool:
        """Would what is written now be taken back with this note alone, and with nothing else?"""
        database = connections[self._alias]
        if self._is_committed:
            return not database.in_atomic_block
        return self._savepoints.issuperset(database.savepoint_ids)

    @property
    def _is_open(self) -> bool:
        """Django takes the callback away when it is rolled back."""
        return any(callback[1] is self for callback in connections[self._alias].run_on_commit)


def connect() -> None:
    """Hear of the begin and the end of requests. Before Django closes the request's line to the
    database, which by default it does after each: a new one would cost more than all the rest."""
    uid = "esputnik_connector.after_answer"
    closes = request_finished.disconnect(close_old_connections)
    request_finished.connect(finish, dispatch_uid=uid)
    if closes:
        request_finished.connect(close_old_connections)
    request_started.connect(begin, dispatch_uid=uid)


def wake_soon(connection_id: int, delay: float) -> None:
    """Wake a worker in ``delay`` seconds: as soon as nobody waits for it. Never raises."""
    if not is_under_way():
        wake_now(connection_id, delay)
    else:
        waking: dict[int, float] = _request.waking
        waking[connection_id] = min(delay, waking.get(connection_id, delay))


def write_soon(alias: str, write: Callable[[], object]) -> None:
    """Write this down as soon as nobody waits for it, and after what was to be written before.

    :param alias: the database of the transaction that it belongs to, if one is open. The project
        must not commit by hand there: of that nobody tells.
    :param write: must not raise.
    """
    if not is_under_way():
        _write_safe()
        write()
        return
    notes: list[Note] = _request.notes
    notes.append(Note(alias, write))
    if len(notes) >= MOST_NOTES:
        _write_safe()


def memory() -> dict[Any, Any] | None:
    """What is to be known until this request ends; ``None`` where none is under way."""
    found: dict[Any, Any] | None = _request.memory if is_under_way() else None
    return found


def is_under_way() -> bool:
    """Is there a request in this thread, whose end will be told?"""
    is_begun = getattr(_request, "waking", None) is not None
    return is_begun and time.monotonic() - _request.begun_at <= LONGEST_REQUEST


def begin(**_: object) -> None:
    """A request came. What one before left undone, whose end nobody told, is done with this one."""
    _request.waking = getattr(_request, "waking", None) or {}
    _request.notes = getattr(_request, "notes", None) or []
    _request.memory = {}
    _request.begun_at = time.monotonic()


def forget_request() -> None:
    """For tests: as if no request were under way in this thread."""
    _request.waking = _request.notes = _request.memory = None


def finish(**_: object) -> None:
    """The answer of this request is sent."""
    _write_all(getattr(_request, "notes", None) or [])  # wakes somebody, too
    waking: dict[int, float] = getattr(_request, "waking", None) or {}
    forget_request()
    for connection_id, delay in waking.items():
        try:
            wake_now(connection_id, delay)
        except Exception as error:  # the server still has to end this request
            why = without_message(error)
            logger.error("no worker was woken for connection %s: %s", connection_id, why)


def _write_safe() -> None:
    """While a request goes on: what no roll-back can take away that is none of its own."""
    notes: list[Note] = getattr(_request, "notes", None) or []
    safe: list[Note] = []
    left: list[Note] = []
    for note in notes:
        (safe if note.is_safe_now else left).append(note)
    notes[:] = left
    _write_all(safe)


def _write_all(notes: list[Note]) -> None:
    """In their order, and each once."""
    some = list(notes)
    notes.clear()
    for note in some:
        try:
            note.write()
        except Exception as error:  # as above
            logger.error("what happened in a request is not noted: %s", without_message(error))
