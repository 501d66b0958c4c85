"""Whose event it is: the identifiers that an event may carry (esputnik-api.md#event-identity).
Pure."""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.exceptions import Skip
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject, JSONValue, Reason

# In an event's type, its key and its identifiers (esputnik-api.md#event-characters).
FORBIDDEN = frozenset("<;’\\/|\"`'^?!,>")
EVENT_LIMIT = 20_000  # bytes; documented as 20 kB, the smaller reading (esputnik-api.md#event-size)
LONGEST_IDENTIFIER = 300  # characters (esputnik-api.md#event-send)

NAMES = ("externalCustomerId", "email", "phone")  # in the order in which eSputnik looks


def identifiers(values: Mapping[str, JSONValue]) -> JSONObject:
    """Those of a person's identifiers that an event may carry; empty when none is known.

    An address such as ``o'neil@example.com`` would get the whole event refused.

    :param values: by the names of :data:`NAMES`.
    :raises Skip: what is known of the person can stand in no event.
    """
    known = {name: str(value) for name in NAMES if (value := values.get(name))}
    usable: JSONObject = {name: value for name, value in known.items() if is_usable(value)}
    if known and not usable:
        text = _("eSputnik takes no event about somebody whose %(names)s has one of %(signs)s")
        signs = " ".join(sorted(FORBIDDEN))
        raise Skip(Reason.NO_IDENTIFIER, text % {"names": ", ".join(known), "signs": signs})
    return usable


def is_usable(value: str) -> bool:
    """May this name a person in an event?"""
    return len(value) <= LONGEST_IDENTIFIER and FORBIDDEN.isdisjoint(value)


def key_value(params: Mapping[str, JSONValue]) -> str:
    """What is unique for the person of an event: past events are not taken without
    (esputnik-api.md#past-events)."""
    return next((str(params[name]) for name in NAMES if params.get(name)), "")
