"""Google Shopping RSS 2.0: the format that eSputnik reads."""

from __future__ import annotations

from collections.abc import Iterator

from esputnik_connector.feed.normalise import CATEGORY_LENGTH
from esputnik_connector.identity import cut
from esputnik_connector.records import Product

from .base import Channel, xml_text

EXTENSION = "xml"
CONTENT_TYPE = "application/xml; charset=utf-8"
ITEM = "item"


def head(channel: Channel) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">\n<channel>\n'
    yield f"<title>{xml_text(channel.title)}</title>\n<link>{xml_text(channel.link)}</link>\n"
    yield f"<description>{xml_text(channel.title)}</description>\n"
    yield f"<language>{xml_text(channel.language)}</language>\n"


def tail() -> str:
    return "</channel>\n</rss>\n"


def entry(product: Product) -> str:
    money = product.currency
    parts = [
        f"<item>\n<g:id>{xml_text(product.key)}</g:id>\n",
        f"<g:title>{xml_text(product.title)}</g:title>\n",
    ]
    if product.description:
        parts.append(f"<g:description>{xml_text(product.description)}</g:description>\n")
    parts.append(f"<g:link>{xml_text(product.url)}</g:link>\n")
    if product.image_urls:
        main, *more = product.image_urls
        parts.append(f"<g:image_link>{xml_text(main)}</g:image_link>\n")
        parts += [
            f"<g:additional_image_link>{xml_text(url)}</g:additional_image_link>\n" for url in more
        ]
    parts.append(f"<g:availability>{product.availability.value}</g:availability>\n")
    parts.append(f"<g:price>{product.price} {money}</g:price>\n")
    if product.sale_price is not None:
        parts.append(f"<g:sale_price>{product.sale_price} {money}</g:sale_price>\n")
    for name, value in (
        ("brand", product.brand),
        ("gtin", product.gtin),
        ("mpn", product.mpn),
        ("google_product_category", product.google_category),
        ("item_group_id", product.group_key),
    ):
        if value:
            parts.append(f"<g:{name}>{xml_text(value)}</g:{name}>\n")
    parts += [
        f"<g:product_type>{xml_text(cut(category.path, CATEGORY_LENGTH))}</g:product_type>\n"
        for category in product.categories
    ]
    if "condition" not in product.attributes:
        parts.append("<g:condition>new</g:condition>\n")
    parts += [
        f"<g:{name}>{xml_text(value)}</g:{name}>\n" for name, value in product.attributes.items()
    ]
    parts.append("</item>\n")
    return "".join(parts)
