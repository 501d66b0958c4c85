"""Subscriptions: each outbox row carries what somebody wrote into a form, encrypted.

They exist nowhere else: the shop is not asked for them, and keeps nothing of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import JSONValue, Kind, Subscription

from .events.carried import opened_by


def subscriptions(connection: Connection, keys: Sequence[str]) -> dict[str, Subscription]:
    """Key → what its row carries. One query.

    :raises UnreadableEventError: one of them cannot be read.
    """
    rows = OutboxMessage.objects.of(connection, Kind.SUBSCRIPTION).filter(key__in=keys)
    payloads = dict(rows.order_by("-pk").values_list("key", "payload"))
    return {key: opened(key, payload) for key, payload in payloads.items()}


def opened(key: str, payload: JSONValue) -> Subscription:
    """What a row carries.

    :raises UnreadableEventError: no present key opens it, or it is damaged. The text says which.
    """
    return opened_by(_subscription_of, key, payload)


def _subscription_of(values: dict[str, Any]) -> Subscription:
    return Subscription(**values)
