"""Keys → events: from the shop or from the outbox row, as the type of each declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from esputnik_connector.event_names import EventName
from esputnik_connector.event_types import Load, event_type
from esputnik_connector.models import Connection
from esputnik_connector.records import Event
from esputnik_connector.shops.base import ShopAdapter

from .carried import carried


def events(shop: ShopAdapter, connection: Connection, keys: Sequence[str]) -> dict[str, Event]:
    """Key → event. One call for all types that are loaded by one function, and one query for all
    that the outbox carries.

    :raises ConfigurationError: a key names a type that is not registered.
    :raises UnreadableEventError: a record in the outbox cannot be read.
    """
    groups: defaultdict[Load | None, list[str]] = defaultdict(list)
    for key in keys:
        groups[event_type(EventName.of(key)).load].append(key)
    found: dict[str, Event] = {}
    for load, group in groups.items():
        found.update(carried(connection, group) if load is None else load(shop, group))
    return found
