"""Where in an Oscar shop each field of a record comes from, for a person who asks."""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.records import Kind

CONTACT = {
    "key": "user.pk",
    "email": "user.email",
    "phone": "user.phone_number, user.phone, address book",
    "first_name": "user.first_name",
    "last_name": "user.last_name",
    "language": "user.language, user.preferred_language, user.language_code",
    "address": "address book (default for shipping)",
    "joined_at": "user.date_joined",
    "attributes": "user, order.Order, CONTACT_ATTRIBUTES",
}

ORDER = {
    "key": "order.number",
    "placed_at": "order.date_placed",
    "status": "order.status",
    "currency": "order.currency",
    "total": "order.total_incl_tax",
    "shipping": "order.shipping_incl_tax",
    "surcharges": "order.surcharges.incl_tax",
    "discount": "order.lines (before discounts − after), order.discounts (Shipping)",
    "taxes": "order.total_incl_tax − order.total_excl_tax",
    "contact_key": "order.user_id",
    "email": "order.user.email, order.guest_email",
    "phone": "order.shipping_address.phone_number",
    "first_name": "order.shipping_address, order.billing_address, order.user",
    "last_name": "order.shipping_address, order.billing_address, order.user",
    "delivery_method": "order.shipping_method",
    "payment_method": "order.sources.source_type.name",
    "address": "order.shipping_address",
    "cart_key": "order.basket_id",
    "items": "order.lines",
    "items.product_key": "line.product_id, line.partner_sku, line.upc",
    "items.quantity": "line.quantity",
    "items.total": "line.line_price_incl_tax",
    "items.name": "line.title",
    "items.category": "product.categories",
    "items.url": "SHOP_URL, product.slug",
    "items.image_url": "product.images",
}

CART = {
    "key": "basket.pk",
    "currency": "price of the first line",
    "contact_key": "basket.owner_id",
    "email": "basket.owner.email, check-out gate",
    "phone": "basket.owner",
    "items": "basket.lines",
    "items.product_key": "line.product_id",
    "items.quantity": "line.quantity",
    "items.unit_price": "price strategy, now",
    "items.name": "product.title",
    "items.category": "product.categories",
    "items.url": "SHOP_URL, product.slug",
    "items.image_url": "product.images",
}

EVENT = {
    "name": "event type",
    "params": "the event itself",
    "contact_key": "alert.user_id, wishlist.owner_id",
    "email": "alert.user.email, alert.email, wishlist.owner.email",
    "phone": "alert.user, wishlist.owner",
    "product_key": "alert.product_id, wishlist line.product_id, its variation",
    "product_name": "product.title",
    "price": "price strategy, now",
    "price_before": "the highest price since people were last told",
    "currency_code": "price strategy, now",
    "is_in_stock": "price strategy, now",
    "url": "SHOP_URL, product.slug",
    "image_url": "product.images",
}

SOURCES: Mapping[Kind, Mapping[str, str]] = {
    Kind.CONTACT: CONTACT,
    Kind.ORDER: ORDER,
    Kind.CART: CART,
    Kind.EVENT: EVENT,
}
