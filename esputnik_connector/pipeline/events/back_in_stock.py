"""Find what came back in stock, for those who asked to be told: page by page."""

from __future__ import annotations

from esputnik_connector.event_types import ScanRun
from esputnik_connector.shops.base import SupportsEvents

from .enqueue import PAGE


def scan_back_in_stock(run: ScanRun) -> int:
    """How many events were enqueued. None in a shop that knows no customer who waits."""
    if not isinstance(run.shop, SupportsEvents):
        return 0
    count, after = 0, ""
    while True:
        page = run.shop.answerable(after=after, limit=PAGE)
        count += run.enqueue(page.keys)
        if not (after := page.cursor):
            return count
