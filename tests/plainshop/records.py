from decimal import Decimal

from esputnik_connector.records import Cart, CartItem, Contact, Order, OrderItem
from esputnik_connector.shops.normalise import Normaliser


def contact_of(row):
    normalise = Normaliser()
    return Contact(
        key=str(row.pk),
        email=normalise.email(row.email),
        phone=normalise.phone([(row.phone, "UA")]),
        first_name=normalise.text(row.first_name),
        last_name=normalise.text(row.last_name),
        joined_at=row.joined_at,
        attributes={"full_name": f"{row.first_name} {row.last_name}".strip()},
        notes=normalise.notes,
    )


def order_of(row):
    normalise = Normaliser()
    customer = row.customer
    return Order(
        key=row.number,
        placed_at=row.placed_at,
        status=row.status,
        currency=row.currency,
        total=row.total,
        contact_key="" if customer is None else str(customer.pk),
        email=normalise.email(row.email or (customer.email if customer else "")),
        items=tuple(
            OrderItem(
                product_key=line["sku"],
                quantity=line["quantity"],
                total=Decimal(line["price"]) * line["quantity"],
                name=normalise.text(line["title"]),
            )
            for line in row.lines
        ),
        notes=normalise.notes,
    )


def cart_of(row):
    normalise = Normaliser()
    lines = [] if row.is_ordered else row.lines
    return Cart(
        key=str(row.pk),
        currency=row.currency,
        contact_key="" if row.customer is None else str(row.customer.pk),
        email=normalise.email(row.customer.email if row.customer else ""),
        items=tuple(
            CartItem(
                product_key=line["sku"],
                quantity=line["quantity"],
                unit_price=Decimal(line["price"]),
                name=normalise.text(line["title"]),
            )
            for line in lines
        ),
        notes=normalise.notes,
    )
