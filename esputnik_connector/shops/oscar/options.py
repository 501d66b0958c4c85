"""What ``SHOP_OPTIONS`` may hold for an Oscar shop, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from esputnik_connector.explanations import gettext as _

PRICE_STRATEGY = "PRICE_STRATEGY"
"""Dotted path of ``callable() -> strategy``, for prices outside of a request. Left out: the
strategy of Oscar's ``Selector``, asked without a request."""

FEED_PRICES = "FEED_PRICES"
"""How a feed learns prices: one of :data:`WAYS`, ``strategy`` if left out."""

SEND_STAFF = "SEND_STAFF"
"""Are accounts of the shop's staff customers, too? ``False`` if left out: what they try out in the
shop is no shopper's interest. Their orders are sent all the same, since they were paid."""

THROUGH_STRATEGY, STOCK_RECORDS, ONE_BY_ONE = "strategy", "stock_records", "one_by_one"
WAYS = (THROUGH_STRATEGY, STOCK_RECORDS, ONE_BY_ONE)

CONSENT = "CONSENT"
"""Dotted path of ``callable(users) -> {user.pk: True | False | None}``: who has said yes to
messages, who has said no, who was not asked. Asked with the users of a batch, so it should cost one
query. Whoever is left out was not asked; nor was a guest."""

NAMES = (PRICE_STRATEGY, FEED_PRICES, SEND_STAFF, CONSENT)


def problems(options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """For ``manage.py check``: a path that leads nowhere, a way that does not exist."""
    for name in (PRICE_STRATEGY, CONSENT):
        path = options.get(name, "")
        if not path:
            continue
        try:
            import_string(path)
        except (ImportError, AttributeError, TypeError) as error:
            text = _("SHOP_OPTIONS: %(name)s is %(path)r, which cannot be imported: %(error)s")
            values = {"name": name, "path": path, "error": error}
            yield Error(text % values, id="esputnik_connector.E023")
    way = options.get(FEED_PRICES, THROUGH_STRATEGY)
    if way not in WAYS:
        text = _("SHOP_OPTIONS: %(name)s is %(value)r; it may be: %(known)s.")
        values = {"name": FEED_PRICES, "value": way, "known": ", ".join(WAYS)}
        yield Error(text % values, id="esputnik_connector.E021")
    if not isinstance(options.get(SEND_STAFF, False), bool):
        text = _("SHOP_OPTIONS: %(name)s is %(value)r; it may be: True, False.")
        values = {"name": SEND_STAFF, "value": options[SEND_STAFF]}
        yield Error(text % values, id="esputnik_connector.E021")
