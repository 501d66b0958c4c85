"""The merchant's and support's screens, a file each."""

from .connection import ConnectionAdmin
from .history import AttemptAdmin, SyncStateAdmin, TombstoneAdmin
from .outbox import LaneAdmin, OutboxMessageAdmin

__all__ = [
    "AttemptAdmin",
    "ConnectionAdmin",
    "LaneAdmin",
    "OutboxMessageAdmin",
    "SyncStateAdmin",
    "TombstoneAdmin",
]
