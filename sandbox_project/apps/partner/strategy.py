"""Which of several prices a customer of the sandbox shop pays."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from oscar.apps.partner import strategy


class Selector:
    def strategy(self, request: Any = None, user: Any = None, **_options: Any) -> Hryvnias:
        return Hryvnias(request)


class Hryvnias(strategy.Default):
    """The shop's own currency, and of equals the older record: Oscar's first one is any of them."""

    def select_stockrecord(self, product: Any) -> Any:
        return min(product.stockrecords.all(), key=_order, default=None)


def _order(record: Any) -> tuple[bool, Any]:
    return record.price_currency != settings.OSCAR_DEFAULT_CURRENCY, record.pk
