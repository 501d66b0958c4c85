"""What a reconciliation asks of an Oscar shop: versions of orders, fresh carts, who is still there.

The version of an order is a hash over the rows that the order itself is made of: order, lines,
discounts, surcharges, payment sources, both addresses and the customer's row. Names, pictures and
categories of *products* are left out on purpose: they are read when an order is sent, but a renamed
category must not send ten thousand old orders again, each of which may start a workflow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import (
    BigIntegerField,
    Exists,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
)
from django.db.models.functions import Cast
from oscar.core.loading import get_model

from esputnik_connector.records import Kind
from esputnik_connector.shops.base import Page
from esputnik_connector.shops.oscar.history import GUEST
from esputnik_connector.shops.oscar.orders import LINE_FIELDS, ORDER_FIELDS, address_lookups
from esputnik_connector.shops.oscar.tables import (
    belongs_to,
    fetched,
    field_names,
    model_or_none,
    stored,
    values_of,
)

RESTLESS = frozenset({"password", "last_login"})  # columns of a user that no payload holds
DIGEST_BYTES = 16


def order_versions(keys: Sequence[str]) -> dict[str, str]:
    """Order number → version. Five queries, whatever the number of orders.

    PostgreSQL hashes the rows itself: then only one short text per order and table travels.
    """
    model = get_model("order", "Order")
    numbers = values_of(model._meta.get_field("number"), keys)
    orders = model._base_manager.order_by()
    is_postgres = connections[orders.db].vendor == "postgresql"
    columns = _order_columns(model)
    heads_of, parts_of = (_hashed, _summed) if is_postgres else (_tuples, _tuples)
    heads = fetched(
        lambda chunk: heads_of(orders.filter(number__in=chunk), ["pk", "number"], columns), numbers
    )
    by_pk = {head[0]: head for head in heads}
    parts: defaultdict[Any, list[Any]] = defaultdict(list)
    for part, names in _parts() if by_pk else ():
        ordered = part._base_manager.order_by(*(() if is_postgres else ("pk",)))
        for row in parts_of(ordered.filter(belongs_to(by_pk)), ["order_id"], names):
            parts[row[0]].append((part._meta.label, row))
    return {head[1]: _hash((head, parts[pk])) for pk, head in by_pk.items()}


def _order_columns(model: Any) -> list[str]:
    users = [f"user__{name}" for name in sorted(field_names(get_user_model()) - RESTLESS)]
    own = [name for name in ORDER_FIELDS if name not in ("pk", "number")]
    return [*own, *address_lookups(model), *users]


def _parts() -> list[tuple[Any, list[str]]]:
    """The models that hang on an order, with the columns an order is made of."""
    lines = [name for name in LINE_FIELDS if name != "order_id"]
    found = [
        (get_model("order", "Line"), lines),
        (get_model("order", "OrderDiscount"), ["category", "amount"]),
        (model_or_none("order", "Surcharge"), ["incl_tax"]),
        (model_or_none("payment", "Source"), ["source_type_id"]),
    ]
    return [(model, columns) for model, columns in found if model is not None]


def _tuples(rows: QuerySet[Any], ids: Sequence[str], names: Sequence[str]) -> Iterable[Any]:
    """Rows as tuples, columns as the database holds them: to parse a phone number costs more than
    to read an order."""
    return rows.values_list(*ids, *(stored(rows.model, name) for name in names))


class _RowText(Func):
    """Columns as PostgreSQL writes them; NULL is another thing than an empty text."""

    template = "(ROW(%(expressions)s))::text"
    output_field = TextField()


def _hashed(rows: QuerySet[Any], ids: Sequence[str], names: Sequence[str]) -> Iterable[Any]:
    """One hash per row."""
    return rows.values_list(*ids, Func(_RowText(*names), function="md5", output_field=TextField()))


def _summed(rows: QuerySet[Any], ids: Sequence[str], names: Sequence[str]) -> Iterable[Any]:
    """One number per order: the sum of the 64-bit hashes of its rows, whatever their order."""
    hashed = Func(
        _RowText(*names), Value(0), function="hashtextextended", output_field=BigIntegerField()
    )
    total = Cast(Sum(hashed), TextField())
    summed: Iterable[Any] = rows.values_list(*ids).annotate(total=total)
    return summed


def _hash(value: object) -> str:
    return blake2b(repr(value).encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()


def existing(kind: Kind, keys: Sequence[str]) -> Collection[str]:
    """A guest is never gone: when their first order is deleted, nobody asked to be forgotten."""
    model, name = {
        Kind.CONTACT: (get_user_model(), "pk"),
        Kind.ORDER: (get_model("order", "Order"), "number"),
        Kind.CART: (get_model("basket", "Basket"), "pk"),
    }[kind]
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    rows = model._base_manager.order_by()
    found = fetched(
        lambda chunk: rows.filter(**{f"{name}__in": chunk}).values_list(name, flat=True),
        values_of(field, keys),
    )
    return {str(value) for value in found} | {key for key in keys if key.startswith(GUEST)}


def fresh_carts(*, after: str, since: datetime, limit: int) -> Page:
    """Baskets made since then, or with a line that was saved since then."""
    model = get_model("basket", "Basket")
    lines = get_model("basket", "Line")._base_manager.filter(basket_id=OuterRef("pk"))
    is_fresh = Q(date_created__gte=since)
    if "date_updated" in field_names(lines.model):
        is_fresh |= Q(Exists(lines.filter(date_updated__gte=since)))
    baskets = model._base_manager.filter(is_fresh)
    if after:
        baskets = baskets.filter(pk__gt=after)
    keys = [str(pk) for pk in baskets.order_by("pk").values_list("pk", flat=True)[:limit]]
    return Page(keys=tuple(keys), cursor=keys[-1] if len(keys) == limit else "")
