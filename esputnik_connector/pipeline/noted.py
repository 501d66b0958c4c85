"""What one open transaction of the shop has noted already."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from esputnik_connector.models import Connection
from esputnik_connector.records import Kind

from .delivery.pace import debounce
from .wake import wake_now


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
        self.connections: set[int] = set()
        self.is_over = False
        self._is_registered = False

    def remember(self, kind: Kind, key: str, targets: list[Connection], *, using: str) -> None:
        """Rows of this record were written, in the transaction that is open now."""
        self.records.add((kind, key))
        self.connections.update(target.pk for target in targets)
        if not self._is_registered:
            self._is_registered = True
            transaction.on_commit(self, using=using, robust=True)

    def __call__(self) -> None:
        self.is_over = True
        rests = [debounce.first_rest(*record).total_seconds() for record in self.records]
        for connection_id in self.connections:
            wake_now(connection_id, min(rests, default=0.0))

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


def commits_each_statement(alias: str) -> bool:
    """Is this outside of any transaction, as with ``ATOMIC_REQUESTS = False``? Then the change is
    committed already, and its note must be at once: it cannot wait for others of the request."""
    database = connections[alias]
    return not database.in_atomic_block and database.get_autocommit()
