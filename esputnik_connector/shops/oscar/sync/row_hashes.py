"""Hashes of rows, for versions: what a record is made of, without reading it.

PostgreSQL hashes its rows itself: then only one short value per record and table travels.
Elsewhere the rows are read as tuples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.db import connections
from django.db.models import BigIntegerField, Func, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast

from esputnik_connector.shops.bulk import belongs_to, stored

DIGEST_BYTES = 16

HashedRow = tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """Rows that hang on a record: the column that points at it, and the columns that count."""

    rows: QuerySet[Any]
    owner: str
    names: Sequence[str]


def hashed_rows(
    rows: QuerySet[Any], ids: Sequence[str], names: Sequence[str]
) -> Iterable[HashedRow]:
    """The ``ids`` of each row, and what stands for its ``names``."""
    if not _hashes_itself(rows):
        return _tuples(rows, ids, names)
    return rows.values_list(*ids, Func(_RowText(*names), function="md5", output_field=TextField()))


def parts_of(owners: Collection[Any], parts: Iterable[Part]) -> Mapping[Any, list[object]]:
    """Owner → what stands for its rows in each part, whatever their order."""
    found: defaultdict[Any, list[object]] = defaultdict(list)
    for part in parts if owners else ():
        rows = part.rows.order_by().filter(belongs_to(owners, part.owner))
        name = part.rows.model._meta.label
        for row in _summed(rows, part) if _hashes_itself(rows) else _listed(rows, part):
            found[row[0]].append((name, row))
    return found


def combined_hash(value: object) -> str:
    return blake2b(repr(value).encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()


def _hashes_itself(rows: QuerySet[Any]) -> bool:
    return connections[rows.db].vendor == "postgresql"


class _RowText(Func):
    """Columns as PostgreSQL writes them; NULL is another thing than an empty text."""

    template = "(ROW(%(expressions)s))::text"
    output_field = TextField()


def _summed(rows: QuerySet[Any], part: Part) -> Iterable[Any]:
    """One number per owner: the sum of the 64-bit hashes of its rows."""
    hashed = Func(
        _RowText(*part.names), Value(0), function="hashtextextended", output_field=BigIntegerField()
    )
    total = Cast(Sum(hashed), TextField())
    summed: Iterable[Any] = rows.values_list(part.owner).annotate(total=total)
    return summed


def _listed(rows: QuerySet[Any], part: Part) -> Iterable[Any]:
    return sorted(_tuples(rows, [part.owner], part.names), key=repr)


def _tuples(rows: QuerySet[Any], ids: Sequence[str], names: Sequence[str]) -> Iterable[Any]:
    """Rows as tuples, columns as the database holds them: to parse a phone number costs more than
    to read an order."""
    return rows.values_list(*ids, *(stored(rows.model, name) for name in names))
