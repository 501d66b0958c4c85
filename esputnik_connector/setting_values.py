"""Whether the value of a setting fits its declaration, and what to say when it does not."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

SHOWN = 40  # characters of a number that is none


@dataclass(frozen=True)
class Range:
    """From ``lowest`` to ``highest``, both included."""

    lowest: int
    highest: int


@dataclass(frozen=True)
class Filled:
    """Must not be empty."""


@dataclass(frozen=True)
class Address:
    """Must be readable as an address; whether it leads somewhere is another matter."""


@dataclass(frozen=True)
class Secret:
    """Empty, or long enough that nobody guesses it."""

    shortest: int


@dataclass(frozen=True)
class OrDefault:
    """A value that cannot be used counts as not written. So do all numbers."""


@dataclass(frozen=True)
class Entry:
    """What each value of a dictionary of dictionaries holds: name → type."""

    required: Mapping[str, Any]
    optional: Mapping[str, Any]

    __hash__ = object.__hash__


def falls_back(declared: Any) -> bool:
    """Does the default stand in for a value of this declaration that cannot be used?"""
    kind, rules = _parts(declared)
    return kind is int or any(isinstance(rule, OrDefault) for rule in rules)


def fault_of(value: Any, declared: Any, name: str) -> str | None:
    """A sentence about the value of the setting ``name``, or ``None`` when it fits.

    Values are not shown, but for numbers: they may be secrets, or addresses that hold one.
    """
    kind, rules = _parts(declared)
    if kind is int:
        return _fault_of_number(value, rules, name)
    if not _fits(value, kind):
        return _("%(name)s is of type %(found)s; it must be %(wanted)s.") % {
            "name": name, "found": _in_words(value), "wanted": _wanted(kind),
        }  # fmt: skip
    for rule in rules:
        if isinstance(rule, Filled) and not value:
            return _("%(name)s must not be empty. Leave it out for the default.") % {"name": name}
        if isinstance(rule, Address) and not _is_address(value):
            return _("%(name)s cannot be read as an address.") % {"name": name}
        if isinstance(rule, Secret) and 0 < len(value) < rule.shortest:
            text = _("%(name)s is short enough to be guessed; write %(shortest)s characters.")
            return text % {"name": name, "shortest": rule.shortest}
        if isinstance(rule, Entry) and (fault := _fault_of_entries(value, rule, name)):
            return fault
    return None


def _parts(declared: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type, and the rules beside it in ``Annotated``."""
    rules = getattr(declared, "__metadata__", ())
    return (declared.__origin__ if rules else declared), rules


def _fault_of_number(value: Any, rules: tuple[Any, ...], name: str) -> str | None:
    limits = next((rule for rule in rules if isinstance(rule, Range)), None)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole and (limits is None or limits.lowest <= value <= limits.highest):
        return None
    said = {"name": name, "value": f"{_shown(value)}"}
    if limits is None:
        return _("%(name)s is %(value)s; it must be a whole number.") % said
    said |= {"lowest": str(limits.lowest), "highest": str(limits.highest)}
    return _("%(name)s is %(value)s; it must be a whole number from %(lowest)s to %(highest)s.") % (
        said
    )


def _shown(value: Any) -> str:
    """A wrong number as it was written; of anything larger the type alone."""
    is_plain = value is None or isinstance(value, (str, int, float))
    shown = repr(value) if is_plain and not _is_huge(value) else type(value).__name__
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"


def _is_huge(value: Any) -> bool:
    """Python refuses to write an integer of more than 4,300 digits."""
    return isinstance(value, int) and value.bit_length() > 4 * SHOWN


def _fits(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in arguments)
    if origin is list:
        return isinstance(value, (list, tuple)) and all(_fits(one, arguments[0]) for one in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, arguments[0]) and _fits(one, arguments[1]) for key, one in value.items()
        )
    return isinstance(value, kind)


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.port is None or bool(parts.hostname)
    except ValueError:  # brackets without an end, a port that is no number
        return False


def _fault_of_entries(value: Mapping[str, Any], rule: Entry, name: str) -> str | None:
    known = {**rule.required, **rule.optional}
    for key, entry in value.items():
        place = f"{name}[{key!r}]"
        for missing in (each for each in rule.required if each not in entry):
            return _("%(place)s has no %(missing)r.") % {"place": place, "missing": missing}
        for inner, one in entry.items():
            if inner not in known:
                text = _("%(place)s has no place for %(name)r.") % {"place": place, "name": inner}
                return f"{text} {_meant(inner, known)}".strip()
            if fault := fault_of(one, known[inner], f"{place}[{inner!r}]"):
                return fault
    return None


def _meant(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return _("Did you mean %(name)r?") % {"name": near[0]} if near else ""


def _in_words(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _wanted(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is str:
        return _("text")
    if kind is bool:
        return _("True or False")
    if origin in (Union, types.UnionType):
        return _(" or ").join(_wanted(each) for each in arguments)
    if origin is list:
        return _("a list of text")
    if arguments[1] is str:
        return _("a dictionary of text to text")
    if get_origin(arguments[1]) is not None:
        return _("a dictionary of dictionaries")
    return _("a dictionary")
