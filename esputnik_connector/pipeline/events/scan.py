"""Scan for the events that no signal reports, type by type.

Most of what comes back in stock or gets cheaper does so silently: ``update()``, imports, a database
that another system writes to. To listen to every saved product would cost each import a query per
row. So the worker scans the few products that a customer waits for, every quarter of an hour. A
scan enqueues keys, as capture does, and sends nothing; the relay asks the shop again before it
sends.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from logging import getLogger

from django.utils import timezone

from esputnik_connector import registry
from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import ScanRun, event_types
from esputnik_connector.exceptions import without_message
from esputnik_connector.fresh_reads import fresh_reads
from esputnik_connector.models import Connection, Heartbeat
from esputnik_connector.pipeline.wake import wake

from .enqueue import enqueue

logger = getLogger(__name__)

HEARTBEAT = "watch_products"


def scan_for_events(*, is_dry: bool = False, now: datetime | None = None) -> dict[EventName, int]:
    """One scan of each type for all connections; how many events of each were enqueued.

    A type that no connection has switched on is not scanned for.

    :param is_dry: count as if all were switched on, and write nothing. Prices are compared with
        those of the last real scan.
    :raises Exception: a scan broke off. The others were made all the same, and what was enqueued
        before is sent; there is no heartbeat, so that the doctor notices.
    """
    now = now or timezone.now()
    connections = [one for one in Connection.objects.capturing() if one.is_bound_here]
    counts: dict[EventName, int] = {}
    errors: list[Exception] = []
    for each in event_types():
        wanting = [one for one in connections if is_dry or one.sends(each)]
        if each.scan is None or not wanting:
            continue
        run = ScanRun(
            shop=registry.shop(),
            now=now,
            is_dry=is_dry,
            enqueue=partial(enqueue, wanting, now=now, is_dry=is_dry),
        )
        try:
            with fresh_reads():
                counts[each.name] = each.scan(run)
        except Exception as error:  # raised below, when the other scans are made
            logger.error("the scan for %s broke off: %s", each.name, without_message(error))
            errors.append(error)
    if not (is_dry or errors):
        Heartbeat.beat(HEARTBEAT)
    if not is_dry and (errors or any(counts.values())):
        for connection in connections:
            wake(connection.pk)
    if errors:
        raise errors[0]
    return counts
