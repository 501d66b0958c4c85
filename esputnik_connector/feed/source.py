"""What a feed's settings ask of the shop, and by which rules its products enter the feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from esputnik_connector import identity, registry
from esputnik_connector.feed.formats.base import Channel
from esputnik_connector.models import Feed
from esputnik_connector.records import Product
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import Assortment, SupportsFeed

from .links import storefront_url
from .normalise import Normaliser, Rules
from .problems import Problems


def assortment(feed: Feed) -> Assortment:
    names = feed.attributes.values_list("attribute", flat=True)
    return Assortment(
        categories=tuple(feed.categories),
        product_classes=tuple(feed.product_classes),
        is_one_per_parent=feed.is_one_per_parent,
        attributes=tuple(dict.fromkeys(names)),
        with_offers=feed.with_offers,
        checks_images=feed.checks_images,
        shop_url=feed.shop_url,
    )


def rules(feed: Feed) -> Rules:
    return Rules(
        currency=feed.currency,
        fields=dict(feed.attributes.values_list("field", "attribute")),
        uses_google_taxonomy=feed.uses_google_taxonomy,
        google_categories=dict(feed.google_categories.values_list("category", "google_category")),
        brand=identity.text(feed.brand, limit=70),
        requires_brand=feed.requires_brand,
        only_buyable=feed.only_buyable,
        is_secure=storefront_url(feed).startswith("https://"),
    )


def channel(feed: Feed, built_at: datetime) -> Channel:
    link = storefront_url(feed)
    return Channel(
        title=identity.text(feed.title or link.partition("://")[2] or feed.name),
        link=link,
        language=identity.language(feed.language) or feed.language,
        currency=feed.currency,
        built_at=built_at,
        categories=lambda: SupportsFeed.of(registry.shop()).categories(language=feed.language),
    )


def products(feed: Feed, problems: Problems) -> Iterator[Product]:
    """Every product of the feed, as the feed shows it.

    :param problems: gets what is wrong with them.
    """
    normalised = Normaliser(rules(feed), problems).normalised
    read = reading.products(
        registry.shop(),
        language=feed.language,
        currency=feed.currency,
        assortment=assortment(feed),
    )
    return (product for product in map(normalised, read) if product is not None)
