"""What the connector remembers."""

from .backfill import Backfill
from .cart import CartSession, CartState, CartVisitor
from .connection import Connection, FieldMapping, StatusMapping
from .feed import Feed
from .feed_build import FeedBuild, FeedProblem
from .feed_tables import FeedAttribute, FeedCategory
from .heartbeat import Heartbeat
from .outbox import Attempt, Lane, OutboxMessage
from .outcome_count import OutcomeCount
from .outcome_hour import OutcomeHour
from .price import WatchedPrice
from .raised_alert import RaisedAlert
from .reconcile import Reconciliation
from .released_status import ReleasedStatus
from .restore import Restore
from .retired_worker import RetiredWorker
from .salt import Salt
from .skipped_behaviour import SkippedBehaviour
from .storefront import Storefront, StorefrontStep
from .sync import KnownAddress, SyncState
from .tombstone import Tombstone
from .upload import LostUpload
from .wake import Wake

__all__ = [
    "Attempt",
    "Backfill",
    "CartSession",
    "CartState",
    "CartVisitor",
    "Connection",
    "Feed",
    "FeedAttribute",
    "FeedBuild",
    "FeedCategory",
    "FeedProblem",
    "FieldMapping",
    "Heartbeat",
    "KnownAddress",
    "Lane",
    "LostUpload",
    "OutboxMessage",
    "OutcomeCount",
    "OutcomeHour",
    "RaisedAlert",
    "Reconciliation",
    "ReleasedStatus",
    "Restore",
    "RetiredWorker",
    "Salt",
    "SkippedBehaviour",
    "StatusMapping",
    "Storefront",
    "StorefrontStep",
    "SyncState",
    "Tombstone",
    "Wake",
    "WatchedPrice",
]
