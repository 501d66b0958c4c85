"""Search by the shop's own database: for a sandbox that has no Solr or Elasticsearch.

Haystack's simple backend reads Oscar's conditions ("is public", "in this category") as words to
look for and so finds nothing; this engine understands the four that Oscar uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Min, Q, QuerySet
from haystack.backends import BaseEngine, SearchNode
from haystack.backends.simple_backend import SimpleSearchBackend, SimpleSearchQuery
from haystack.models import SearchResult
from oscar.core.loading import get_model

SORTING = {
    "date_created": "date_created",
    "price": "lowest_price",
    "rating": "rating",
    "title_exact": "title",
}


class ShopSearchQuery(SimpleSearchQuery):
    """Hands the conditions over to the backend as JSON."""

    def build_query(self) -> str:
        conditions: dict[str, Any] = {"words": []}
        for field, value in _conditions(self.query_filter):
            if field in {"category", "structure"}:
                conditions[field] = list(value)
            elif field == "content":
                conditions["words"] += str(getattr(value, "query_string", value)).split()
        return json.dumps(conditions)


class ShopSearchBackend(SimpleSearchBackend):
    def search(self, query_string: str, **options: Any) -> dict[str, Any]:
        conditions = json.loads(query_string)
        found = matching(conditions).order_by(*_order(options.get("sort_by") or []))
        page = found[options.get("start_offset") or 0 : options.get("end_offset")]
        make = options.get("result_class") or SearchResult
        results = []
        for product in page:
            result = make("catalogue", "product", product.pk, 0)
            result._object, result._model = product, type(product)
            results.append(result)
        return {"results": results, "hits": found.count()}


class ShopSearchEngine(BaseEngine):
    backend = ShopSearchBackend
    query = ShopSearchQuery


def matching(conditions: dict[str, Any]) -> QuerySet[Any]:
    """Public products that a shopper may find, each once."""
    products = get_model("catalogue", "Product").objects.browsable().base_queryset()
    if "category" in conditions:
        in_category = Q(categories__in=conditions["category"])
        products = products.filter(pk__in=products.filter(in_category).order_by().values("pk"))
    for word in conditions["words"]:
        products = products.filter(
            Q(title__icontains=word) | Q(description__icontains=word) | Q(upc__icontains=word)
        )
    return products.annotate(
        lowest_price=Min(
            "stockrecords__price",
            filter=Q(stockrecords__price_currency=settings.OSCAR_DEFAULT_CURRENCY),
        ),
    )


def _conditions(node: SearchNode) -> Iterator[tuple[str, Any]]:
    for child in node.children:
        if isinstance(child, SearchNode):
            yield from _conditions(child)
        else:
            expression, value = child
            yield expression.split("__")[0], value


def _order(wanted: list[str]) -> list[str]:
    fields = []
    for name in wanted:
        sign, plain = ("-", name[1:]) if name.startswith("-") else ("", name)
        if plain in SORTING:
            fields.append(f"{sign}{SORTING[plain]}")
    return [*fields, "pk"]
