"""The shop took orders, and the destination took none of them: the alarm for what nobody foresaw.

Every other judgement looks at what was noted. This one asks the shop itself, so that it sees also
what was never noted: receivers that are gone, an adapter that forgets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from esputnik_connector import registry
from esputnik_connector.conf import conf
from esputnik_connector.models import Connection
from esputnik_connector.operations.order_fates import Fate, order_fates, placed_since
from esputnik_connector.shops.base import SupportsOrderTimes

from .duration import alert_after, brief
from .findings import Finding, problem

MOST_ASKED = 1000  # the latest orders of the stretch; whoever took more has no other fate for them


def silent_orders(
    connections: Collection[Connection], last_taken: Mapping[int, datetime], *, now: datetime
) -> dict[int, int]:
    """Connection → how many orders the shop took of which none arrived; only of those where the
    destination took no order for as long as ``SILENT_ORDERS_MINUTES``. Where one was taken lately,
    which is the rule, the shop is not even asked.

    :param last_taken: connection → when its destination last took an order because it had changed:
        what an import or a night brings along does not show that live orders arrive.
    """
    begins = now - timedelta(minutes=conf.SILENT_ORDERS_MINUTES)
    suspects = [
        each
        for each in connections
        if _sends_orders(each) and last_taken.get(each.pk, begins) <= begins
    ]
    shop = registry.shop()
    if not conf.SILENT_ORDERS or not suspects or not isinstance(shop, SupportsOrderTimes):
        return {}
    placed = {
        key: at for key, at in placed_since(shop, begins).items() if at <= now - alert_after()
    }
    latest = dict(sorted(placed.items(), key=lambda one: one[1])[-MOST_ASKED:])
    found = {}
    for each in suspects:
        mine = {key: at for key, at in latest.items() if at >= each.created_at}
        if len(mine) >= conf.SILENT_ORDERS:
            found[each.pk] = _missing(each, mine, now)
    return {pk: count for pk, count in found.items() if count >= conf.SILENT_ORDERS}


def _sends_orders(connection: Connection) -> bool:
    """Is it meant to send? What keeps it otherwise is told of by a finding of its own."""
    return bool(
        connection.is_enabled
        and connection.sync_orders
        and connection.api_key
        and connection.paused_at is None
        and connection.is_bound_here
    )


def _missing(connection: Connection, placed: Mapping[str, datetime], now: datetime) -> int:
    """How many wait or were refused. What arrived was caught up with, and what is not sent by the
    merchant's own rules does not count."""
    counts = order_fates(connection, placed, now=now).counts(min(placed.values()))
    return counts[Fate.ON_THE_WAY] + counts[Fate.NEEDS_YOU]


def not_arrived(connection: Connection, count: int) -> Iterator[Finding]:
    """What :func:`silent_orders` says of a connection."""
    if not count:
        return
    minutes = timedelta(minutes=conf.SILENT_ORDERS_MINUTES)
    text = ngettext(
        "The shop took %(count)d order in the last %(time)s, and it did not arrive.",
        "The shop took %(count)d orders in the last %(time)s, and none of them arrived.",
        count,
    ) % {"count": count, "time": brief(minutes.total_seconds())}
    remedy = _(
        "Look for one of them on the page “Search”: it says what keeps it. If nothing was noted of "
        "it, run: manage.py esputnik_reconcile --kind order"
    )
    yield problem("no_order_arrived", connection.name, text, remedy, count=count)
