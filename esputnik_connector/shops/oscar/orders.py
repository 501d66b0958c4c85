"""Oscar's orders → records, from the order's own snapshot, in ten queries per batch.

User, product, stock record, basket, addresses and site of an old order may all be gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import translation
from oscar.core.loading import get_model

from esputnik_connector.records import Note, Order, OrderItem
from esputnik_connector.shops.bulk import (
    Row,
    aware,
    belongs_to,
    read,
    rows,
    values_of,
)
from esputnik_connector.shops.normalise import Cleaner
from esputnik_connector.shops.oscar.catalogue.cards import NO_CARD, Card, cards
from esputnik_connector.shops.oscar.customers import people
from esputnik_connector.shops.oscar.customers.addresses import (
    address_lookups,
    address_of,
    postal_address,
)
from esputnik_connector.shops.oscar.optional import model_or_none

ZERO = Decimal(0)
ORDER_FIELDS = (
    "pk",
    "number",
    "date_placed",
    "status",
    "currency",
    "total_incl_tax",
    "total_excl_tax",
    "shipping_incl_tax",
    "shipping_method",
    "guest_email",
    "user_id",
    "basket_id",
)
LINE_FIELDS = (
    "pk",
    "order_id",
    "product_id",
    "partner_sku",
    "upc",
    "title",
    "quantity",
    "line_price_incl_tax",
    "line_price_before_discounts_incl_tax",
)


@dataclass(frozen=True, kw_only=True)
class RelatedRows:
    """All that belongs to a batch of orders and stands in other tables."""

    buyers: Mapping[Any, people.Buyer]
    lines: Mapping[Any, Sequence[Row]]
    cards: Mapping[Any, Card]
    shipping_discounts: Mapping[Any, Decimal]
    surcharges: Mapping[Any, Decimal]
    payment_methods: Mapping[Any, str]


def orders(keys: Sequence[str]) -> dict[str, Order]:
    """Key → order for the order numbers that exist."""
    model = get_model("order", "Order")
    numbers = values_of(model._meta.get_field("number"), keys)
    names = [*ORDER_FIELDS, *people.buyer_lookups("user"), *address_lookups(model)]
    found = list(rows(model._base_manager.order_by("pk"), "number", numbers, names))
    around = _related_rows(found)
    return {row["number"]: _order(row, around) for row in found}


def _related_rows(found: Sequence[Row]) -> RelatedRows:
    pks = [row["pk"] for row in found]
    lines = _grouped(get_model("order", "Line"), pks, LINE_FIELDS)
    products = {line["product_id"] for group in lines.values() for line in group}
    return RelatedRows(
        buyers=people.buyers(found, "user"),
        lines=lines,
        cards=cards(products - {None}),
        shipping_discounts=_shipping_discounts(pks),
        surcharges=_surcharges(pks),
        payment_methods=_payment_methods(pks),
    )


def _order(row: Row, around: RelatedRows) -> Order:
    clean = Cleaner()
    shipping = address_of(row, "shipping_address")
    buyer = around.buyers.get(row["user_id"])
    lines = around.lines.get(row["pk"], ())
    first_name, last_name = _names(row, buyer)
    placed_at = aware(row["date_placed"])
    assert placed_at is not None  # the column is NOT NULL
    return Order(
        key=row["number"],
        placed_at=placed_at,
        status=clean.text(row["status"]),
        currency=row["currency"].strip().upper(),
        total=row["total_incl_tax"],
        shipping=row["shipping_incl_tax"],
        surcharges=around.surcharges.get(row["pk"], ZERO),
        discount=_line_discount(lines) + around.shipping_discounts.get(row["pk"], ZERO),
        taxes=_taxes(row),
        contact_key="" if row["user_id"] is None else str(row["user_id"]),
        email=clean.email(buyer.email if buyer else row["guest_email"]),
        phone=clean.phone([(shipping.get("phone_number"), shipping.get("country_id") or "")]),
        first_name=clean.text(first_name),
        last_name=clean.text(last_name),
        delivery_method=clean.text(row["shipping_method"]),
        payment_method=clean.text(around.payment_methods.get(row["pk"], "")),
        address=postal_address(clean, shipping),
        items=_items(lines, around.cards, clean),
        cart_key="" if row["basket_id"] is None else str(row["basket_id"]),
        notes=clean.notes,  # evaluated last: the calls above write it
    )


def _items(
    lines: Iterable[Row], cards_: Mapping[Any, Card], clean: Cleaner
) -> tuple[OrderItem, ...]:
    items = []
    for line in lines:
        if line["quantity"] <= 0:
            clean.note(Note.ITEM_DROPPED)
            continue
        card = cards_.get(line["product_id"], NO_CARD)
        items.append(
            OrderItem(
                product_key=_product_key(line),
                quantity=line["quantity"],
                total=line["line_price_incl_tax"],
                name=clean.text(line["title"]),
                category=clean.text(card.category),
                url=card.url,
                image_url=card.image_url,
            )
        )
    return tuple(items)


def _product_key(line: Row) -> str:
    """The variation's pk; once the product is deleted, the steadiest name the line has.

    Prefixed, because an article number may be just the pk of another product.
    """
    if line["product_id"] is not None:
        return str(line["product_id"])
    for name in ("partner_sku", "upc"):
        if line[name]:
            return f"{name.removeprefix('partner_')}-{line[name]}"
    return f"line-{line['pk']}"


def _line_discount(lines: Iterable[Row]) -> Decimal:
    return sum(
        (
            line["line_price_before_discounts_incl_tax"] - line["line_price_incl_tax"]
            for line in lines
        ),
        ZERO,
    )


def _taxes(row: Row) -> Decimal | None:
    including, excluding = row["total_incl_tax"], row["total_excl_tax"]
    return None if excluding is None else including - excluding


def _names(row: Row, buyer: people.Buyer | None) -> tuple[str, str]:
    """Of the first that has a name: the delivery address, the billing address, the customer."""
    for relation in ("shipping_address", "billing_address"):
        first = row.get(f"{relation}__first_name") or ""
        last = row.get(f"{relation}__last_name") or ""
        if first or last:
            return first, last
    return (buyer.first_name, buyer.last_name) if buyer else ("", "")


def _grouped(model: Any, order_pks: Sequence[Any], names: Sequence[str]) -> dict[Any, list[Row]]:
    """Order pk → its rows of ``model``, oldest first; nothing if the shop has no such model."""
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    if model is not None and order_pks:
        wanted = set(order_pks)
        found = model._base_manager.filter(belongs_to(wanted, "order_id")).order_by("pk")
        for row in read(found, names):
            if row["order_id"] in wanted:
                groups[row["order_id"]].append(row)
    return dict(groups)


def _shipping_discounts(order_pks: Sequence[Any]) -> dict[Any, Decimal]:
    """Discounts of lines are in the lines; those of the delivery stand only here."""
    model = get_model("order", "OrderDiscount")
    groups = _grouped(model, order_pks, ["order_id", "category", "amount"])
    return {
        pk: sum((row["amount"] for row in group if row["category"] == model.SHIPPING), ZERO)
        for pk, group in groups.items()
    }


def _surcharges(order_pks: Sequence[Any]) -> dict[Any, Decimal]:
    groups = _grouped(model_or_none("order", "Surcharge"), order_pks, ["order_id", "incl_tax"])
    return {pk: sum((row["incl_tax"] for row in group), ZERO) for pk, group in groups.items()}


def _payment_methods(order_pks: Sequence[Any]) -> dict[Any, str]:
    """Order pk → names of its payment source types. The names may be translated: own manager."""
    sources = _grouped(
        model_or_none("payment", "Source"), order_pks, ["order_id", "source_type_id"]
    )
    if not sources:
        return {}
    types = get_model("payment", "SourceType")._default_manager.order_by()
    type_pks = {row["source_type_id"] for group in sources.values() for row in group}
    with translation.override(settings.LANGUAGE_CODE):
        names = {row["pk"]: row["name"] for row in rows(types, "pk", type_pks, ["pk", "name"])}
    return {
        pk: ", ".join(dict.fromkeys(names.get(row["source_type_id"], "") for row in group))
        for pk, group in sources.items()
    }
