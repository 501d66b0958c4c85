"""How long a change rests, so that the steps of one thing are one delivery. Pure, but for settings.

The first change of a record that was quiet goes nearly at once; what follows it is gathered. A
check-out that is over, and the basket, have less to gather than a profile that is being edited. A
fact has nothing to gather: it happens once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.conf import conf
from esputnik_connector.records import Kind

AFTER_WHO_BOUGHT = timedelta(seconds=2)  # requests go side by side: who it is must be known first
FIRST = 0.5  # seconds at the most: one request may commit several times
SHARES: Mapping[Kind, float] = {Kind.CONTACT: 1.0, Kind.ORDER: 1 / 3, Kind.CART: 1 / 3}


def first_rest(kind: Kind, key: str = "") -> timedelta:
    """How long a change rests whose record was quiet before."""
    if kind is Kind.BEHAVIOUR:
        is_purchase = key.startswith(BehaviourType.PURCHASED_ITEMS.key(""))
        return AFTER_WHO_BOUGHT if is_purchase else timedelta(0)
    seconds = min(FIRST, rest(kind).total_seconds())
    return timedelta(seconds=seconds)


def rest(kind: Kind) -> timedelta:
    """How long it rests when its record was delivered just before."""
    return timedelta(seconds=conf.DEBOUNCE_SECONDS * SHARES.get(kind, 0.0))
