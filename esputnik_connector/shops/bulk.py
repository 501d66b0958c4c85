"""Reading a shop's tables in bulk: keys, chunks, columns that a model may lack.

For every adapter whose shop keeps its records in Django models.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import CharField, F, IntegerField, Lookup, Q, TextField
from django.db.models.fields.related_descriptors import ReverseManyToOneDescriptor
from django.db.models.functions import Cast
from django.db.models.lookups import In
from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone

IDS_PER_QUERY = 10_000  # below the limits of SQLite (32 766) and PostgreSQL (65 535) parameters

PHONE_MODULE = "phonenumber_field.modelfields"  # compared by name: it need not be installed

Row = dict[str, Any]


def family(model: Any) -> list[Any]:
    """``model``, its proxies and its multi-table children: each sends signals as itself."""
    concrete = model._meta.concrete_model
    models = apps.get_models(include_auto_created=True)
    return [other for other in models if issubclass(other, concrete)]


def are_columns(model: Any, *names: str) -> bool:
    """Does reading these columns say what the object says? Plain columns do, and those of
    modeltranslation, whose querysets know the active language. A property does not, nor a text
    that stands in another table."""
    columns = field_names(model)
    return all(name in columns and _is_plain(attribute(model, name)) for name in names)


def _is_plain(reader: Any) -> bool:
    kind = type(reader)
    return kind is DeferredAttribute or kind.__module__.startswith("modeltranslation.")


def attribute(model: Any, name: str) -> Any:
    """As its class wrote it, properties and descriptors included."""
    return next((vars(base)[name] for base in model.__mro__ if name in vars(base)), None)


def field_names(model: Any) -> frozenset[str]:
    """Names of the columns of ``model``. Anything else might cost a query per object."""
    return frozenset(field.name for field in model._meta.concrete_fields)


def present(model: Any, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that the shop's own ``model`` still has."""
    columns = field_names(model)
    return [name for name in names if name.removesuffix("_id") in columns or name in columns]


def values_of(field: Any, keys: Iterable[str]) -> list[Any]:
    """``keys`` as values of ``field``; what is not exactly such a key is left out."""
    field = _pointed_at(field)
    parsed = (_value_of(field, key) for key in dict.fromkeys(keys))
    return [value for value in parsed if value is not None]


def _pointed_at(field: Any) -> Any:
    """The key of a multi-table child is its parent's."""
    while field.remote_field:
        field = field.target_field
    return field


def _value_of(field: Any, key: str) -> Any:
    if "\x00" in key or not (key.isascii() or _is_encodable(key)):
        return None  # PostgreSQL raises on both
    try:
        value = field.to_python(key)
        field.run_validators(value)  # an integer too large for its column raises on SQLite
    except (ValidationError, ValueError):
        return None
    return value if str(value) == key else None


def _is_encodable(text: str) -> bool:
    """Has it no half of a surrogate pair?"""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def rows(queryset: Any, lookup: str, ids: Iterable[Any], names: Sequence[str]) -> Iterator[Row]:
    """``names`` of the rows whose ``lookup`` is in ``ids``; no ids, no query.

    A phone number comes as the text that is stored.
    """
    return fetched(lambda chunk: read(queryset.filter(among(lookup, chunk)), names), ids)


def read(queryset: Any, names: Sequence[str]) -> Iterator[Row]:
    """See :func:`rows`."""
    columns = [_column(queryset.model, name) for name in names]
    return (dict(zip(names, row, strict=True)) for row in queryset.values_list(*columns))


def _column(model: Any, name: str) -> Any:
    """Not as a ``PhoneNumber``: Django would parse it, we again, at the price of all the rest. A
    field with a region of its own must read its national numbers itself."""
    field = _field(model, name)
    reader = getattr(type(field), "from_db_value", None)
    is_phone = getattr(reader, "__module__", "") == PHONE_MODULE
    default = getattr(settings, "PHONENUMBER_DEFAULT_REGION", None)
    return stored(model, name) if is_phone and field.region == default else name


def stored(model: Any, name: str) -> Any:
    """An expression for a column as the database holds it, unread by its field."""
    has_reader = hasattr(_field(model, name), "from_db_value")
    return Cast(name, TextField()) if has_reader else name


