"""Write down, in the shop's own transaction, that something changed.

The one place that runs inside a shopper's request. It adds rows and touches nothing else, each in
its own savepoint, and it never raises: a receiver that raises re-opens the basket of an order that
is already paid, and SQL that fails outside of a savepoint rolls that order back on PostgreSQL.

Repeats of one key inside one transaction are left out: the first row commits with the last change,
and the state is read when it is sent. A row that a rolled-back savepoint took away is written
again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from logging import getLogger
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from django.utils.module_loading import import_string

from esputnik_connector.conf import conf
from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import event_type
from esputnik_connector.exceptions import ConfigurationError, ConnectorError, without_message
from esputnik_connector.fields import reveal
from esputnik_connector.identity import fingerprint
from esputnik_connector.models import CartSession, Connection, OutboxMessage
from esputnik_connector.records import Event, JSONValue, Kind

from .events.carried import sealed

logger = getLogger(__name__)

CONNECTIONS_TTL = 5.0  # seconds; another process may have switched a connection on or off


class _Noted:
    """What one savepoint level of one transaction has noted; wakes the relays after the commit."""

    def __init__(self, savepoints: set[str]) -> None:
        self.savepoints = savepoints
        self.__qualname__ = type(self).__qualname__  # Django names a callback that raises by it
        self.records: set[tuple[Kind, str]] = set()
        self.connections: set[int] = set()

    def __call__(self) -> None:
        if conf.WAKE:
            for connection_id in self.connections:
                import_string(conf.WAKE)(connection_id, conf.SETTLE_SECONDS)


class OutboxCapture:
    """The :class:`~esputnik_connector.shops.base.Capture` that writes the outbox."""

    def __init__(self) -> None:
        self._known: list[Connection] = []
        self._known_until = 0.0

    def contact_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.CONTACT, key, using)

    def order_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.ORDER, key, using)

    def cart_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.CART, key, using)

    def cart_identified(self, key: str, *, email: str, using: str | None = None) -> None:
        def remember() -> None:
            CartSession.objects.using(using or DEFAULT_DB_ALIAS).create(cart_key=key, email=email)

        self._guarded(self._note, Kind.CART, key, using, before=remember)

    def contact_deleted(
        self, key: str, *, locators: Iterable[str] = (), using: str | None = None
    ) -> None:
        values = [value for value in locators if value]
        self._guarded(self._note, Kind.ERASURE, key, using, locators=values)

    def event_happened(self, key: str, *, using: str | None = None) -> None:
        only = partial(_sends, key, is_carried=False)
        self._guarded(self._note, Kind.EVENT, key, using, only=only)

    def event_recorded(self, event: Event, *, using: str | None = None) -> None:
        only = partial(_sends, event.key, is_carried=True)
        dated = partial(_dated, event)
        self._guarded(self._note, Kind.EVENT, event.key, using, only=only, record=dated)

    def forget_connections(self, **_: object) -> None:
        """Read the connections again at the next change."""
        self._known_until = 0.0

    def _guarded(
        self, note: Callable[..., None], kind: Kind, key: str, *rest: Any, **more: Any
    ) -> None:
        try:
            note(kind, key, *rest, **more)
        except Exception as error:  # the shopper's request must survive whatever is wrong with us
            what = without_message(error)
            logger.error("could not note a change of %s %s: %s", kind.value, key, what)

    def _note(
        self,
        kind: Kind,
        key: str,
        using: str | None,
        *,
        before: Callable[[], None] | None = None,
        locators: list[str] | None = None,
        only: Callable[[Connection], bool] | None = None,
        record: Callable[[], Event] | None = None,
    ) -> None:
        alias = using or DEFAULT_DB_ALIAS
        targets = [each for each in self._capturing(alias) if only is None or only(each)]
        if not targets or (before is None and self._is_noted(alias, kind, key)):
            return
        due_at = timezone.now() + timedelta(seconds=conf.SETTLE_SECONDS)
        payload = None if record is None else sealed(record())
        rows = [
            OutboxMessage(
                connection_id=target.pk,
                kind=kind.value,
                key=key,
                due_at=due_at,
                payload=payload if locators is None else erasure_payload(target, key, locators),
            )
            for target in targets
        ]
        with transaction.atomic(using=alias):
            if before is not None:
                before()
            OutboxMessage.objects.using(alias).bulk_create(rows)
        self._remember(alias, kind, key, targets)

    def _capturing(self, alias: str) -> list[Connection]:
        now = time.monotonic()
        if now >= self._known_until:
            with transaction.atomic(using=alias):
                self._known = list(Connection.objects.using(alias).capturing())
            self._known_until = now + CONNECTIONS_TTL
        return self._known

    def _is_noted(self, alias: str, kind: Kind, key: str) -> bool:
        return any((kind, key) in noted.records for noted in _alive(alias))

    def _remember(self, alias: str, kind: Kind, key: str, targets: list[Connection]) -> None:
        savepoints = set(connections[alias].savepoint_ids)
        noted = next((each for each in _alive(alias) if each.savepoints == savepoints), None)
        if noted is None:
            noted = _Noted(savepoints)
            noted.records.add((kind, key))
            noted.connections.update(target.pk for target in targets)
            transaction.on_commit(noted, using=alias, robust=True)
            return
        noted.records.add((kind, key))
        noted.connections.update(target.pk for target in targets)


def _alive(alias: str) -> list[_Noted]:
    """What the open transaction has noted and no savepoint has rolled back.

    Django drops the callbacks of a savepoint together with its rows, so the list of callbacks tells
    which of our rows are still there.
    """
    callbacks = connections[alias].run_on_commit
    return [callback[1] for callback in callbacks if isinstance(callback[1], _Noted)]


def _sends(key: str, connection: Connection, *, is_carried: bool) -> bool:
    """Does this connection send such events?

    :raises ConfigurationError: there is no such type, or it is captured in the other way.
    """
    declared = event_type(EventName.of(key))
    if declared.carries_record is not is_carried:
        way = "event_recorded" if declared.carries_record else "event_happened"
        raise ConfigurationError(f"Events of the type {declared.name!r} are captured by {way}().")
    return connection.sends(declared)


def _dated(event: Event) -> Event:
    """The event with its moment: now, unless it has one. It was asked for in that moment, too."""
    now = timezone.now()
    moment = event.happened_at or (now if timezone.is_aware(now) else timezone.make_aware(now))
    return replace(event, happened_at=moment, asked_at=event.asked_at or moment)


def erasure_payload(connection: Connection, key: str, locators: list[str]) -> JSONValue:
    """Salted hashes of what named the person, to become tombstones. No personal data."""
    try:
        salt = reveal(connection.salt)
    except ConnectorError:
        logger.exception("the deletion of contact %s is noted without its locators", key)
        return {"fingerprints": []}
    return {"fingerprints": [fingerprint(value, salt=salt) for value in (key, *locators)]}


capture = OutboxCapture()
for _signal in (post_save, post_delete):
    _signal.connect(
        capture.forget_connections, sender=Connection, dispatch_uid="esputnik_connector.capture"
    )
