"""Product feeds of the sandbox shop: what a merchant sets up in the admin, once."""

from __future__ import annotations

from django.conf import settings

from esputnik_connector.models import Feed


def announce_feeds() -> None:
    """One for eSputnik in each language, in the shop's currency. Built by beat, or when fetched."""
    for language, _name in settings.LANGUAGES:
        feed, is_new = Feed.objects.get_or_create(
            name=language,
            defaults={
                "language": language,
                "currency": settings.OSCAR_DEFAULT_CURRENCY,
                "title": settings.OSCAR_SHOP_NAME,
                "brand": settings.OSCAR_SHOP_NAME,
            },
        )
        if is_new:
            feed.attributes.create(field="size", attribute="size")
            feed.attributes.create(field="mpn", attribute="stock.sku")
