"""What a wished product cost, so that a drop can be seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from .base import ConnectorModel, ConnectorQuerySet

CHUNK = 2000  # rows in one statement
PRICE_STEP = "0.0001"  # finer than any coin; what a strategy computes may be finer still
HIGHEST_PRICE = Decimal("9999999999999999.9999")
KEY_LENGTH = 255
CURRENCY_LENGTH = 12


class WatchedPriceQuerySet(ConnectorQuerySet["WatchedPrice"]):
    def remember(self, prices: Sequence[WatchedPrice]) -> None:
        """Add or replace. Two walks at once read the same shop and write the same."""
        if not prices:
            return
        has_target = connections[self.db].features.supports_update_conflicts_with_target
        self.bulk_create(
            prices,
            batch_size=1000,
            update_conflicts=True,
            update_fields=["price", "announced_on", "noted_on", "seen_at"],
            unique_fields=["product_key", "currency"] if has_target else None,
        )

    def mark_noted(self, prices: Collection[WatchedPrice], day: date) -> None:
        """Events of these drops are written down, the lower price is not yet."""
        pks = [price.pk for price in prices if price.noted_on is None]
        for start in range(0, len(pks), CHUNK):
            self.filter(pk__in=pks[start : start + CHUNK]).update(noted_on=day)


class WatchedPrice(ConnectorModel):
    """The highest price of a sellable unit since people were last told that it fell, or since
    a customer first wished for it. A price that rises is remembered silently, one that falls a
    little is not: small steps add up.

    ``noted_on`` is the day on which a drop was first seen by a walk that has not come to its end:
    until one does, it is one drop, however often it is found.
    """

    product_key = models.CharField(max_length=KEY_LENGTH)
    currency = models.CharField(max_length=CURRENCY_LENGTH)
    price = models.DecimalField(max_digits=20, decimal_places=4)
    announced_on = models.DateField(null=True)
    noted_on = models.DateField(null=True)
    seen_at = models.DateTimeField()

    objects: ClassVar = WatchedPriceQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("watched price")
        verbose_name_plural = _("watched prices")
        constraints = [
            models.UniqueConstraint(fields=["product_key", "currency"], name="esputnik_price_once")
        ]

    def __str__(self) -> str:
        return f"{self.product_key} {self.currency}"
