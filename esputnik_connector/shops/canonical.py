"""What an adapter gives, in the types that :mod:`~esputnik_connector.records` declares.

An adapter is a shop's own code, and Python lets it put an integer where a key belongs, or a float
where money does. What means the same is made the same here: an integer key becomes text, ``None``
the empty text, a list a tuple. What cannot be told for sure is refused, by the name of the record
and the field: a float is no money, a moment without time zone is none in a shop with ``USE_TZ``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, get_type_hints
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from esputnik_connector.event_names import EventName
from esputnik_connector.exceptions import RecordError
from esputnik_connector.records import (
    Address,
    AttributeValue,
    Availability,
    CartItem,
    Category,
    Contact,
    Event,
    Note,
    OrderItem,
)

Value = TypeVar("Value")


class _Unfit(Exception):
    """A value that is refused: where it stands in the record, what it is, what belongs there."""

    def __init__(self, value: object, expected: str, path: str = "") -> None:
        super().__init__(path)
        self.value, self.expected, self.path = value, expected, path

    def inside(self, name: str) -> _Unfit:
        path = name + self.path if self.path.startswith("[") else f"{name}.{self.path}"
        return _Unfit(self.value, self.expected, path.removesuffix("."))


def key_of(value: object) -> str:
    """A key as text: a primary key may be a number or a UUID.

    :raises RecordError: it is something else, such as ``None``, ``True`` or a float.
    """
    try:
        return _key(value)
    except _Unfit as unfit:
        raise RecordError(
            _("%(found)s is no key; a key must be %(expected)s.")
            % {"found": _in_words(value), "expected": unfit.expected}
        ) from None


def canonical(name: str, value: object, expected: type[Value]) -> Value:
    """``value`` as a record of the ``expected`` type; itself, where nothing had to be changed.

    :param name: of the record in an error, such as ``"order 1001"``.
    :raises RecordError: it is no such record, or a field of it holds what cannot be used.
    """
    try:
        record: Value = _record(expected, value)
    except _Unfit as unfit:
        text = _("%(record)s: %(field)s is %(found)s; it must be %(expected)s.")
        whole = _("%(record)s is %(found)s; it must be %(expected)s.")
        raise RecordError(
            (text if unfit.path else whole)
            % {
                "record": name,
                "field": unfit.path,
                "found": _in_words(unfit.value),
                "expected": unfit.expected,
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
        return _Field(name, _key, None)  # it may not be empty
    if hint is str:
        check = _optional_key if is_key else _required_text if is_required else _text
        return _Field(name, check, str)
    right = hint if hint in (int, bool, Availability, EventName) else None
    return _Field(name, CHECKS.get(hint, _as_it_is), right)


def _record(expected: type[Any], value: Any) -> Any:
    if not isinstance(value, expected):
        raise _Unfit(value, expected.__name__)
    known, changed = _fields_of(expected), {}
    is_plain = list(map(type, known.plain_values(value))) == known.plain_types
    for field in known.others if is_plain else known.fields:
        given = getattr(value, field.name)
        try:
            better = field.check(given)
        except _Unfit as unfit:
            raise unfit.inside(field.name) from None
        if better is not given:
            changed[field.name] = better
    return replace(value, **changed) if changed else value


def _key(value: Any) -> str:
    if type(value) is str and value:
        return value
    if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) and value != "":
        return str(value)
    raise _Unfit(value, _("text, a whole number or a UUID"))


def _optional_key(value: Any) -> str:
    return "" if value is None or value == "" else _key(value)


def _text(value: Any) -> str:
    return "" if value is None else _required_text(value)


def _required_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Promise):  # gettext_lazy
        return str(value)
    raise _Unfit(value, _("text"))


def _money(value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise _Unfit(value, _("a finite Decimal"))


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise _Unfit(value, _("a datetime with a time zone"))
    if value.utcoffset() is not None:
        return value
    if settings.USE_TZ:
        raise _Unfit(value, _("a datetime with a time zone"))
    return timezone.make_aware(value, timezone.get_default_timezone())


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _Unfit(value, _("a whole number"))


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _Unfit(value, _("True or False"))


def _as_it_is(value: Any) -> Any:
    return value


def _or_none(check: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else check(value)


def _one_of(expected: type[Any], value: Any) -> Any:
    if isinstance(value, expected):
        return value
    raise _Unfit(value, expected.__name__)


def _event_name(value: Any) -> EventName:
    if isinstance(value, str) and value:
        return value if isinstance(value, EventName) else EventName(value)
    raise _Unfit(value, _("the name of an event type"))


def _several(check: Callable[[Any], Any], value: Any) -> Any:
    if value == ():
        return value
    if not isinstance(value, (tuple, list)):
        raise _Unfit(value, _("a tuple"))
    found = []
    for index, each in enumerate(value):
        try:
            found.append(check(each))
        except _Unfit as unfit:
            raise unfit.inside(f"[{index}]") from None
    is_same = isinstance(value, tuple) and all(map(_is, found, value))
    return value if is_same else tuple(found)


def _is(one: object, other: object) -> bool:
    return one is other


def _named(check: Callable[[Any], Any], value: Any) -> Any:
    if value == {}:
        return value
    if not isinstance(value, Mapping):
        raise _Unfit(value, _("a mapping of name → value"))
    found = {}
    for name, each in value.items():
        try:
            found[_required_text(name)] = check(each)
        except _Unfit as unfit:
            raise unfit.inside(f"[{name!r}]") from None
    return value if all(map(_is, found.values(), value.values())) else found


def _attribute(value: Any) -> AttributeValue:
    """More is taken than of other fields, since it becomes a text in any case."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, datetime):
        is_naive = timezone.is_naive(value)
        return timezone.make_aware(value, timezone.get_default_timezone()) if is_naive else value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (float, Decimal)):
        return _money(Decimal(str(value)) if isinstance(value, float) else value)
    if isinstance(value, (tuple, list)):
        texts: tuple[str, ...] = _several(_required_text, value)
        return texts
    raise _Unfit(value, _("text, a number, a date, or a tuple of texts"))


CHECKS: dict[Any, Callable[[Any], Any]] = {
    Decimal: _money,
    Decimal | None: partial(_or_none, _money),
    datetime: _moment,
    datetime | None: partial(_or_none, _moment),
    int: _whole,
    bool: _yes_or_no,
    Address: partial(_record, Address),
    Availability: partial(_one_of, Availability),
    EventName: _event_name,
    tuple[Note, ...]: partial(_several, partial(_one_of, Note)),
    tuple[str, ...]: partial(_several, _required_text),
    tuple[Category, ...]: partial(_several, partial(_one_of, Category)),
    tuple[OrderItem, ...]: partial(_several, partial(_record, OrderItem)),
    tuple[CartItem, ...]: partial(_several, partial(_record, CartItem)),
    Mapping[str, str]: partial(_named, _required_text),
    get_type_hints(Contact)["attributes"]: partial(_named, _attribute),
    get_type_hints(Event)["params"]: partial(_named, _as_it_is),
}
