"""What one open transaction of the shop has noted already, and what one request has."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from esputnik_connector.models import Connection
from esputnik_connector.records import Kind

from .after_answer import memory, wake_soon
from .delivery.pace import debounce

JUST_NOW = 0.5  # the share of a note's rest in which whatever follows is surely read with it


@dataclass
class NotedRecord:
    """A record that this request has noted, and the shop has committed."""

    at: float  # of the monotonic clock: when it was noted, which is before it was committed
    is_repeated: bool = False  # another note of it waits for the end of the request


class Noted:
    """What one open transaction has noted; wakes the relays after its commit.

    Django replaces its list of callbacks whenever something is rolled back, a savepoint of
    ``atomic()`` or one made by hand, and when the transaction ends. While the list is the same
    object, every row of this transaction is still there.
    """

    def __init__(self, callbacks: list[Any]) -> None:
        self.__qualname__ = type(self).__qualname__  # Django names a callback that raises by it
        self.callbacks = callbacks
        self.records: dict[tuple[Kind, str], float] = {}  # → when, of the monotonic clock
        self.connections: dict[int, float] = {}  # which to wake → in how many seconds
        self.is_over = False
        self._alias = ""
        self._is_registered = False

    def remember(
        self,
        record: tuple[Kind, str] | None,
        targets: list[Connection],
        rest: float,
        *,
        using: str,
    ) -> None:
        """Rows of this record were written, in the transaction that is open now.

        :param record: ``None`` where not all connections that may want it have a row.
        :param rest: seconds until they are due.
        """
        if record is not None:
            self.records[record] = time.monotonic()
        self._alias = using
        for target in targets:
            self.connections[target.pk] = min(rest, self.connections.get(target.pk, rest))
        if not self._is_registered:
            self._is_registered = True
            transaction.on_commit(self, using=using, robust=True)

    def __call__(self) -> None:
        self.is_over = True
        known = memory()
        if known is not None:
            known |= {(self._alias, *one): NotedRecord(at) for one, at in self.records.items()}
        for connection_id, rest in self.connections.items():
            wake_soon(connection_id, rest)

    def survives(self, callbacks: list[Any]) -> bool:
        """False when a roll-back took this callback away, or ended its transaction."""
        if callbacks is self.callbacks:
            return True
        self.callbacks = callbacks
        self.records.clear()  # which rows are left is unknown, and one too many does no harm
        return any(callback[1] is self for callback in callbacks)


_open: WeakKeyDictionary[BaseDatabaseWrapper, Noted] = WeakKeyDictionary()


def noted_in(alias: str) -> Noted:
    """What the present transaction of this database has noted; nothing outside of one."""
    database = connections[alias]
    callbacks = database.run_on_commit
    noted = _open.get(database)
    is_whole = database.in_atomic_block and database.commit_on_exit  # else who knows its end
    if noted is None or noted.is_over or not is_whole or not noted.survives(callbacks):
        noted = Noted(callbacks)
    _open[database] = noted
    return noted


def noted_just_now(alias: str, kind: Kind, key: str) -> NotedRecord | None:
    """The note of this record that this request has made, if a repeat may wait until the answer is
    sent: another commit that the shopper would wait for.

    A worker does not read the record before the first note has rested; half of that must be left.
    So even if the process is killed before it writes the repeat, nothing is missed, unless an older
    note of the record was due or the worker's clock is ahead. Within a transaction a repeat takes
    no commit of its own, and what it is about is committed later.
    """
    known = memory()
    found: NotedRecord | None = known.get((alias, kind, key)) if known else None
    if found is None or connections[alias].in_atomic_block or is_by_hand(alias):
        return None
    rest = debounce.first_rest(kind, key).total_seconds()
    return found if rest and time.monotonic() - found.at <= JUST_NOW * rest else None


def block_of(alias: str) -> AbstractContextManager[Any]:
    """Around a note: nothing, but where the project commits by hand. Of such a transaction Django
    takes callbacks within ``atomic()`` alone."""
    return transaction.atomic(using=alias) if is_by_hand(alias) else nullcontext()


def is_by_hand(alias: str) -> bool:
    """Does the project commit by hand what is written there now?"""
    database = connections[alias]
    if database.in_atomic_block:
        return False
    is_open = database.connection is not None
    return not (database.autocommit if is_open else database.settings_dict["AUTOCOMMIT"])
