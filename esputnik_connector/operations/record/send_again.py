"""Send again what was delivered, although it is unchanged: because the destination lost it, or
holds something newer than a database that was restored from a backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.pipeline.delivery.settle import in_flight
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import SupportsStatusOrders

KINDS = (Kind.CONTACT, Kind.ORDER, Kind.CART)  # an event happened once, and was told once
CHUNK = 2000  # keys put in line in one transaction


@dataclass(frozen=True, kw_only=True)
class Resending:
    """What goes again. Without keys and moments, all that was ever delivered of the kind."""

    kind: Kind
    keys: tuple[str, ...] = ()  # also of records that were never delivered
    since: datetime | None = None  # delivered from then on
    until: datetime | None = None  # delivered before
    status: str = ""  # orders that have it in the shop now, delivered or not
    route: str = ""  # of orders: how they travel, for most routes start their events again


def routes_of(connection: Connection) -> dict[str, str]:
    """Route → what it is called, of those by which orders may go again."""
    backend = registry.destination_class(connection.destination)
    return {one.value: str(one.label) for one in (*backend.history_routes, *backend.order_routes)}


def how_many(connection: Connection, resending: Resending) -> int:
    """How many records would go.

    :raises ConfigurationError: the shop does not tell which orders have a status.
    """
    if resending.status:
        counts = SupportsStatusOrders.of(registry.shop()).count_by_status()
        return counts.get(resending.status, 0)
    return len(set(resending.keys)) if resending.keys else _delivered(connection, resending).count()


def send_again(connection: Connection, resending: Resending) -> int:
    """Forget what was delivered of these records, put them in line and wake a worker; how many.

    They go in some minutes, since eSputnik takes no request twice within one. Whoever stops this in
    the middle may start it anew: what goes twice is the same both times.

    :raises ConfigurationError: events or deletions were asked for; or orders without a route, or by
        one that the destination does not have.
    """
    _check(connection, resending)
    count = 0
    for keys in _chunks(connection, resending):
        in_flight.send_again(
            connection, resending.kind, keys, now=timezone.now(), route=resending.route
        )
        count += len(keys)
    wake(connection.pk)
    return count


def _check(connection: Connection, resending: Resending) -> None:
    if resending.kind not in KINDS:
        raise ConfigurationError(_("Only customers, orders and carts can be sent again."))
    routes = routes_of(connection) if resending.kind is Kind.ORDER else {}
    if resending.route not in (routes or {"": ""}):
        known = ", ".join(f"{value} ({label})" for value, label in routes.items())
        raise ConfigurationError(
            _("Say by which route the orders go again; most start their events again: %s") % known
        )


def _delivered(connection: Connection, resending: Resending) -> QuerySet[SyncState]:
    states = SyncState.objects.filter(connection=connection, kind=resending.kind.value)
    states = states.filter(delivered_at__isnull=False)
    if resending.since is not None:
        states = states.filter(delivered_at__gte=resending.since)
    return states.filter(delivered_at__lt=resending.until) if resending.until else states


def _chunks(connection: Connection, resending: Resending) -> Iterator[list[str]]:
    if resending.keys:
        keys = list(dict.fromkeys(resending.keys))
        yield from (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
        return
    if resending.status:
        walk = SupportsStatusOrders.of(registry.shop()).walk_status(resending.status)
        yield from (list(keys) for keys in walk)
        return
    last, states = 0, _delivered(connection, resending).order_by("pk")
    while rows := list(states.filter(pk__gt=last).values_list("pk", "key")[:CHUNK]):
        last = rows[-1][0]
        yield [key for _pk, key in rows]
