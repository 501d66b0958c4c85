"""The event types of the connector itself. A third one is a third declaration here."""

from __future__ import annotations

from operator import attrgetter

from django.utils.translation import gettext_lazy as _

from esputnik_connector.event_names import BACK_IN_STOCK, PRICE_DROP
from esputnik_connector.event_types import PRODUCT_PARAMS, EventType, from_shop
from esputnik_connector.records import Reason

from .back_in_stock import scan_back_in_stock
from .price_drops import is_still_cheaper, scan_price_drops

is_in_stock = attrgetter("is_in_stock")

EVENT_TYPES = (
    EventType(
        name=BACK_IN_STOCK,
        label=_("back in stock"),
        switch="send_back_in_stock",
        event_key="ProductBackInStock",
        load=from_shop,
        params=PRODUCT_PARAMS,
        still_true={Reason.SOLD_OUT: is_in_stock},
        scan=scan_back_in_stock,
    ),
    EventType(
        name=PRICE_DROP,
        label=_("price drop"),
        switch="send_price_drop",
        event_key="ProductPriceDrop",
        load=from_shop,
        params=PRODUCT_PARAMS,
        still_true={Reason.SOLD_OUT: is_in_stock, Reason.NOT_CHEAPER: is_still_cheaper},
        scan=scan_price_drops,
    ),
)
