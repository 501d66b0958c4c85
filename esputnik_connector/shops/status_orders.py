"""The capability of a shop that can tell which of its orders have a status."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from .capabilities import Capability, Page

CHUNK = 2000  # keys at a time


class SupportsStatusOrders(Capability):
    """How many orders have which status, and which: for the page where statuses are mapped."""

    missing = _(
        "The adapter of this shop does not tell which orders have a status (SupportsStatusOrders): "
        "they are not counted, and cannot be sent again for a new mapping."
    )

    @abstractmethod
    def count_by_status(self) -> Mapping[str, int]:
        """Status → how many orders have it now; none of those that no order has. By one query."""

    @abstractmethod
    def keys_by_status(
        self, status: str, *, since: datetime | None = None, after: str = "", limit: int
    ) -> Page:
        """Keys of the next ``limit`` orders that have this status now, in any lasting order.

        :param since: only those placed from this moment on.
        """

    def walk_status(self, status: str, *, since: datetime | None = None) -> Iterator[Sequence[str]]:
        """The keys of all orders with this status, some thousands at a time."""
        after = ""
        while True:
            page = self.keys_by_status(status, since=since, after=after, limit=CHUNK)
            yield page.keys
            if not page.cursor:
                return
            after = page.cursor
