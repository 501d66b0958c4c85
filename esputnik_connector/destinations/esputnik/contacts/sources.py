"""Which field of a record each part of a payload comes from, for a person who asks."""

from __future__ import annotations

from collections.abc import Mapping

from esputnik_connector.records import Kind

from .fields import CHANNEL, CONTACT_FIELDS

CONTACT = {
    "externalCustomerId": "key",
    "channels[].type": "",
    "channels[].value": ", ".join(f.source for f in CONTACT_FIELDS if f.place == CHANNEL),
    **{f.path: f.source for f in CONTACT_FIELDS if f.place != CHANNEL},
    "fields[].id": "",
    "fields[].value": "attributes",
}
CONTACTS = {f"contacts[].{path}": field for path, field in CONTACT.items()} | {
    "dedupeOn": "",
    "contactFields[]": "",
    "customFieldsIDs[]": "",
    "restoreDeleted": "",
}

ORDER = {
    "externalOrderId": "key",
    "totalCost": "total",
    "status": "status",
    "statusDescription": "status",
    "date": "placed_at",
    "currency": "currency",
    "externalCustomerId": "contact_key",
    "email": "email",
    "phone": "phone",
    "firstName": "first_name",
    "lastName": "last_name",
    "shipping": "shipping, surcharges",
    "discount": "discount",
    "taxes": "taxes",
    "deliveryMethod": "delivery_method",
    "paymentMethod": "payment_method",
    "deliveryAddress": "address",
    "additionalInfo.adjustment": "total, shipping, surcharges, items.total",
    "items[].externalItemId": "items.product_key",
    "items[].name": "items.name",
    "items[].category": "items.category",
    "items[].quantity": "items.quantity",
    "items[].cost": "items.total, items.quantity",
    "items[].url": "items.url",
    "items[].imageUrl": "items.image_url",
}
ORDERS = {f"orders[].{path}": field for path, field in ORDER.items()}
KEY_VALUE = {"keyValue": "contact_key, email, phone"}
ORDER_EVENT = {f"params.{path}": field for path, field in ORDER.items()} | {
    "eventTypeKey": "status",
    **KEY_VALUE,
    "params.recycleStateId": "cart_key",
}

CART = {
    "eventTypeKey": "",
    **KEY_VALUE,
    "params.externalCustomerId": "contact_key",
    "params.email": "email",
    "params.phone": "phone",
    "params.products[].productId": "items.product_key",
    "params.products[].quantity": "items.quantity",
    "params.products[].price": "items.unit_price",
    "params.products[].name": "items.name",
    "params.products[].category": "items.category",
    "params.products[].url": "items.url",
    "params.products[].imageUrl": "items.image_url",
    "params.currencyCode": "currency",
    "params.recycleStateId": "key",
}

EVENT = {
    "eventTypeKey": "name",
    **KEY_VALUE,
    "params.externalCustomerId": "contact_key",
    "params.email": "email",
    "params.phone": "phone",
    "params": "params",  # each from where the type of the event says
}

SUBSCRIPTION = {f"contact.{path}": field for path, field in CONTACT.items()} | {
    "contact.externalCustomerId": "contact_key",
    "groups[]": "groups",
    "subscriptions[]": "categories",
    "formType": "form_type",
}

SOURCES: Mapping[Kind, Mapping[str, str]] = {
    Kind.CONTACT: CONTACT | CONTACTS,
    Kind.ORDER: ORDERS | ORDER_EVENT,
    Kind.CART: CART,
    Kind.EVENT: EVENT,
    Kind.SUBSCRIPTION: SUBSCRIPTION,
}
