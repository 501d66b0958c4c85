"""What an adapter gives, in the types that :mod:`~esputnik_connector.records` declares.

An adapter is a shop's own code, and Python lets it put an integer where a key belongs, or a float
where money does. What means the same is made the same here: an integer key becomes text, ``None``
the empty text, a list a tuple. What cannot be told for sure is refused, by the name of the record
and the field: a float is no money, a moment without time zone is none in a shop with ``USE_TZ``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, get_type_hints

from django.utils.translation import gettext as _

from esputnik_connector.event_names import EventName
from esputnik_connector.exceptions import RecordError
from esputnik_connector.records import (
    Address,
    Availability,
    CartItem,
    Category,
    Contact,
    Event,
    Note,
    OrderItem,
)

from . import field_checks
from .field_checks import InvalidValue

Value = TypeVar("Value")


def key_of(value: object) -> str:
    """A key as text: a primary key may be a number or a UUID.

    :raises RecordError: it is something else, such as ``None``, ``True`` or a float.
    """
    try:
        return field_checks.key(value)
    except InvalidValue as invalid:
        raise RecordError(
            _("%(found)s is no key; a key must be %(expected)s.")
            % {"found": _in_words(value), "expected": invalid.expected}
        ) from None


def canonical(name: str, value: object, expected: type[Value]) -> Value:
    """``value`` as a record of the ``expected`` type; itself, where nothing had to be changed.

    :param name: of the record in an error, such as ``"order 1001"``.
    :raises RecordError: it is no such record, or a field of it holds what cannot be used.
    """
    try:
        record: Value = _record(expected, value)
    except InvalidValue as invalid:
        text = _("%(record)s: %(field)s is %(found)s; it must be %(expected)s.")
        whole = _("%(record)s is %(found)s; it must be %(expected)s.")
        raise RecordError(
            (text if invalid.path else whole)
            % {
                "record": name,
                "field": invalid.path,
                "found": _in_words(invalid.value),
                "expected": invalid.expected,
            }
        ) from None
    return record


def _in_words(value: object) -> str:
    """The type alone: the value may be personal."""
    if value is None or value == "":
        return repr(value)
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)  # NaN or an infinity
    if isinstance(value, datetime):
        return _("a moment without time zone")
    return _("of type %s") % type(value).__name__


class _Field(NamedTuple):
    name: str
    check: Callable[[Any], Any]
    right: type[Any] | None  # a value of exactly this type needs no look


class _Fields(NamedTuple):
    """Of one record type. Most fields are told right by their type alone: all of those at once,
    since an import asks for hundreds of thousands."""

    fields: tuple[_Field, ...]
    plain_types: list[type[Any]]  # of the plain ones
    plain_values: Callable[[Any], tuple[Any, ...]]  # of a record, in this order
    others: tuple[_Field, ...]


_known: dict[type[Any], _Fields] = {}  # each record type is looked at once


def _fields_of(record: type[Any]) -> _Fields:
    if record not in _known:
        hints = get_type_hints(record)
        found = tuple(
            _field(one.name, hints[one.name], one.default is MISSING) for one in fields(record)
        )
        plain = [one for one in found if one.right is not None]
        _known[record] = _Fields(
            fields=found,
            plain_types=[one.right for one in plain if one.right is not None],
            plain_values=_getter([one.name for one in plain]),
            others=tuple(one for one in found if one.right is None),
        )
    return _known[record]


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def _field(name: str, hint: Any, is_required: bool) -> _Field:
    is_key = name == "key" or name.endswith("_key")
    if hint is str and is_key and is_required:
        return _Field(name, field_checks.key, None)  # it may not be empty
    if hint is str:
        check = field_checks.text if is_required else field_checks.optional_text
        check = field_checks.optional_key if is_key else check
        return _Field(name, check, str)
    right = hint if hint in (int, bool, Availability, EventName) else None
    return _Field(name, CHECKS.get(hint, field_checks.as_it_is), right)


def _record(expected: type[Any], value: Any) -> Any:
    if not isinstance(value, expected):
        raise InvalidValue(value, expected.__name__)
    known, changed = _fields_of(expected), {}
    is_plain = list(map(type, known.plain_values(value))) == known.plain_types
    for field in known.others if is_plain else known.fields:
        given = getattr(value, field.name)
        try:
            better = field.check(given)
        except InvalidValue as invalid:
            raise invalid.inside(field.name) from None
        if better is not given:
            changed[field.name] = better
    return replace(value, **changed) if changed else value


CHECKS: dict[Any, Callable[[Any], Any]] = {
    Decimal: field_checks.money,
    Decimal | None: partial(field_checks.or_none, field_checks.money),
    datetime: field_checks.moment,
    datetime | None: partial(field_checks.or_none, field_checks.moment),
    int: field_checks.whole_number,
    bool: field_checks.yes_or_no,
    Address: partial(_record, Address),
    Availability: partial(field_checks.one_of, Availability),
    EventName: field_checks.event_name,
    tuple[Note, ...]: partial(field_checks.several, partial(field_checks.one_of, Note)),
    tuple[str, ...]: partial(field_checks.several, field_checks.text),
    tuple[Category, ...]: partial(field_checks.several, partial(field_checks.one_of, Category)),
    tuple[OrderItem, ...]: partial(field_checks.several, partial(_record, OrderItem)),
    tuple[CartItem, ...]: partial(field_checks.several, partial(_record, CartItem)),
    Mapping[str, str]: partial(field_checks.named, field_checks.text),
    get_type_hints(Contact)["attributes"]: partial(field_checks.named, field_checks.attribute),
    get_type_hints(Event)["params"]: partial(field_checks.named, field_checks.as_it_is),
}
