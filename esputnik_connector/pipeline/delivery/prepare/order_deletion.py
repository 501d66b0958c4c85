"""Orders that the shop deleted, where the merchant wants them deleted at the destination too.

That an order is deleted is a state like any other: it is seen when the order is read to be sent,
its digest is remembered, and an order that comes back under the number differs from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from esputnik_connector.destinations.base import Destination, Receipt
from esputnik_connector.exceptions import ConnectorError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import SyncState
from esputnik_connector.records import Kind, Order, OrderDeletion, Outcome, Reason, Record
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import ShopAdapter, SupportsReconciliation

from . import digests

# A deletion is accepted at once and made later; no platform says when, and what is sent before
# might be deleted with it.
TIME_TO_DELETE = timedelta(minutes=15)


class Deferral(ConnectorError):
    """The record is to be sent later."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.detail)
        self.receipt = receipt


def deleted(shop: ShopAdapter, keys: Sequence[str]) -> dict[str, Record]:
    """The deletion of those of the orders that the shop no longer has.

    :param keys: of orders that were sent, and that the shop did not give when it was asked.
    """
    left = set(keys)
    if keys and isinstance(shop, SupportsReconciliation):  # asked twice
        left -= reading.existing(shop, Kind.ORDER, keys)
    return {key: OrderDeletion(key=key) for key in keys if key in left}


def was_deleted(key: str, state: SyncState, destination: Destination, *, salt: str) -> bool:
    """Was the deletion of this order the last that the destination was told of it?"""
    if not destination.supports_order_deletion:
        return False
    deletion = destination.prepare(OrderDeletion(key=key), last=None)
    return digests.is_of(state.digest, deletion, salt=salt)


def wait_for_deletion(
    order: Order,
    state: SyncState,
    destination: Destination,
    *,
    salt: str,
    now: datetime | None = None,
) -> None:
    """:raises Deferral: an order of this number was deleted a moment ago, and has come back."""
    if state.delivered_at is None:
        return
    left = state.delivered_at + TIME_TO_DELETE - (now or timezone.now())
    if left <= timedelta() or not was_deleted(order.key, state, destination, salt=salt):
        return
    raise Deferral(
        Receipt(
            kind=Kind.ORDER,
            key=order.key,
            outcome=Outcome.DEFERRED,
            reason=Reason.ORDER_DELETION,
            detail=_("An order of this number was deleted a moment ago; it is sent after that."),
            retry_after=left.total_seconds(),
        )
    )
