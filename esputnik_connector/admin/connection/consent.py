"""What a connection means for people who have not said yes to messages, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection
from esputnik_connector.operations.backfill_progress import number_text
from esputnik_connector.pipeline.backfill.consent import policies_of, policy_of
from esputnik_connector.records import Kind
from esputnik_connector.shops.base import ShopAdapter, SupportsHistory

MOST_COUNTED = 5000  # a page counts no more: with the guests of a large shop it takes seconds


@dataclass(frozen=True, kw_only=True)
class ConsentText:
    """:param is_warning: these people can be written to, or nothing was chosen."""

    text: str
    is_warning: bool


def consent_of(connection: Connection) -> ConsentText | None:
    """``None`` where the destination makes no difference."""
    try:
        policies, chosen = policies_of(connection), policy_of(connection)
        shop = registry.shop()
    except ConfigurationError:
        return None
    if not policies:
        return None
    count = how_many(shop)
    if chosen is not None:
        text = str(chosen.forecast) % {"count": count}
        return ConsentText(text=text, is_warning=chosen.is_mailing)
    text = _(
        "Nobody has chosen yet what happens to people who have not said yes to messages "
        "(%(count)s): their changes are sent, and %(destination)s counts them as people who may be "
        "mailed. Choose it below; no import starts before."
    )
    label = registry.destination_label(connection.destination)
    return ConsentText(text=text % {"count": count, "destination": label}, is_warning=True)


def how_many(shop: ShopAdapter) -> str:
    """Of all customers and guests, since asking each of them would take too long for a page; and of
    a large shop no more than that it is large. The forecast of an import is exact."""
    if not isinstance(shop, SupportsHistory):
        return _("how many is not known")
    customers = len(shop.keys(Kind.CONTACT, limit=MOST_COUNTED).keys)
    orders = len(shop.keys(Kind.ORDER, limit=MOST_COUNTED).keys)  # each may be another guest's
    if max(customers, orders) < MOST_COUNTED:
        return _("up to %(count)s") % {"count": number_text(shop.count(Kind.CONTACT))}
    return _("at least %(count)s") % {"count": number_text(customers)}
