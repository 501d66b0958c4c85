"""What the connector remembers."""

from .cart import CartSession
from .connection import Connection, FieldMapping, StatusMapping
from .outbox import Attempt, Lane, OutboxMessage
from .sync import SyncState, Tombstone

__all__ = [
    "Attempt",
    "CartSession",
    "Connection",
    "FieldMapping",
    "Lane",
    "OutboxMessage",
    "StatusMapping",
    "SyncState",
    "Tombstone",
]
