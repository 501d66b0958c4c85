"""YML (Yandex Market Language): the format that Mindbox reads."""

from __future__ import annotations

from collections.abc import Iterator

from esputnik_connector.feed.text import xml
from esputnik_connector.records import Availability, Product

from .base import Channel

EXTENSION = "yml"
CONTENT_TYPE = "application/xml; charset=utf-8"
ITEM = "offer"


def head(channel: Channel) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<yml_catalog date="{channel.built_at:%Y-%m-%d %H:%M}">\n<shop>\n'
    yield f"<name>{xml(channel.title)}</name>\n<company>{xml(channel.title)}</company>\n"
    yield f"<url>{xml(channel.link)}</url>\n"
    yield f'<currencies><currency id="{xml(channel.currency)}" rate="1"/></currencies>\n'
    yield "<categories>\n"
    for category in channel.categories():
        parent = f' parentId="{xml(category.keys[-2])}"' if len(category.keys) > 1 else ""
        name = xml(category.names[-1])
        yield f'<category id="{xml(category.key)}"{parent}>{name}</category>\n'
    yield "</categories>\n<offers>\n"


def tail() -> str:
    return "</offers>\n</shop>\n</yml_catalog>\n"


def entry(product: Product) -> str:
    is_there = "false" if product.availability is Availability.OUT_OF_STOCK else "true"
    group = f' group_id="{xml(product.group_key)}"' if product.group_key else ""
    parts = [f'<offer id="{xml(product.key)}" available="{is_there}"{group}>\n']
    parts.append(f"<url>{xml(product.url)}</url>\n")
    if product.sale_price is not None:
        parts.append(f"<price>{product.sale_price}</price>\n<oldprice>{product.price}</oldprice>\n")
    else:
        parts.append(f"<price>{product.price}</price>\n")
    parts.append(f"<currencyId>{xml(product.currency)}</currencyId>\n")
    parts += [f"<categoryId>{xml(one.key)}</categoryId>\n" for one in product.categories[:1]]
    parts += [f"<picture>{xml(url)}</picture>\n" for url in product.image_urls]
    parts.append(f"<name>{xml(product.title)}</name>\n")
    for name, value in (
        ("vendor", product.brand),
        ("vendorCode", product.mpn),
        ("barcode", product.gtin),
        ("description", product.description),
    ):
        if value:
            parts.append(f"<{name}>{xml(value)}</{name}>\n")
    parts += [
        f'<param name="{xml(name)}">{xml(value)}</param>\n'
        for name, value in product.attributes.items()
    ]
    parts.append("</offer>\n")
    return "".join(parts)
