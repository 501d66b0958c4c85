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

from esputnik_connector.event_names import EventName
from esputnik_connector.exceptions import RecordError
from esputnik_connector.explanations import gettext as _
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
    hint: Any
    check: Callable[[Any], Any]
    is_filled: bool  # an empty text is refused


class _Fields(NamedTuple):
    """Of one record type, sorted by what has to be looked at once the types of all values are known
    to be right: an import checks hundreds of thousands of records. Numbers are places among the
    values."""

    fields: tuple[_Field, ...]
    values: Callable[[Any], tuple[Any, ...]]  # of a record, in the order of its fields
    filled: tuple[int, ...]
    amounts: tuple[int, ...]
    moments: tuple[int, ...]
    parts: tuple[tuple[int, Callable[[Any], bool]], ...]  # records in records, and several values
    right: set[tuple[type[Any], ...]]  # types that records had in which nothing was changed


_known: dict[type[Any], _Fields] = {}  # each record type is looked at once


def _fields_of(record: type[Any]) -> _Fields:
    if record not in _known:
        hints = get_type_hints(record)
        found = tuple(
            _field(one.name, hints[one.name], one.default is MISSING) for one in fields(record)
        )
        placed = tuple(enumerate(found))
        _known[record] = _Fields(
            fields=found,
            values=attrgetter(*(one.name for one in found)),
            filled=tuple(at for at, one in placed if one.is_filled),
            amounts=tuple(at for at, one in placed if one.hint in (Decimal, Decimal | None)),
            moments=tuple(at for at, one in placed if one.hint in (datetime, datetime | None)),
            parts=tuple((at, _glance(one)) for at, one in placed if one.hint not in BY_TYPE),
            right=set(),
        )
    return _known[record]


def _field(name: str, hint: Any, is_required: bool) -> _Field:
    is_key = name == "key" or name.endswith("_key")
    if hint is str and is_key:
        check = field_checks.key if is_required else field_checks.optional_key
        return _Field(name, hint, check, is_filled=is_required)
    if hint is str:
        check = field_checks.text if is_required else field_checks.optional_text
        return _Field(name, hint, check, is_filled=False)
    check = CHECKS.get(hint, field_checks.as_it_is)
    return _Field(name, hint, check, is_filled=hint is EventName)


def _glance(field: _Field) -> Callable[[Any], bool]:
    """Whether a value is right: by the types of what is in it, and only else by its check."""
    by_types = GLANCES.get(field.hint, _unknown)
    return lambda given: by_types(given) or field.check(given) is given


def _unknown(_given: Any) -> bool:
    return False


def _record(expected: type[Any], value: Any) -> Any:
    if not isinstance(value, expected):
        raise InvalidValue(value, expected.__name__)
    known, changed = _fields_of(expected), {}
    values = known.values(value)
    types = tuple(map(type, values))
    if types in known.right and _is_right_at_a_glance(known, values):
        return value
    for field, given in zip(known.fields, values, strict=True):
        try:
            better = field.check(given)
        except InvalidValue as invalid:
            raise invalid.inside(field.name) from None
        if better is not given:
            changed[field.name] = better
    if changed:
        return replace(value, **changed)
    known.right.add(types)
    return value


def _is_right_at_a_glance(known: _Fields, values: tuple[Any, ...]) -> bool:
    """For a record whose values have right types. False says only that each needs a look."""
    for at in known.filled:
        if not values[at]:
            return False
    for at in known.amounts:
        if values[at] is not None and not values[at].is_finite():
            return False
    for at in known.moments:
        if values[at] is not None and values[at].utcoffset() is None:
            return False
    try:
        for at, is_right in known.parts:
            if values[at] and not is_right(values[at]):
                return False
    except InvalidValue:  # raised again, with the name of the field, by the look at each
        return False
    return True


BY_TYPE: tuple[Any, ...] = (  # once such a value is of the right type, a glance is enough
    str,
    int,
    bool,
    Decimal,
    Decimal | None,
    datetime,
    datetime | None,
    Availability,
    EventName,
)

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

GLANCES: dict[Any, Callable[[Any], bool]] = {
    tuple[Note, ...]: partial(field_checks.is_tuple_of, {Note}),
    tuple[str, ...]: partial(field_checks.is_tuple_of, {str}),
    tuple[Category, ...]: partial(field_checks.is_tuple_of, {Category}),
    Mapping[str, str]: partial(field_checks.is_dict_of, {str}),
    get_type_hints(Contact)["attributes"]: partial(
        field_checks.is_dict_of, {str, int, bool, type(None)}
    ),
}
