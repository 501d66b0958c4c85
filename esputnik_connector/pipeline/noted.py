"""What one open transaction of the shop has noted already."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from esputnik_connector.models import Connection
from esputnik_connector.records import Kind

from .after_answer import wake_soon


class Noted:
    """What one open transaction has noted; wakes the relays after its commit.

    Django replaces its list of callbacks whenever something is rolled back, a savepoint of
    ``atomic()`` or one made by hand, and when the transaction ends. While the list is the same
    object, every row of this transaction is still there.
    """

    def __init__(self, callbacks: list[Any]) -> None:
        self.__qualname__ = type(self).__qualname__  # Django names a callback that raises by it
        self.callbacks = callbacks
        self.records: set[tuple[Kind, str]] = set()
        self.connections: dict[int, float] = {}  # which to wake → in how many seconds
        self.is_over = False
        self._is_registered = False

    def remember(
        self, kind: Kind, key: str, targets: list[Connection], rest: float, *, using: str
    ) -> None:
        """Rows of this record were written, in the transaction that is open now.

        :param rest: seconds until they are due.
        """
        self.records.add((kind, key))
        for target in targets:
            self.connections[target.pk] = min(rest, self.connections.get(target.pk, rest))
        if not self._is_registered:
            self._is_registered = True
            transaction.on_commit(self, using=using, robust=True)

    def __call__(self) -> None:
        self.is_over = True
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
