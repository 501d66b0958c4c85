"""Find what came back in stock or got cheaper, for those who wait for it.

Most of it happens without a signal: ``update()``, imports, a database that somebody else writes to.
And to listen to every saved product would cost each import a query per row. So this walks over the
few products that somebody waits for, every quarter of an hour. It notes keys, as capture does, and
sends nothing; the relay asks the shop again before it tells anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from logging import getLogger

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Connection, Heartbeat
from esputnik_connector.pipeline.wake import wake
from esputnik_connector.records import EventName
from esputnik_connector.shops.base import SupportsEvents

from .enqueue import PAGE, note
from .price_drops import PriceWatch

logger = getLogger(__name__)

HEARTBEAT = "watch_products"


def watch(*, is_dry: bool = False, now: datetime | None = None) -> dict[EventName, int]:
    """One walk for all connections; how many events were noted, of what is switched on.

    :param is_dry: count as if all were switched on, and write nothing. Prices are compared with
        those of the last real walk.
    :raises Exception: a walk broke off. The other was made all the same, and what was noted before
        is sent; there is no heartbeat, so that the doctor notices.
    """
    now = now or timezone.now()
    connections = [one for one in Connection.objects.capturing() if one.is_bound_here]
    counts: dict[EventName, int] = {}
    errors: list[Exception] = []
    for name in EventName:
        if wanting := [one for one in connections if is_dry or one.tells(name)]:
            try:
                counts[name] = _walk(name, wanting, now, is_dry)
            except Exception as error:  # raised below, when the other walk is made
                logger.error("the walk for %s broke off: %s", name.value, without_message(error))
                errors.append(error)
    if not (is_dry or errors):
        Heartbeat.beat(HEARTBEAT)
    if not is_dry and (errors or any(counts.values())):
        for connection in connections:
            wake(connection.pk)
    if errors:
        raise errors[0]
    return counts


def _walk(name: EventName, connections: Sequence[Connection], now: datetime, is_dry: bool) -> int:
    shop = registry.shop()
    if not isinstance(shop, SupportsEvents):
        return 0  # the doctor and the command say so
    if name is EventName.PRICE_DROP:
        return PriceWatch(shop, connections, now=now, is_dry=is_dry).run()
    pages = _answerable(shop)
    return sum(note(connections, keys, now=now, is_dry=is_dry) for keys in pages)


def _answerable(shop: SupportsEvents) -> Iterator[Sequence[str]]:
    after = ""
    while True:
        page = shop.answerable(after=after, limit=PAGE)
        yield page.keys
        if not (after := page.cursor):
            return
