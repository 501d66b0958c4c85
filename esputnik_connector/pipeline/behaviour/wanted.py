"""Which connections want a thing that a visitor did. Runs inside of the visitor's request.

What is known here is read once in ``CONNECTIONS_TTL``: of a page view nothing is read. What is not
wanted is counted in this process, and written down by one insert in that time.
"""

from __future__ import annotations

import time
from collections import Counter
from urllib.parse import urlsplit

from django.db import transaction

from esputnik_connector.behaviour import Behaviour, BehaviourType, Route
from esputnik_connector.conf import conf
from esputnik_connector.models import Connection, OutboxMessage, SkippedBehaviour, Storefront
from esputnik_connector.records import Kind, Reason

SENT = (Route.TRACKER, Route.EVENT)  # by a worker, not by the browser


class Wanted:
    """What this process knows of the connections and their lanes of behaviour."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Look at the lanes again at the next page, and forget what was not written down."""
        self._crowded: dict[tuple[str, int], tuple[float, bool]] = {}
        self._skipped: Counter[tuple[int, Reason]] = Counter()
        self._write_at = 0.0

    def by(self, connection: Connection, behaviour: Behaviour, alias: str) -> bool:
        """Does this connection want it from a worker, now? What it would have wanted is counted."""
        storefront = _storefront(connection, behaviour)
        if storefront is None:
            return False
        route = storefront.route_of(behaviour.type)
        if route not in SENT or behaviour.type is BehaviourType.STATUS_CART:
            return False  # the state of a cart goes by the lane of carts
        if route is Route.EVENT and not behaviour.visitor.is_named:
            self.skip(connection.pk, Reason.ANONYMOUS)
            return False
        if self._is_crowded(connection.pk, alias):
            self.skip(connection.pk, Reason.CROWDED_OUT)
            return False
        return True

    def skip(self, connection_id: int, reason: Reason) -> None:
        """Count one that is not told of."""
        self._skipped[connection_id, reason] += 1

    def write_skipped(self, alias: str) -> None:
        """Write down what was counted, if it is time: one insert. Where that fails, it is counted
        on."""
        now = time.monotonic()
        if not self._skipped or now < self._write_at:
            return
        self._write_at = now + conf.CONNECTIONS_TTL
        skipped, self._skipped = self._skipped, Counter()
        rows = [
            SkippedBehaviour(connection_id=pk, reason=reason.value, records=records)
            for (pk, reason), records in skipped.items()
        ]
        try:
            with transaction.atomic(using=alias):
                SkippedBehaviour.objects.using(alias).bulk_create(rows)
        except Exception:
            self._skipped.update(skipped)
            raise

    def _is_crowded(self, connection_id: int, alias: str) -> bool:
        now = time.monotonic()
        until, known = self._crowded.get((alias, connection_id), (now, False))
        if now >= until:
            with transaction.atomic(using=alias):
                known = OutboxMessage.objects.using(alias).holds_more_than(
                    conf.BEHAVIOUR_BACKLOG, connection_id, Kind.BEHAVIOUR
                )
            self._crowded[alias, connection_id] = (now + conf.CONNECTIONS_TTL, known)
        return known


def tracks_carts(connection: Connection) -> bool:
    """Is the tracker told of this connection's carts? Then their visitors must be remembered."""
    kept = (one for one in Storefront.objects.kept() if one.connection_id == connection.pk)
    return any(one.route_of(BehaviourType.STATUS_CART) is Route.TRACKER for one in kept)


def _storefront(connection: Connection, behaviour: Behaviour) -> Storefront | None:
    """The storefront of this connection, where the page belongs to it. What happened on no page
    concerns each."""
    if behaviour.visitor.page_url:
        here = Storefront.objects.for_host(urlsplit(behaviour.visitor.page_url).netloc)
        return here if here is not None and here.connection_id == connection.pk else None
    kept = Storefront.objects.kept()
    return next((each for each in kept if each.connection_id == connection.pk), None)
