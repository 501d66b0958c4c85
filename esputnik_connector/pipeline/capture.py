"""Write down, in the shop's own transaction, that something changed.

The one place that runs inside a shopper's request. It adds rows and touches nothing else, in a
savepoint of their own, and it never raises: a receiver that raises re-opens the basket of an order
that is already paid, and SQL that fails outside of a savepoint rolls that order back on PostgreSQL.

Repeats of one key inside one transaction are left out: the first row commits with the last change,
and the state is read when it is sent. A row that a rolled-back savepoint took away is written
again. Where a request commits each statement by itself, repeats of a key within a moment are one
more row, written when the answer is sent.

Rows go to the database of the outbox. A change on another one is written down as soon as it is
committed there; if the process dies in between, reconciliation finds it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from logging import getLogger
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db.models.signals import post_delete, post_save
from django.db.utils import OperationalError, ProgrammingError
from django.utils import timezone

from esputnik_connector.behaviour import VIEWS, Behaviour, Visitor
from esputnik_connector.conf import conf
from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import event_type
from esputnik_connector.exceptions import ConfigurationError, without_message
from esputnik_connector.identity import order_mark
from esputnik_connector.models import CartSession, CartVisitor, Connection, OutboxMessage
from esputnik_connector.models.insert import Insert, Statement, execute_together
from esputnik_connector.records import Event, JSONObject, Kind, Reason, Subscription

from .after_answer import write_soon
from .behaviour.carried import as_of_now, written
from .behaviour.carried import sealed as sealed_behaviour
from .behaviour.wanted import Wanted, tracks_carts
from .delivery.pace import debounce
from .erasure.payload import erasure_payload
from .events.carried import aware_now, sealed
from .events.carried import sealed_with_moment as sealed_event
from .noted import Noted, block_of, is_by_hand, noted_in, noted_just_now

logger = getLogger(__name__)

LOG_INTERVAL = 60.0  # seconds between two lines that say the same of every change

NOTE = Insert(OutboxMessage, "connection_id", "kind", "key", "payload", "captured_at", "due_at")
CART_SESSION = Insert(CartSession, "cart_key", "email", "created_at")
CART_VISITOR = Insert(CartVisitor, "cart_key", "visitor", "created_at")


class OutboxCapture:
    """The :class:`~esputnik_connector.shops.base.Capture` that writes the outbox."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[Connection]]] = {}
        self._silent_until = 0.0
        self.wanted = Wanted()

    def contact_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.CONTACT, key, using)

    def order_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.ORDER, key, using)

    def cart_changed(self, key: str, *, using: str | None = None) -> None:
        self._guarded(self._note, Kind.CART, key, using)

    def cart_identified(self, key: str, *, email: str, using: str | None = None) -> None:
        def session(outbox: str, now: datetime) -> Statement:
            return CART_SESSION.of(outbox, (key, email, now))

        self._guarded(self._note, Kind.CART, key, using, before=session)

    def cart_visited(self, key: str, visitor: Visitor, *, using: str | None = None) -> None:
        def visit(outbox: str, now: datetime) -> Statement:
            return CART_VISITOR.of(outbox, (key, written(visitor), now))

        self._guarded(self._note, Kind.CART, key, using, before=visit, only=tracks_carts)

    def contact_deleted(
        self,
        key: str,
        *,
        locators: Iterable[str] = (),
        orders: Iterable[str] = (),
        using: str | None = None,
    ) -> None:
        values = [*filter(None, locators), *map(order_mark, orders)]
        self._guarded(self._note, Kind.ERASURE, key, using, locators=values)

    def event_happened(self, key: str, *, using: str | None = None) -> None:
        only = partial(_sends, key, is_carried=False)
        self._guarded(self._note, Kind.EVENT, key, using, only=only)

    def event_recorded(self, event: Event, *, using: str | None = None) -> None:
        only = partial(_sends, event.key, is_carried=True)
        record = partial(sealed_event, event)
        self._guarded(self._note, Kind.EVENT, event.key, using, only=only, record=record)

    def behaviour_recorded(self, behaviour: Behaviour, *, using: str | None = None) -> None:
        kind, key = Kind.BEHAVIOUR, behaviour.key
        self._guarded(self._note_behaviour, kind, key, using, behaviour=behaviour)

    def _note_behaviour(self, alias: str, kind: Kind, key: str, *, behaviour: Behaviour) -> bool:
        told = as_of_now(behaviour)
        note = partial(self._when_answered, self._note) if told.type in VIEWS else self._note
        only, record = partial(self._wants, told), partial(sealed_behaviour, told)
        return note(alias, kind, key, only=only, record=record)

    def behaviour_skipped(self, connection_id: int, reason: Reason) -> None:
        self.wanted.skip(connection_id, reason)
        write = partial(self._when_answered, self._write_skipped)
        self._guarded(write, Kind.BEHAVIOUR, reason.value, None)

    def _when_answered(
        self, note: Callable[..., bool], alias: str, kind: Kind, key: str, **more: Any
    ) -> bool:
        """Nobody waits for what a visitor only looked at. Where no request is under way, now."""
        if is_by_hand(alias):
            return note(alias, kind, key, **more)
        write_soon(alias, partial(self._guarded, note, kind, key, alias, **more))
        return True

    def _write_skipped(self, alias: str, _kind: Kind, _reason: str) -> bool:
        self.wanted.write_skipped(alias)
        return False

    def _wants(self, behaviour: Behaviour, connection: Connection) -> bool:
        outbox = router.db_for_write(OutboxMessage)
        return self.wanted.by(connection, behaviour, outbox)

    def subscription_recorded(
        self,
        subscription: Subscription,
        *,
        only: Callable[[Connection], bool],
        using: str | None = None,
    ) -> bool:
        """Was it written down? Nothing else in the shop remembers it, so that whoever asked must be
        told when it was not.

        :param only: of which connections.
        """
        asked = replace(subscription, asked_at=subscription.asked_at or aware_now())
        record = partial(sealed, asked)
        kind, key = Kind.SUBSCRIPTION, subscription.key
        return self._guarded(self._note, kind, key, using, only=only, record=record)

    def forget_connections(self, **_: object) -> None:
        """Read the connections again at the next change."""
        self._known = {}
        self._silent_until = 0.0
        self.wanted.forget()

    def _guarded(
        self, note: Callable[..., bool], kind: Kind, key: str, using: str | None, **more: Any
    ) -> bool:
        """The shopper's request must survive whatever is wrong with us. Whether something was
        written, or will be when a transaction of another database commits."""
        try:
            outbox = router.db_for_write(OutboxMessage)
            alias = using or DEFAULT_DB_ALIAS
            if alias == outbox:
                return note(outbox, kind, key, **more)
            self._after_commit(alias, note, kind, key, **more)
        except Exception as error:
            self._report(kind, key, error)
            return False
        return True

    def _after_commit(
        self, alias: str, note: Callable[..., bool], kind: Kind, key: str, **more: Any
    ) -> None:
        """Note a change of another database as soon as it is committed there."""
        noted = noted_in(alias)
        if not more and (kind, key) in noted.records:
            return
        database = connections[alias]

        def note_now() -> None:
            noted.is_over = True
            self._guarded(note, kind, key, router.db_for_write(OutboxMessage), **more)

        if not database.in_atomic_block and not database.get_autocommit():
            note_now()  # commits by hand, of which Django sends no signal
            return
        noted.records[kind, key] = time.monotonic()
        transaction.on_commit(note_now, using=alias, robust=True)

    def _report(self, kind: Kind, key: str, error: Exception) -> None:
        is_ours = isinstance(error, (ProgrammingError, OperationalError))
        if not is_ours or isinstance(error, transaction.TransactionManagementError):
            what = without_message(error)
            logger.error("could not note a change of %s %s: %s", kind.value, key, what)
        elif time.monotonic() >= self._silent_until:  # it will be the same for every change
            self._silent_until = time.monotonic() + LOG_INTERVAL
            logger.error(
                "changes are not noted (%s): the tables of the connector are missing or out of "
                "reach. Run: manage.py migrate. The next reconciliation finds what was missed",
                type(error).__name__,
            )

    def _note(
        self,
        alias: str,
        kind: Kind,
        key: str,
        *,
        before: Callable[[str, datetime], Statement] | None = None,
        **more: Any,
    ) -> bool:
        """Whether rows of this change are there now, or will be when the answer is sent."""
        noted = noted_in(alias)
        if before is None and (kind, key) in noted.records:
            return True
        is_plain = before is None and not more
        first = noted_just_now(alias, kind, key) if is_plain else None
        if first is None:
            return self._write(alias, kind, key, noted=noted, before=before, **more)
        if not first.is_repeated:
            first.is_repeated = True
            write_soon(alias, partial(self._guarded, self._write, kind, key, alias))
        return True

    def _write(
        self,
        alias: str,
        kind: Kind,
        key: str,
        *,
        noted: Noted | None = None,
        before: Callable[[str, datetime], Statement] | None = None,
        locators: list[str] | None = None,
        only: Callable[[Connection], bool] | None = None,
        record: Callable[[], JSONObject] | None = None,
    ) -> bool:
        """Whether rows of this change are there now."""
        noted = noted or noted_in(alias)
        capturing = self._capturing(alias)
        targets = [each for each in capturing if only is None or only(each)]
        if not targets:
            if kind is Kind.BEHAVIOUR:
                self.wanted.write_skipped(alias)  # in the place of the row
            return False
        now, rest = timezone.now(), debounce.first_rest(kind, key)
        payload = None if record is None else record()
        rows = []
        for target in targets:
            carried = payload if locators is None else erasure_payload(target, key, locators)
            rows.append((target.pk, kind.value, key, carried, now, now + rest))
        first = () if before is None else (before(alias, now),)
        with block_of(alias):
            execute_together(alias, *first, NOTE.of(alias, *rows))
            # Of a visitor's cart some are told; what it is next, all others may want, too.
            is_whole = kind is not Kind.CART or len(targets) == len(capturing)
            noted.remember(
                (kind, key) if is_whole else None, targets, rest.total_seconds(), using=alias
            )
        return True

    def _capturing(self, alias: str) -> list[Connection]:
        now = time.monotonic()
        until, known = self._known.get(alias, (now, []))
        if now >= until:
            with transaction.atomic(using=alias):
                known = list(Connection.objects.using(alias).capturing())
            self._known[alias] = (now + conf.CONNECTIONS_TTL, known)
        return known


def _sends(key: str, connection: Connection, *, is_carried: bool) -> bool:
    """Does this connection send such events?

    :raises ConfigurationError: there is no such type, or it is captured in the other way.
    """
    declared = event_type(EventName.of(key))
    if declared.carries_record is not is_carried:
        way = "event_recorded" if declared.carries_record else "event_happened"
        raise ConfigurationError(f"Events of the type {declared.name!r} are captured by {way}().")
    return connection.sends(declared)


capture = OutboxCapture()
for _signal in (post_save, post_delete):
    _signal.connect(
        capture.forget_connections, sender=Connection, dispatch_uid="esputnik_connector.capture"
    )
