"""Keys → events, as the type of each declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from esputnik_connector.event_types import Load, event_type
from esputnik_connector.records import Event, EventName
from esputnik_connector.shops.base import ShopAdapter


def events(shop: ShopAdapter, keys: Sequence[str]) -> dict[str, Event]:
    """Key → event. One call for all types that are loaded by one function.

    :raises ConfigurationError: a key names a type that is not registered.
    """
    groups: defaultdict[Load | None, list[str]] = defaultdict(list)
    for key in keys:
        groups[event_type(EventName.of(key)).load].append(key)
    found: dict[str, Event] = {}
    for load, group in groups.items():
        found.update(load(shop, group) if load is not None else {})
    return found
