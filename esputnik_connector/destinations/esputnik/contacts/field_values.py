"""Attributes as the texts of additional fields, in the form that each field takes. Pure.

A value of the wrong form is not stored, without a word (esputnik-api.md#additional-fields). So it
is brought into form here, or left out with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from django.utils import timezone

from esputnik_connector.destinations.base import AccountField
from esputnik_connector.identity import cut
from esputnik_connector.records import AttributeValue, Note

# esputnik-api.md#additional-fields
TEXT_LENGTH, AREA_LENGTH = 1000, 5000
SMALLEST_NUMBER, LARGEST_NUMBER = -2147483647, 2147483647
FORBIDDEN = str.maketrans("", "", "%^*~{}")


@dataclass
class FieldValues:
    """The additional fields of one contact that carry a value: id → text; and what was mended."""

    values: dict[str, str] = field(default_factory=dict)
    notes: set[Note] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        attributes: Mapping[str, AttributeValue],
        mapping: Iterable[tuple[str, str]],
        known: Mapping[str, AccountField],
    ) -> FieldValues:
        """:param mapping: attribute, id of the field. :param known: what is known of the fields; of
        one that is not there the value goes as it is."""
        found = cls()
        for name, number in mapping:
            found._add(number, attributes.get(name), known.get(number))
        return found

    def _add(self, number: str, value: AttributeValue, known: AccountField | None) -> None:
        whole = plain_text(value)
        if not whole:
            return
        text = whole if known is None else formatted(value, known)
        if text:
            self.values[number] = text
        if not text:
            self.notes.add(Note.FIELD_DROPPED)
        elif known is not None and known.type in CUT and text != whole:
            self.notes.add(Note.FIELD_CUT)


def plain_text(value: AttributeValue) -> str:
    """An attribute as text; a moment is its date in the shop's zone."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _here(value).date().isoformat()
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, Decimal):
        return format(value, "f")  # never in scientific notation
    return str(value)


def formatted(value: AttributeValue, known: AccountField) -> str:
    """The text in the field's form; ``""`` where there is none, or only the account may write."""
    if known.is_read_only:
        return ""
    return FORMATS.get(known.type, _as_it_is)(value, known)


def _as_it_is(value: AttributeValue, _known: AccountField) -> str:
    return plain_text(value)


def _text(value: AttributeValue, _known: AccountField) -> str:
    return cut(plain_text(value).translate(FORBIDDEN).strip(), TEXT_LENGTH)


def _area(value: AttributeValue, _known: AccountField) -> str:
    return cut(plain_text(value).translate(FORBIDDEN).strip(), AREA_LENGTH)


def _number(value: AttributeValue, known: AccountField) -> str:
    number = _decimal_of(value)
    if number is None:
        return ""
    whole = int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    smallest = _decimal_of(known.smallest)
    largest = _decimal_of(known.largest)
    is_within = (
        max(SMALLEST_NUMBER, SMALLEST_NUMBER if smallest is None else smallest)
        <= whole
        <= min(LARGEST_NUMBER, LARGEST_NUMBER if largest is None else largest)
    )
    return str(whole) if is_within else ""


def _decimal(value: AttributeValue, _known: AccountField) -> str:
    number = _decimal_of(value)
    return "" if number is None else format(number, "f")


def _date(value: AttributeValue, _known: AccountField) -> str:
    moment = _moment_of(value)
    return "" if moment is None else moment.date().isoformat()


def _datetime(value: AttributeValue, _known: AccountField) -> str:
    moment = _moment_of(value)
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M")


def _one_of(value: AttributeValue, known: AccountField) -> str:
    text = plain_text(value)
    return text if not known.allowed or text in known.allowed else ""


def _some_of(value: AttributeValue, known: AccountField) -> str:
    given = value if isinstance(value, tuple) else plain_text(value).split(",")
    chosen = [one.strip() for one in given]
    return ",".join(one for one in chosen if one and (not known.allowed or one in known.allowed))


def _decimal_of(value: AttributeValue) -> Decimal | None:
    if isinstance(value, (tuple, datetime)) or value is None:
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # One with a huge exponent would be written out, digit by digit.
    return number if number.is_finite() and abs(number.adjusted()) < 30 else None


def _moment_of(value: AttributeValue) -> datetime | None:
    if isinstance(value, datetime):
        return _here(value)
    try:
        return _here(datetime.fromisoformat(value.strip())) if isinstance(value, str) else None
    except ValueError:
        pass
    try:
        day = date.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  a day has no zone


def _here(moment: datetime) -> datetime:
    is_aware = timezone.is_aware(moment)
    return moment.astimezone(timezone.get_default_timezone()) if is_aware else moment


FORMATS: Mapping[str, Callable[[AttributeValue, AccountField], str]] = {
    "textfield": _text,
    "textarea": _area,
    "number": _number,
    "decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
    "combobox": _one_of,
    "checkboxlist": _some_of,
}
CUT = frozenset({"textfield", "textarea", "checkboxlist"})  # in these, less is left of a value
