"""What a project may tune in ``DESTINATIONS["esputnik"]["OPTIONS"]``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from esputnik_connector.destinations.options import advice, unknown_option
from esputnik_connector.destinations.throttle import parsed_rate
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.explanations import gettext as _

from .events.identity import FORBIDDEN


@dataclass(frozen=True, kw_only=True)
class Options:
    """Name, type and default of every option. Times are in seconds."""

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    deadline: float = 60.0  # of a request in all
    # Never more than that, of an account: eSputnik's own limits (esputnik-api.md#rate-limits)
    rate: str = "200/second"  # all but what follows, together
    event_rate: str = "350/second"
    past_event_rate: str = "100/second"
    search_rate: str = "50/second"
    tracker_rate: str = "350/second"  # not documented; as of events
    connections: int = 60  # requests of one lane at once: 200 a second at 300 ms an answer
    bulk_from: int = 50  # from this many alike contacts on, one asynchronous import
    contacts_per_call: int = 1000
    orders_per_call: int = 500
    # v3 is what eSputnik's pages show, v2 the newest whose answers are documented
    event_version: str = "v3"
    # Objects among the parameters of behaviour: as such, or as JSON in a text (as v2's guide does)
    nested_params: str = "auto"
    restore_deleted: bool = True  # a contact that was deleted in eSputnik and is in the shop
    event_keys: Mapping[str, str] = field(default_factory=dict)  # event type → eventTypeKey

    @property
    def nests_as_text(self) -> bool:
        """Left to itself: as the guide of the version shows it."""
        return self.nested_params == "text" or (
            self.nested_params == "auto" and self.event_version == "v2"
        )


# documented maxima (esputnik-api.md#contacts-bulk), (esputnik-api.md#orders-add)
LARGEST = {"contacts_per_call": 3000, "orders_per_call": 1000, "connections": 200}
OTHER_RATES = ("event_rate", "past_event_rate", "search_rate", "tracker_rate")
LONGEST_TYPE = 100  # characters of an eventTypeKey (esputnik-api.md#event-send)
EVENT_VERSIONS = ("v2", "v3")  # (esputnik-api.md#event-versions)
NESTINGS = ("auto", "native", "text")  # (esputnik-api.md#behaviour-events)
ONE_OF = {"event_version": EVENT_VERSIONS, "nested_params": NESTINGS}


def options_from(given: Mapping[str, Any], *, event_names: Collection[str] = ()) -> Options:
    """:param event_names: the event types that there are; without any, ``event_keys`` may name all.
    :raises ConfigurationError: an option is unknown, or its value cannot be used.
    """
    known = asdict(Options())
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(unknown_option(name, known))
        if name == "event_keys":
            _check_event_keys(value, event_names)
        else:
            _check(name, value, known[name])
    if "rate" in given:  # who wants fewer requests wants fewer of each
        given = {**dict.fromkeys(OTHER_RATES, given["rate"]), **given}
    return Options(**given)


def _check(name: str, value: Any, default: Any) -> None:
    if name in ONE_OF:
        _check_word(name, value, ONE_OF[name])
        return
    if isinstance(default, bool):
        _check_choice(name, value)
        return
    if isinstance(default, str):
        _check_rate(name, value)
        return
    numbers = int if isinstance(default, int) else (int, float)
    largest = LARGEST.get(name, float("inf"))
    is_number = isinstance(value, numbers) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not 0 < value <= largest:
        text = (
            _("Option %(name)r must be a whole number above 0, not %(value)r.")
            if numbers is int
            else _("Option %(name)r must be a number above 0, not %(value)r.")
        )
        if name in LARGEST:
            text = _(
                "Option %(name)r must be a whole number above 0 up to %(largest)d, not %(value)r."
            )
        raise ConfigurationError(text % {"name": name, "value": value, "largest": largest})


def _check_choice(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        text = _("Option %(name)r must be True or False, not %(value)r.")
        raise ConfigurationError(text % {"name": name, "value": value})


def _check_rate(name: str, value: Any) -> None:
    try:
        parsed_rate(value)
    except ConfigurationError as error:
        text = _("Option %(name)r: %(why)s") % {"name": name, "why": error}
        raise ConfigurationError(text) from error


def _check_word(name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        text = _("Option %(name)r must be one of %(known)s, not %(value)r.")
        values = {"name": name, "known": _(" or ").join(known), "value": value}
        raise ConfigurationError(text % values)


def _check_event_keys(value: Any, event_names: Collection[str]) -> None:
    if not isinstance(value, Mapping):
        text = _("Option 'event_keys' must map event types to names in eSputnik, not %(value)r.")
        raise ConfigurationError(text % {"value": value})
    for name, key in value.items():
        if event_names and name not in event_names:
            unknown = _("Option 'event_keys': there is no event type %(name)r.") % {"name": name}
            raise ConfigurationError(f"{unknown} {advice(name, event_names)}")
        _check_event_key(name, key)


def _check_event_key(name: str, value: Any) -> None:
    is_name = isinstance(value, str) and value.strip() == value and value.isprintable()
    if not is_name or not 0 < len(value) <= LONGEST_TYPE or FORBIDDEN & set(value):
        forbidden = " ".join(sorted(FORBIDDEN))
        text = _(
            "Option 'event_keys': %(name)r must be the name of an event type in eSputnik: up to "
            "%(longest)d characters, none of %(forbidden)s, not %(value)r."
        )
        values = {"name": name, "longest": LONGEST_TYPE, "forbidden": forbidden, "value": value}
        raise ConfigurationError(text % values)
