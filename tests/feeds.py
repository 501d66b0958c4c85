"""Reading feeds back, with parsers that are not ours."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from esputnik_connector.feed.formats.base import Channel, stream
from esputnik_connector.feed.normalise import Normaliser, Rules
from esputnik_connector.feed.problems import Problems
from esputnik_connector.records import Availability, Category, Product

SCHEMAS = Path(__file__).parent / "schemas"
G = "{http://base.google.com/ns/1.0}"
CHANNEL = Channel(
    title="Kobzar & Co",
    link="https://shop.example",
    language="uk",
    currency="UAH",
    built_at=datetime(2026, 5, 1, tzinfo=timezone.utc),
)
Item = dict[str, Any]


def product(**values: Any) -> Product:
    """A product that has nothing wrong with it."""
    return Product(
        **{
            "key": "1",
            "title": "Shirt",
            "url": "https://shop.example/catalogue/shirt_1/",
            "price": Decimal("10.00"),
            "currency": "UAH",
            "availability": Availability.IN_STOCK,
            "description": "A shirt.",
            "image_urls": ("https://shop.example/media/1.jpg",),
            "categories": (Category(keys=("1", "2"), names=("Clothes", "Shirts")),),
            "attributes": {"brand": "Kobzar"},
            **values,
        }
    )


RULES = Rules(currency="UAH", fields={"brand": "brand"}, is_secure=True)


def fitted(*products: Product, rules: Rules = RULES) -> tuple[list[Product], Problems]:
    problems = Problems()
    normaliser = Normaliser(rules, problems)
    return [one for one in map(normaliser.normalised, products) if one is not None], problems


def written(writer: Any, *products: Product, channel: Channel = CHANNEL) -> bytes:
    return b"".join(piece for piece, _count in stream(writer, channel, products))


def parsed(content: bytes, schema: str) -> Any:
    """The document, after it passed our schema."""
    document = etree.fromstring(content)
    grammar = etree.RelaxNG(etree.parse(SCHEMAS / schema))
    grammar.assertValid(document)
    return document


def google_items(content: bytes) -> dict[str, Item]:
    """id → tag → text; tags that may repeat are lists."""
    items: dict[str, Item] = {}
    for element in parsed(content, "google_feed.rng").iter("item"):
        item: Item = {"product_type": [], "additional_image_link": []}
        for child in element:
            name = child.tag.removeprefix(G)
            if isinstance(item.get(name), list):
                item[name].append(child.text)
            else:
                assert name not in item, name
                item[name] = child.text
        assert item["id"] not in items
        items[item["id"]] = item
    return items
