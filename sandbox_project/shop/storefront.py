"""The sandbox shop's storefront at the account: its domain, its script, and how visits travel."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

from esputnik_connector.behaviour import ALLOWED_ROUTES, BehaviourType, Route
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.operations.storefront.connect import StorefrontChoices, connect
from esputnik_connector.operations.storefront.run import work


def open_storefront(connection: Connection) -> Storefront:
    """What the tracker can be told, a worker tells: the demo's visitors run no scripts. The rest
    goes by the browser of whoever opens the shop in one."""
    domain = urlsplit(settings.SHOP_URL).netloc
    storefront = connect(connection, StorefrontChoices(domain=domain, is_tracking=True))
    by_worker = {
        each.value: Route.TRACKER.value
        for each in BehaviourType
        if Route.TRACKER in ALLOWED_ROUTES[each]
    }
    usual = {BehaviourType.STATUS_CART.value: Route.EVENT.value}  # the sync of carts
    usual[BehaviourType.PRODUCT_UPDATE.value] = Route.OFF.value
    storefront.routes = {**by_worker, **usual}
    storefront.save(update_fields=["routes"])
    work(storefront)
    storefront.refresh_from_db()
    return storefront
