from decimal import Decimal

from esputnik_connector.records import Cart, CartItem, Contact, Order, OrderItem
from esputnik_connector.shops.base import Cleaner


def contact_of(row):
    clean = Cleaner()
    return Contact(
        key=str(row.pk),
        email=clean.email(row.email),
        phone=clean.phone([(row.phone, "UA")]),
        first_name=clean.text(row.first_name),
        last_name=clean.text(row.last_name),
        joined_at=row.joined_at,
        attributes={"full_name": f"{row.first_name} {row.last_name}".strip()},
        notes=clean.notes,
    )


def order_of(row):
    clean = Cleaner()
    customer = row.customer
    return Order(
        key=row.number,
        placed_at=row.placed_at,
        status=row.status,
        currency=row.currency,
        total=row.total,
        contact_key="" if customer is None else str(customer.pk),
        email=clean.email(row.email or (customer.email if customer else "")),
        items=tuple(
            OrderItem(
                product_key=line["sku"],
                quantity=line["quantity"],
                total=Decimal(line["price"]) * line["quantity"],
                name=clean.text(line["title"]),
            )
            for line in row.lines
        ),
        notes=clean.notes,
    )


def cart_of(row):
    clean = Cleaner()
    lines = [] if row.is_ordered else row.lines
    return Cart(
        key=str(row.pk),
        currency=row.currency,
        contact_key="" if row.customer is None else str(row.customer.pk),
        email=clean.email(row.customer.email if row.customer else ""),
        items=tuple(
            CartItem(
                product_key=line["sku"],
                quantity=line["quantity"],
                unit_price=Decimal(line["price"]),
                name=clean.text(line["title"]),
            )
            for line in lines
        ),
        notes=clean.notes,
    )
