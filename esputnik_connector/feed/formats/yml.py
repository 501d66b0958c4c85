"""YML (Yandex Market Language): the format that Mindbox reads."""

from __future__ import annotations

from collections.abc import Iterator

from esputnik_connector.records import Availability, Product

from .base import Channel, xml_text

EXTENSION = "yml"
CONTENT_TYPE = "application/xml; charset=utf-8"
ITEM = "offer"


def head(channel: Channel) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<yml_catalog date="{channel.built_at:%Y-%m-%d %H:%M}">\n<shop>\n'
    yield f"<name>{xml_text(channel.title)}</name>\n<company>{xml_text(channel.title)}</company>\n"
    yield f"<url>{xml_text(channel.link)}</url>\n"
    yield f'<currencies><currency id="{xml_text(channel.currency)}" rate="1"/></currencies>\n'
    yield "<categories>\n"
    for category in channel.categories():
        parent = f' parentId="{xml_text(category.keys[-2])}"' if len(category.keys) > 1 else ""
        name = xml_text(category.names[-1])
        yield f'<category id="{xml_text(category.key)}"{parent}>{name}</category>\n'
    yield "</categories>\n<offers>\n"


def tail() -> str:
    return "</offers>\n</shop>\n</yml_catalog>\n"


def entry(product: Product) -> str:
    is_there = "false" if product.availability is Availability.OUT_OF_STOCK else "true"
    group = f' group_id="{xml_text(product.group_key)}"' if product.group_key else ""
    parts = [f'<offer id="{xml_text(product.key)}" available="{is_there}"{group}>\n']
    parts.append(f"<url>{xml_text(product.url)}</url>\n")
    if product.sale_price is not None:
        parts.append(f"<price>{product.sale_price}</price>\n<oldprice>{product.price}</oldprice>\n")
    else:
        parts.append(f"<price>{product.price}</price>\n")
    parts.append(f"<currencyId>{xml_text(product.currency)}</currencyId>\n")
    parts += [f"<categoryId>{xml_text(one.key)}</categoryId>\n" for one in product.categories[:1]]
    parts += [f"<picture>{xml_text(url)}</picture>\n" for url in product.image_urls]
    parts.append(f"<name>{xml_text(product.title)}</name>\n")
    for name, value in (
        ("vendor", product.brand),
        ("vendorCode", product.mpn),
        ("barcode", product.gtin),
        ("description", product.description),
    ):
        if value:
            parts.append(f"<{name}>{xml_text(value)}</{name}>\n")
    parts += [
        f'<param name="{xml_text(name)}">{xml_text(value)}</param>\n'
        for name, value in product.attributes.items()
    ]
    parts.append("</offer>\n")
    return "".join(parts)
