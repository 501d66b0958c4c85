"""Who still waits to be told of a product: alerts and wish lists, page by page, by keyset.

It finds what no signal tells: ``update()``, ``bulk_create()``, an import of stock records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from esputnik_connector.conf import conf
from esputnik_connector.event_names import BACK_IN_STOCK
from esputnik_connector.shops.base import Page, WishedPage
from esputnik_connector.shops.bulk import fetched, field_names, values_of
from esputnik_connector.shops.oscar.catalogue.availability import sound_offers
from esputnik_connector.shops.oscar.catalogue.prices import Prices
from esputnik_connector.shops.oscar.events.events import alert_pks
from esputnik_connector.shops.oscar.optional import model_or_none


def answerable(*, prices: Prices, after: str, limit: int) -> Page:
    """Five queries per page."""
    model = model_or_none("customer", "ProductAlert")
    if model is None:
        return Page()
    alerts = model._base_manager.filter(status=model.ACTIVE).order_by("pk")
    if after:
        alerts = alerts.filter(pk__gt=after)
    found = list(alerts.values_list("pk", "product_id")[:limit])
    sold = sound_offers((product_pk for _pk, product_pk in found), prices)
    keys = [
        BACK_IN_STOCK.key(str(pk))
        for pk, product_pk in found
        if any(offer.is_in_stock for offer in sold.get(product_pk, ()))
    ]
    return Page(keys=tuple(keys), cursor=str(found[-1][0]) if len(found) == limit else "")


def unsettled(keys: Sequence[str]) -> Collection[str]:
    """Events that may come up again: of open alerts, and of those that were closed so lately that
    a second save of them would be sent. A price drop belongs to its day."""
    model = model_or_none("customer", "ProductAlert")
    if model is None:
        return set()
    may_return = Q(status=model.ACTIVE)
    if "date_closed" in field_names(model):
        since = timezone.now() - timedelta(days=conf.EVENT_RETENTION_DAYS)
        may_return |= Q(date_closed__gte=since)
    alerts = model._base_manager.filter(may_return).order_by()
    pks = fetched(
        lambda chunk: alerts.filter(pk__in=chunk).values_list("pk", flat=True), alert_pks(keys)
    )
    return {BACK_IN_STOCK.key(str(pk)) for pk in pks}


def wished(*, prices: Prices, after: str, limit: int) -> WishedPage:
    """Five queries per page."""
    model = model_or_none("wishlists", "Line")
    if model is None:
        return WishedPage(offers={})
    lines = model._base_manager.exclude(product_id=None).order_by("product_id")
    if after:
        lines = lines.filter(product_id__gt=after)
    pks = list(lines.values_list("product_id", flat=True).distinct()[:limit])
    found = sound_offers(pks, prices)
    in_order = {str(pk): found[pk] for pk in pks if pk in found}
    return WishedPage(offers=in_order, cursor=str(pks[-1]) if len(pks) == limit else "")


def wishes(product_keys: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Of a customer who has a product in several lists, the oldest wish. One query."""
    model = model_or_none("wishlists", "Line")
    if model is None:
        return {}
    lines = model._base_manager.order_by("pk")
    pks = values_of(model._meta.get_field("product").target_field, product_keys)
    found = fetched(
        lambda chunk: lines.filter(product_id__in=chunk).values_list(
            "pk", "product_id", "wishlist__owner_id"
        ),
        pks,
    )
    groups: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for pk, product_pk, owner_pk in found:
        groups[str(product_pk)].setdefault(str(owner_pk), str(pk))
    return groups
