"""The shop's orders by their status: how many there are, and which a new word for it concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.base import DO_NOT_SEND, OrderRoute
from esputnik_connector.exceptions import BadRequestError, ConfigurationError
from esputnik_connector.models import Backfill, Connection, SyncState
from esputnik_connector.models.backfill import State
from esputnik_connector.models.timezones import stored_time
from esputnik_connector.operations.record.send_again import Resending, send_again
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.wake import wake_backfill
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import ShopAdapter, SupportsStatusOrders

from .statuses import of_shop, words

MOMENT = 60  # seconds that a count is shown: it reads every order of the shop once
MOST = 20_000  # orders that a page looks at while somebody waits for it
FEW = 1_000  # so many it puts in line itself; more go by a worker, whose progress is shown


@dataclass(frozen=True, kw_only=True)
class Statuses:
    """What the shop has, as it was a moment ago.

    :param counts: status → orders that have it; ``None`` where the shop does not count them.
    """

    names: tuple[str, ...]
    counts: Mapping[str, int] | None
    counted_at: datetime


@dataclass(frozen=True, kw_only=True)
class Change:
    """A status of the shop that is sent as something else from now on."""

    status: str
    before: str
    after: str

    @property
    def is_sent(self) -> bool:
        return self.after != DO_NOT_SEND


@dataclass(frozen=True, kw_only=True)
class StatusOrders:
    """Orders that have a changed status now, and that the destination knows by the former word, or
    does not know for its sake.

    :param obstacle: why they cannot be sent again from a page; ``""`` if they can.
    """

    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)  # status → orders
    obstacle: str = ""

    @property
    def all_keys(self) -> tuple[str, ...]:
        return tuple(key for keys in self.keys.values() for key in keys)

    @property
    def are_many(self) -> bool:
        """Are they left to a worker?"""
        return len(self.all_keys) > FEW


_last: list[tuple[ShopAdapter, float, Statuses]] = []  # the last look of this process


def statuses_of_shop() -> Statuses:
    """The shop's statuses and their orders. Two queries, and none while a look is fresh."""
    shop, now = registry.shop(), monotonic()
    for known, looked_at, found in _last:
        if known is shop and now - looked_at < MOMENT:
            return found
    counts = dict(shop.count_by_status()) if isinstance(shop, SupportsStatusOrders) else None
    found = Statuses(names=tuple(of_shop()), counts=counts, counted_at=timezone.now())
    _last[:] = [(shop, now, found)]
    return found


def changes(connection: Connection, table: Mapping[str, str]) -> list[Change]:
    """What would be sent as something else with these rows; see :func:`~.statuses.put`."""
    before, after = words(connection), words(connection, table)
    return [
        Change(status=name, before=word, after=after[name])
        for name, word in before.items()
        if name in after and after[name] != word
    ]


def concerned(connection: Connection, changed: Sequence[Change]) -> StatusOrders:
    """The orders of these changes. A bounded number of queries, however many orders there are."""
    sent = [change for change in changed if change.is_sent]
    if not sent:
        return StatusOrders()
    shop = registry.shop()
    if not isinstance(shop, SupportsStatusOrders):
        return StatusOrders(obstacle=str(SupportsStatusOrders.missing))
    counts = shop.count_by_status()
    total = sum(counts.get(change.status, 0) for change in sent)
    if total > MOST:
        text = _(
            "%(count)d orders have these statuses: too many to send again from a page. The "
            "developer does it: esputnik_send_again --kind order --status"
        )
        return StatusOrders(obstacle=text % {"count": total})
    keys = {change.status: _keys(connection, shop, change) for change in sent}
    found = StatusOrders(keys={status: some for status, some in keys.items() if some})
    obstacle = _worker_obstacle(connection) if found.are_many else ""
    return StatusOrders(obstacle=obstacle) if obstacle else found


def route_of(connection: Connection) -> OrderRoute | None:
    """By which orders of this connection go; ``None`` where the destination has one way alone."""
    backend = registry.destination_class(connection.destination)
    chosen = connection.order_route or registry.default_of(backend.order_routes)
    return next((route for route in backend.order_routes if route.value == chosen), None)


def send_concerned(connection: Connection, orders: StatusOrders) -> int:
    """Put them in line, to go with the new word by the way of new orders; how many. Of many, a
    worker goes through them as through an import of only these.

    :raises ConfigurationError: they cannot be sent; ``obstacle`` says why.
    :raises BadRequestError: something came in their way since they were looked for.
    """
    if orders.obstacle:
        raise ConfigurationError(orders.obstacle)
    keys, route = orders.all_keys, route_of(connection)
    way = route.value if route is not None else ""
    if orders.are_many:
        run, is_new = control.start(connection, Kind.ORDER, route=way, keys=keys, is_forced=True)
        if not is_new:
            raise BadRequestError(_worker_obstacle(connection))
        transaction.on_commit(partial(wake_backfill, run.pk), robust=True)
        return len(keys)
    return send_again(connection, Resending(kind=Kind.ORDER, keys=keys, route=way)) if keys else 0


def _worker_obstacle(connection: Connection) -> str:
    """Why a worker cannot go through many orders now; ``""`` if it can."""
    if under_way(connection) is not None:
        return _("An import of orders is under way. So many can go again when it is over.")
    try:
        control.check_consent_policy(connection)
    except BadRequestError as error:
        return str(error)
    return ""


def under_way(connection: Connection) -> Backfill | None:
    """The run by which a worker goes through orders now, these or the history."""
    return Backfill.objects.open().filter(connection=connection, kind=Kind.ORDER.value).first()


def _keys(connection: Connection, shop: SupportsStatusOrders, change: Change) -> list[str]:
    is_held = change.before == DO_NOT_SEND
    if is_held and _has_history(connection):
        return [key for keys in shop.walk_status(change.status) for key in keys]
    held: set[str] = set()
    if is_held:
        born = stored_time(connection.created_at)
        held = {key for keys in shop.walk_status(change.status, since=born) for key in keys}
    found: list[str] = []
    for keys in shop.walk_status(change.status):
        known = held | _delivered(connection, keys)
        found += [key for key in keys if key in known]
    return found


def _delivered(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that the destination has."""
    states = SyncState.objects.filter(connection=connection, kind=Kind.ORDER.value)
    states = states.filter(key__in=list(keys)).exclude(delivered_at=None)
    return set(states.values_list("key", flat=True))


def _has_history(connection: Connection) -> bool:
    """Was the history of orders imported, so that what is missing is missing for its status?"""
    runs = Backfill.objects.filter(connection=connection, kind=Kind.ORDER.value)
    return runs.filter(keys__isnull=True, state=State.FINISHED, is_former=False).exists()
