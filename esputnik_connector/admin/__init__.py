"""The merchant's and support's screens, a file each."""

from .backfill import BackfillAdmin
from .connection import ConnectionAdmin
from .feed import FeedAdmin, FeedBuildAdmin, FeedProblemAdmin
from .history import AttemptAdmin, SyncStateAdmin, TombstoneAdmin
from .outbox import LaneAdmin, OutboxMessageAdmin

__all__ = [
    "AttemptAdmin",
    "BackfillAdmin",
    "ConnectionAdmin",
    "FeedAdmin",
    "FeedBuildAdmin",
    "FeedProblemAdmin",
    "LaneAdmin",
    "OutboxMessageAdmin",
    "SyncStateAdmin",
    "TombstoneAdmin",
]
