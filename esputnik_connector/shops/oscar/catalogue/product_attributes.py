"""Attributes of products as texts in the active language: one query per page of products.

Besides the shop's own attributes there are a few fields under names with a dot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from oscar.core.loading import get_model

from esputnik_connector.shops.bulk import among, fetched, text_of, with_translations

FIELDS = {
    "product.upc": _("Product: UPC"),
    "product.code": _("Product: code"),
    "product.class": _("Product: class"),
    "stock.sku": _("Stock record: the partner's SKU"),
    "stock.partner": _("Stock record: partner"),
}

Texts = dict[str, str]


def labels() -> dict[str, str]:
    """Name → label of everything a feed may use."""
    attributes = get_model("catalogue", "ProductAttribute")._default_manager.order_by("code", "pk")
    found = {name: str(label) for name, label in FIELDS.items()}
    for attribute in attributes:
        found.setdefault(attribute.code, str(attribute.name))
    return found


class Values:
    """Reads the attributes of these names and no others."""

    def __init__(self, names: Iterable[str]) -> None:
        model = get_model("catalogue", "ProductAttribute")
        wanted = [name for name in names if name not in FIELDS]
        found = model._default_manager.order_by().filter(code__in=wanted)
        self._attributes: dict[Any, tuple[str, str]] = (
            {pk: (code, kind) for pk, code, kind in found.values_list("pk", "code", "type")}
            if wanted
            else {}
        )
        kinds = {kind for _code, kind in self._attributes.values()}
        self._has_many = "multi_option" in kinds
        self._is_whole = "entity" in kinds
        self._columns = sorted(f"value_{kind}" for kind in kinds - {"multi_option", "entity"})
        self._options = (
            _option_names(self._attributes) if kinds & {"option", "multi_option"} else {}
        )
        self._texts: dict[str, Callable[[Any], str]] = {
            "option": lambda pk: self._options.get(pk, ""),
            "boolean": _yes_or_no,
        }

    def of(self, product_pks: Sequence[Any]) -> Mapping[Any, Texts]:
        """Product pk → name → text."""
        found: defaultdict[Any, Texts] = defaultdict(dict)
        if not self._attributes:
            return found
        names = ["product_id", "attribute_id", *self._columns]
        position = {column: number for number, column in enumerate(names)}
        plan = {
            pk: (code, position.get(f"value_{kind}"), self._texts.get(kind, str))
            for pk, (code, kind) in self._attributes.items()
        }
        for row in fetched(lambda chunk: self._rows(chunk).values_list(*names), product_pks):
            code, column, as_text = plan[row[1]]
            if column is not None and row[column] not in (None, ""):
                found[row[0]][code] = as_text(row[column])
        if self._has_many:
            self._add_many(found, product_pks)
        if self._is_whole:
            self._add_entities(found, product_pks)
        return found

    def _rows(self, product_pks: Sequence[Any]) -> Any:
        values = get_model("catalogue", "ProductAttributeValue")._default_manager.order_by()
        return values.filter(
            among("product_id", product_pks), attribute_id__in=list(self._attributes)
        )

    def _add_many(self, found: defaultdict[Any, Texts], product_pks: Sequence[Any]) -> None:
        many = fetched(
            lambda chunk: (
                self._rows(chunk)
                .filter(value_multi_option__isnull=False)
                .order_by("value_multi_option")
                .values_list("product_id", "attribute_id", "value_multi_option")
            ),
            product_pks,
        )
        for product_pk, attribute_pk, option_pk in many:
            code = self._attributes[attribute_pk][0]
            parts = (found[product_pk].get(code, ""), self._options.get(option_pk, ""))
            found[product_pk][code] = ", ".join(part for part in parts if part)

    def _add_entities(self, found: defaultdict[Any, Texts], product_pks: Sequence[Any]) -> None:
        entities = [pk for pk, (_code, kind) in self._attributes.items() if kind == "entity"]
        for value in fetched(
            lambda chunk: (
                self._rows(chunk).filter(attribute_id__in=entities).prefetch_related("value_entity")
            ),
            product_pks,
        ):
            if value.value_entity is not None:
                found[value.product_id][self._attributes[value.attribute_id][0]] = str(
                    value.value_entity
                )


def _option_names(attribute_pks: Iterable[Any]) -> dict[Any, str]:
    """Whole objects, for a translated name may stand in another table."""
    options = get_model("catalogue", "AttributeOption")._default_manager.order_by()
    used = options.filter(group__product_attributes__in=list(attribute_pks)).distinct()
    return {option.pk: text_of(option, "option") for option in with_translations(used)}


def _yes_or_no(value: Any) -> str:
    """As Oscar says it on the product's page."""
    if value:
        return pgettext("Product attribute value", "Yes")
    return pgettext("Product attribute value", "No")
