"""Which of eSputnik's limits a request counts for (esputnik-api.md#rate-limits)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from enum import Enum
from urllib.parse import urlsplit

from esputnik_connector.destinations.base import Account, PreparedRequest
from esputnik_connector.destinations.throttle import Throttle, parsed_rate
from esputnik_connector.records import Kind

from . import choices
from .options import Options


class Limit(str, Enum):
    """What has a limit of its own; the value ends the key under which workers share the pace."""

    SHARED = ""
    EVENTS = ":events"
    PAST_EVENTS = ":past_events"
    SEARCH = ":search"
    TRACKER = ":tracker"


def limit_of(request: PreparedRequest) -> Limit:
    path = urlsplit(request.url).path
    if path.endswith("/event"):
        return Limit.EVENTS
    if path.endswith("/past_events"):
        return Limit.PAST_EVENTS
    if request.method == "GET" and path.endswith("/v1/contacts"):
        return Limit.SEARCH
    return Limit.SHARED


def limit_of_kind(kind: Kind, route: str) -> Limit:
    """By what records of this kind go, as a rule. ``route``: of orders."""
    if kind in (Kind.CART, Kind.EVENT):
        return Limit.EVENTS
    if kind is Kind.BEHAVIOUR:
        return Limit.TRACKER
    by_route = {choices.EVENTS: Limit.EVENTS, choices.PAST_EVENTS: Limit.PAST_EVENTS}
    return by_route.get(route, Limit.SHARED) if kind is Kind.ORDER else Limit.SHARED


def rates(options: Options) -> Mapping[Limit, str]:
    return {
        Limit.SHARED: options.rate,
        Limit.EVENTS: options.event_rate,
        Limit.PAST_EVENTS: options.past_event_rate,
        Limit.SEARCH: options.search_rate,
        Limit.TRACKER: options.tracker_rate,
    }


def per_second(rate: str) -> float:
    """``"30/minute"`` → 0.5."""
    item = parsed_rate(rate)
    return float(item.amount) / float(item.get_expiry())


def throttles(
    url: str, account: Account, options: Options, *, wait: Callable[[float], None] = time.sleep
) -> Mapping[Limit, Throttle]:
    """The shared pace of one account, for each limit.

    By account, not by name: two connections with one key share eSputnik's limits too. Hashed, since
    the key of a pace is readable in the storage.
    """
    owner = hashlib.sha256(f"{url} {account.api_key}".encode()).hexdigest()[:24]
    return {
        limit: Throttle(
            rate,
            key=f"esputnik:{owner}{limit.value}",
            storage=account.rate_limit_storage,
            wait=wait,
        )
        for limit, rate in rates(options).items()
    }
