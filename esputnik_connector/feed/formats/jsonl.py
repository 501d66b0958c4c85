"""JSON lines: one object per product, with the field names of the Google feed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from esputnik_connector.records import Product

from .base import NOT_IN_XML, Channel

EXTENSION = "jsonl"
CONTENT_TYPE = "application/x-ndjson; charset=utf-8"
ITEM = ""


def head(_channel: Channel) -> Iterator[str]:
    return iter(())


def tail() -> str:
    return ""


def entry(product: Product) -> str:
    """Prices are text with a currency beside them: no reader rounds them."""
    fields = {
        "id": product.key,
        "title": product.title,
        "description": product.description,
        "link": product.url,
        "image_link": product.image_urls[0] if product.image_urls else "",
        "additional_image_link": product.image_urls[1:],
        "availability": product.availability.value,
        "price": str(product.price),
        "sale_price": "" if product.sale_price is None else str(product.sale_price),
        "currency": product.currency,
        "brand": product.brand,
        "gtin": product.gtin,
        "mpn": product.mpn,
        "google_product_category": product.google_category,
        "product_type": [category.path for category in product.categories],
        "item_group_id": product.group_key,
        **product.attributes,
    }
    kept = {name: value for name, value in fields.items() if value}
    return NOT_IN_XML.sub("", json.dumps(kept, ensure_ascii=False)) + "\n"