def _field(model: Any, name: str) -> Any:
    field: Any = None
    for part in name.split("__"):
        field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        model = field.related_model
    return field


DENSE = 4  # of that many keys in a row, one is asked for


def belongs_to(owners: Collection[Any], pointer: str) -> Q:
    """Rows whose ``pointer`` is one of ``owners``: by a range where these are dense, since
    thousands of parameters cost more than the rows. So rows of others may come as well."""
    if owners and all(isinstance(pk, int) for pk in owners):
        first, last = min(owners), max(owners)
        if last - first < DENSE * len(owners):
            return Q(**{f"{pointer}__gte": first, f"{pointer}__lte": last})
    return Q(among(pointer, list(owners)))


def fetched(read: Callable[[list[Any]], Iterable[Any]], ids: Iterable[Any]) -> Iterator[Any]:
    """What ``read`` answers, asked once per :data:`IDS_PER_QUERY` distinct ids."""
    left = iter(dict.fromkeys(ids))
    while chunk := list(islice(left, IDS_PER_QUERY)):
        yield from read(chunk)


def with_translations(queryset: Any) -> Any:
    """``queryset`` with the texts that stand in a table of their own, as django-parler keeps them:
    a relation called ``translations``. One query more, instead of one per object."""
    is_there = translations_of(queryset.model) is not None
    return queryset.prefetch_related("translations") if is_there else queryset


def translations_of(model: Any) -> Any:
    """The model of that other table; ``None`` where the texts stand with ``model``."""
    relation: Any = getattr(model, "translations", None)
    is_there = isinstance(relation, ReverseManyToOneDescriptor)
    return relation.rel.related_model if is_there else None


def text_of(obj: Any, name: str) -> str:
    """A text of ``obj`` in the active language; ``""`` where there is no translation, which is an
    ``AttributeError`` with django-parler."""
    return str(getattr(obj, name, None) or "")


class Among(Lookup):
    """``column IN (…)`` for many keys: ``queryset.filter(among("product_id", pks))``.

    PostgreSQL gets one array. A parameter for each key takes Django and the driver longer than the
    database needs for its answer.
    """

    lookup_name = "among"
    prepare_rhs = False  # below, each key by itself

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return In(self.lhs, self.rhs).as_sql(compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        if set(map(type, self.rhs)) == {int} and _is_plain_integer(self.lhs.output_field):
            keys_as_text = ",".join(map(str, self.rhs))  # else each is wrapped, twice
            return f"{column} = ANY(%s::bigint[])", [*parameters, f"{{{keys_as_text}}}"]
        if set(map(type, self.rhs)) == {str} and _is_plain_text(self.lhs.output_field):
            return f"{column} = ANY(%s::text[])", [*parameters, _array_of_texts(self.rhs)]
        prepared = self.lhs.output_field.get_db_prep_value
        keys = [prepared(key, connection) for key in self.rhs]
        return f"{column} = ANY(%s)", [*parameters, keys]


def _is_plain_integer(field: Any) -> bool:
    """One of Django's own: another one may store a number as it likes."""
    kind = type(_pointed_at(field))
    return issubclass(kind, IntegerField) and kind.__module__ == IntegerField.__module__


def _is_plain_text(field: Any) -> bool:
    """As :func:`_is_plain_integer`."""
    kind = type(_pointed_at(field))
    return issubclass(kind, CharField) and kind.__module__ == CharField.__module__


def _array_of_texts(keys: Sequence[str]) -> str:
    """An array as PostgreSQL reads it. The driver looks at each key with a pattern, in Python."""
    joined = '","'.join(keys)
    if "\\" in joined or joined.count('"') > 2 * len(keys) - 2:  # seldom
        escaped = (key.replace("\\", r"\\").replace('"', '\\"') for key in keys)
        joined = '","'.join(escaped)
    return f'{{"{joined}"}}'


def among(name: str, keys: Sequence[Any]) -> Among:
    """A condition for ``filter()``: the column ``name`` holds one of ``keys``."""
    return Among(F(name), keys)


def aware(moment: datetime | None) -> datetime | None:
    """``moment`` with a time zone, also in a shop with ``USE_TZ = False``."""
    if moment is None or timezone.is_aware(moment):
        return moment
    return timezone.make_aware(moment, timezone.get_default_timezone())
