"""The merchant's and support's screens, a file each."""

from esputnik_connector.admin.backfill.admin import BackfillAdmin
from esputnik_connector.admin.connection.admin import ConnectionAdmin
from esputnik_connector.admin.feed.admin import FeedAdmin
from esputnik_connector.admin.feed.builds import FeedBuildAdmin, FeedProblemAdmin

from . import menu, problems, search, storefront
from .deliveries import AttemptAdmin, SyncStateAdmin, TombstoneAdmin
from .outbox import LaneAdmin, OutboxMessageAdmin
from .overview.page import overview
from .settings.fields import fields_page
from .settings.statuses import statuses_page

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
    "fields_page",
    "menu",
    "overview",
    "problems",
    "search",
    "statuses_page",
    "storefront",
]
