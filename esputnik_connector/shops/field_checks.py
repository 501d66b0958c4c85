"""One value of a record, as an adapter gave it: in the type that the field declares, or refused.

Each check returns the value, or what means the same; :class:`InvalidValue` says what belongs there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import date, datetime
from decimal import Decimal
from operator import is_
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise

from esputnik_connector.event_names import EventName
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import AttributeValue


class InvalidValue(Exception):
    """A value that is refused: where it stands in the record, what it is, what belongs there."""

    def __init__(self, value: object, expected: str, path: str = "") -> None:
        super().__init__(path)
        self.value, self.expected, self.path = value, expected, path

    def inside(self, name: str) -> InvalidValue:
        path = name + self.path if self.path.startswith("[") else f"{name}.{self.path}"
        return InvalidValue(self.value, self.expected, path.removesuffix("."))


def key(value: Any) -> str:
    if type(value) is str and value:
        return value
    if isinstance(value, (str, int, UUID)) and not isinstance(value, bool) and value != "":
        return str(value)
    raise InvalidValue(value, _("text, a whole number or a UUID"))


def optional_key(value: Any) -> str:
    return "" if value is None or value == "" else key(value)


def optional_text(value: Any) -> str:
    return "" if value is None else text(value)


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Promise):  # gettext_lazy
        return str(value)
    raise InvalidValue(value, _("text"))


def money(value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise InvalidValue(value, _("a finite Decimal"))


def moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise InvalidValue(value, _("a datetime with a time zone"))
    if value.utcoffset() is not None:
        return value
    if settings.USE_TZ:
        raise InvalidValue(value, _("a datetime with a time zone"))
    return timezone.make_aware(value, timezone.get_default_timezone())


def whole_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidValue(value, _("a whole number"))


def yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidValue(value, _("True or False"))


def as_it_is(value: Any) -> Any:
    return value


def or_none(check: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else check(value)


def one_of(expected: type[Any], value: Any) -> Any:
    if isinstance(value, expected):
        return value
    raise InvalidValue(value, expected.__name__)


def event_name(value: Any) -> EventName:
    if isinstance(value, str) and value:
        return value if isinstance(value, EventName) else EventName(value)
    raise InvalidValue(value, _("the name of an event type"))


def several(check: Callable[[Any], Any], value: Any) -> Any:
    if value == ():
        return value
    if not isinstance(value, (tuple, list)):
        raise InvalidValue(value, _("a tuple"))
    found: list[Any] = []
    try:
        for each in value:
            found.append(check(each))
    except InvalidValue as invalid:
        raise invalid.inside(f"[{len(found)}]") from None
    is_same = isinstance(value, tuple) and all(map(is_, found, value))
    return value if is_same else tuple(found)


def is_tuple_of(kinds: Set[type[Any]], value: Any) -> bool:
    """A tuple of nothing but ``kinds``: its parts need no look one by one. Of other values this
    says nothing."""
    return type(value) is tuple and kinds >= set(map(type, value))


def is_dict_of(kinds: Set[type[Any]], value: Any) -> bool:
    """The same of a mapping whose names are plain texts."""
    return (
        type(value) is dict
        and set(map(type, value)) == {str}
        and kinds >= set(map(type, value.values()))
    )


def named(check: Callable[[Any], Any], value: Any) -> Any:
    if value == {}:
        return value
    if not isinstance(value, Mapping):
        raise InvalidValue(value, _("a mapping of name → value"))
    found = {}
    for name, each in value.items():
        try:
            found[text(name)] = check(each)
        except InvalidValue as invalid:
            raise invalid.inside(f"[{name!r}]") from None
    return value if all(map(is_, found.values(), value.values())) else found


def attribute(value: Any) -> AttributeValue:
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
        return money(Decimal(str(value)) if isinstance(value, float) else value)
    if isinstance(value, (tuple, list)):
        texts: tuple[str, ...] = several(text, value)
        return texts
    raise InvalidValue(value, _("text, a number, a date, or a tuple of texts"))
