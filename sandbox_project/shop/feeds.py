"""Product feeds of the sandbox shop: what a merchant sets up in the admin, once."""

from __future__ import annotations

from itertools import product

from django.conf import settings

from esputnik_connector.models import Feed

CURRENCIES = (settings.OSCAR_DEFAULT_CURRENCY, "EUR")


def announce_feeds() -> None:
    """One for eSputnik in each language and currency. Built by beat, or when fetched."""
    languages = [language for language, _name in settings.LANGUAGES]
    for language, currency in product(languages, CURRENCIES):
        is_usual = currency == settings.OSCAR_DEFAULT_CURRENCY
        feed, is_new = Feed.objects.get_or_create(
            name=language if is_usual else f"{language}-{currency.lower()}",
            defaults={
                "language": language,
                "currency": currency,
                "title": settings.OSCAR_SHOP_NAME,
                "brand": settings.OSCAR_SHOP_NAME,
            },
        )
        if is_new:
            feed.attributes.create(field="size", attribute="size")
            feed.attributes.create(field="mpn", attribute="stock.sku")
