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
from esputnik_connector.shops.base import SupportsHistory


@dataclass(frozen=True, kw_only=True)
class ConsentText:
    """:param is_warning: these people can be written to, or nothing was chosen."""

    text: str
    is_warning: bool


def consent_of(connection: Connection) -> ConsentText | None:
    """``None`` where the destination makes no difference.

    The number is of all customers and guests, since asking each of them would take too long for a
    page; the forecast of an import is exact.
    """
    try:
        policies, chosen = policies_of(connection), policy_of(connection)
        shop = registry.shop()
    except ConfigurationError:
        return None
    if not policies:
        return None
    count = _("how many is not known")
    if isinstance(shop, SupportsHistory):
        count = _("up to %(count)s") % {"count": number_text(shop.count(Kind.CONTACT))}
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
